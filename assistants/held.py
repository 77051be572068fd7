"""Parts that are held until their whole is complete, such as the spans of a trace.

Every change to the parts of an environment is made under the lock on its log's head, which the append needs anyway. So
neither two sweeps nor a sweep and a request can have the same whole in hand.
"""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, TypeVar

import msgspec
from django.db.models import QuerySet

from assistants import source_sql
from assistants.models import HeldPart
from assistants.source_sql import StoredPart
from assistants.sources.adapter import Part
from assistants.sources.payloads import compress, decompress

# A whole that never rests is derived all the same, with what there is.
LONGEST_HOLD = timedelta(seconds=30)
PER_STATEMENT = 500

# A whole stays for so long behind its newest part, unless that asks for another time: what comes late is read together
# with all before it.
KEPT_SECONDS = 60.0

Value = TypeVar("Value", bytes, int)
# When a part was received, and when its whole is due.
_Times = tuple[datetime, datetime]

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[tuple[str, str, bytes, float]])


class Whole(NamedTuple):
    """What parts belong to: the environment and source it came from, and the hash of its ID there."""

    environment_id: int
    kind: str
    digest: bytes


@dataclass(frozen=True)
class Bundle:
    """The parts that one request brought, and how long its source lets a whole wait for more."""

    environment_id: int
    kind: str
    parts: Sequence[Part]
    hold_seconds: float
    at: datetime


class Holder:
    """Holds what requests brought: what is held of their wholes is read at once, what is new is written at once.

    All parts of a whole that came together are one row; the same ones again are stored once. To be used under the locks
    on the environments' heads.
    """

    def __init__(self, bundles: Sequence[Bundle]) -> None:
        self._new: list[tuple[Whole, bytes, bytes, datetime]] = []
        self._due: dict[Whole, datetime] = {}
        self._known = _known({whole for bundle in bundles for whole in _wholes(bundle)})
        self._stored = frozenset(self._known)

    def hold(self, bundle: Bundle) -> int:
        """Let the wholes of a bundle wait for more; return of how many it is news."""
        count = len(self._new)
        for whole_id, parts in _by_whole(bundle.parts).items():
            whole = Whole(bundle.environment_id, bundle.kind, _digest(whole_id))
            digest = _digest("\0".join(sorted(parts)))
            known = self._known.setdefault(whole, {})
            if digest not in known:
                due = _due(parts.values(), known.values(), bundle)
                known[digest] = (bundle.at, due)
                self._due[whole] = due
                self._new.append((whole, digest, _packed(parts.values()), bundle.at))
        return len(self._new) - count

    def store(self) -> None:
        """Write what is new."""
        source_sql.store().insert_parts(
            [
                source_sql.NewPart(*whole, digest, body, received_at, self._due[whole])
                for whole, digest, body, received_at in self._new
            ]
        )
        _move({whole: due for whole, due in self._due.items() if whole in self._stored})


def due_wholes(now: datetime, *, limit: int) -> list[Whole]:
    """Return wholes whose time has come, those of so many rows, the longest due first.

    What came in one request stays in its order.
    """
    due = HeldPart.objects.filter(is_derived=False, due_at__lte=now).order_by("due_at", "pk")
    rows = due.values_list("environment_id", "kind", "whole")[:limit]
    return list(dict.fromkeys(Whole(environment_id, kind, bytes(digest)) for environment_id, kind, digest in rows))


def places_with_parts_over(now: datetime) -> list[int]:
    """Return the environments in which something was derived that has waited long enough for what comes late."""
    over = HeldPart.objects.filter(is_derived=True, due_at__lte=now)
    return list(over.order_by("environment_id").values_list("environment_id", flat=True).distinct())


def drop_over(environment_id: int, now: datetime, *, limit: int) -> None:
    """Delete what was derived and has waited, about so many rows. All rows of a whole have the same time."""
    over = HeldPart.objects.filter(environment_id=environment_id, is_derived=True, due_at__lte=now)
    times = over.order_by("due_at").values_list("due_at", flat=True)
    last = times[limit - 1 : limit].first()
    (over if last is None else over.filter(due_at__lte=last)).delete()


def rows_of(wholes: Sequence[Whole]) -> "QuerySet[HeldPart]":
    """Return the parts of wholes of one environment and source, in the order in which they came."""
    first = wholes[0]
    parts = HeldPart.objects.filter(environment_id=first.environment_id, kind=first.kind)
    return parts.filter(whole__in=[whole.digest for whole in wholes]).order_by("pk")


def load(wholes: Sequence[Whole]) -> list[StoredPart]:
    """Read what is held of wholes of one environment and source, in the order in which it came."""
    return source_sql.store().parts(*_place(wholes))


def unpacked(stored: StoredPart) -> tuple[list[Part], datetime]:
    """Return the parts of one row as they came, and when they go if nothing comes any more."""
    packed = _decoder.decode(decompress(stored.body))
    parts = [Part(whole_id, part_id, body) for whole_id, part_id, body, _ in packed]
    return parts, stored.received_at + timedelta(seconds=max(keep_seconds for *_, keep_seconds in packed))


def keys_of(wholes: Sequence[Whole]) -> dict[bytes, list[int]]:
    """Return the primary keys of what waits of each whole at this moment, by the wholes' digests, in order.

    What another sweep has derived meanwhile waits no more.
    """
    keys: dict[bytes, list[int]] = defaultdict(list)
    for key, digest in source_sql.store().part_keys(*_place(wholes)):
        keys[digest].append(key)
    return keys


def drop(keys: Sequence[int]) -> None:
    """Delete the parts with these primary keys."""
    for chunk in _chunks(keys):
        HeldPart.objects.filter(pk__in=chunk).delete()


def keep(times: Sequence[tuple[int, datetime]]) -> None:
    """Note that the parts with these primary keys are derived, and when each goes if nothing comes any more."""
    source_sql.store().keep_parts(times)


def _place(wholes: Sequence[Whole]) -> tuple[int, str, list[bytes]]:
    """Return the one environment and source of wholes, and their digests."""
    return wholes[0].environment_id, wholes[0].kind, [whole.digest for whole in wholes]


def _keep_seconds(part: Part) -> float:
    return KEPT_SECONDS if part.keep_seconds is None else part.keep_seconds


def _wholes(bundle: Bundle) -> Iterator[Whole]:
    for whole_id in {part.whole_id for part in bundle.parts}:
        yield Whole(bundle.environment_id, bundle.kind, _digest(whole_id))


def _by_whole(parts: Iterable[Part]) -> dict[str, dict[str, Part]]:
    """Sort parts by what they belong to, each part once."""
    sorted_: dict[str, dict[str, Part]] = {}
    for part in parts:
        sorted_.setdefault(part.whole_id, {}).setdefault(part.part_id, part)
    return sorted_


def _packed(parts: Iterable[Part]) -> bytes:
    return compress(_encoder.encode([(part.whole_id, part.part_id, part.body, _keep_seconds(part)) for part in parts]))


def _known(wholes: Collection[Whole]) -> dict[Whole, dict[bytes, _Times]]:
    """Return what is held of these wholes: each row's hash, since when, and until when."""
    known: dict[Whole, dict[bytes, _Times]] = {}
    for environment_id, kind, digests in _by_place(wholes):
        for row in source_sql.store().part_times(environment_id, kind, digests):
            whole = Whole(environment_id, kind, row.whole)
            known.setdefault(whole, {})[row.part] = (row.received_at, row.due_at)
    return known


def _due(parts: Iterable[Part], known: Collection[_Times], bundle: Bundle) -> datetime:
    """Return until when a whole waits for more; a part may ask for another time than the source's own."""
    asked = [part.hold_seconds for part in parts if part.hold_seconds is not None]
    hold = timedelta(seconds=max(asked, default=bundle.hold_seconds))
    longest = min((received_at for received_at, _ in known), default=bundle.at) + max(LONGEST_HOLD, hold)
    # Beyond its longest time a whole may be told to come sooner than it would go, never later.
    latest = longest if longest > bundle.at else min(due_at for _, due_at in known)
    return min(bundle.at + hold, latest)


def _move(due: Mapping[Whole, datetime]) -> None:
    by_moment: dict[datetime, list[Whole]] = defaultdict(list)
    for whole, moment in due.items():
        by_moment[moment].append(whole)
    for moment, wholes in by_moment.items():
        for environment_id, kind, digests in _by_place(wholes):
            for chunk in _chunks(digests):
                rows = HeldPart.objects.filter(environment_id=environment_id, kind=kind, whole__in=chunk)
                rows.update(due_at=moment, is_derived=False)


def _by_place(wholes: Collection[Whole]) -> Iterator[tuple[int, str, list[bytes]]]:
    """Sort wholes by environment and source."""
    places: dict[tuple[int, str], list[bytes]] = defaultdict(list)
    for whole in wholes:
        places[whole.environment_id, whole.kind].append(whole.digest)
    for (environment_id, kind), digests in places.items():
        yield environment_id, kind, digests


def _chunks(values: Iterable[Value]) -> Iterable[list[Value]]:
    ordered = sorted(values)
    for start in range(0, len(ordered), PER_STATEMENT):
        yield ordered[start : start + PER_STATEMENT]


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=16).digest()
