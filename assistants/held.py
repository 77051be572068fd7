"""Parts that are held until their whole is complete, such as the spans of a trace.

Every change to the parts of an environment is made under the lock on its log's head, which the append needs anyway. So
neither two sweeps nor a sweep and a request can have the same whole in hand.
"""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

import msgspec
from django.db.models import Min, QuerySet

from assistants.models import HeldPart
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


@dataclass(frozen=True)
class Whole:
    """What parts belong to: the environment and source it came from, and the hash of its ID there."""

    environment_id: int
    kind: str
    digest: bytes


def hold(environment_id: int, kind: str, parts: Sequence[Part], *, hold_seconds: float, at: datetime) -> int:
    """Store what one request brought, and let its wholes wait for more; return of how many wholes it is news.

    All parts of a whole that came together are one row; the same ones again are stored once. To be called under the
    lock on the environment's head.
    """
    given: dict[bytes, dict[str, Part]] = defaultdict(dict)
    for part in parts:
        given[_digest(part.whole_id)].setdefault(part.part_id, part)
    known = _known(environment_id, kind, set(given))
    new = {
        (whole, digest): list(its.values())
        for whole, its in given.items()
        if (digest := _digest("\0".join(sorted(its)))) not in known[whole]
    }
    due = {whole: _due(its, known[whole].values(), hold_seconds, at) for (whole, _), its in new.items()}
    HeldPart.objects.bulk_create(
        HeldPart(
            environment_id=environment_id,
            kind=kind,
            whole=whole,
            part=digest,
            body=compress(_encoder.encode([(p.whole_id, p.part_id, p.body, _keep_seconds(p)) for p in its])),
            received_at=at,
            due_at=due[whole],
        )
        for (whole, digest), its in new.items()
    )
    _move(environment_id, kind, {whole: moment for whole, moment in due.items() if known[whole]})
    return len(new)


def due_wholes(now: datetime, *, limit: int) -> list[Whole]:
    """Return wholes whose time has come, the longest due first; what came in one request stays in its order."""
    rows = HeldPart.objects.filter(due_at__lte=now).order_by().values("environment_id", "kind", "whole")
    rows = rows.annotate(earliest=Min("due_at"), first=Min("pk")).order_by("earliest", "first")
    return [Whole(row["environment_id"], row["kind"], bytes(row["whole"])) for row in rows[:limit]]


def rows_of(wholes: Sequence[Whole]) -> "QuerySet[HeldPart]":
    """Return the parts of wholes of one environment and source, in the order in which they came."""
    first = wholes[0]
    parts = HeldPart.objects.filter(environment_id=first.environment_id, kind=first.kind)
    return parts.filter(whole__in=[whole.digest for whole in wholes]).order_by("pk")


def keys_of(wholes: Sequence[Whole]) -> dict[Whole, set[int]]:
    """Return the primary keys of what is held of each whole at this moment."""
    first = wholes[0]
    keys: dict[Whole, set[int]] = {whole: set() for whole in wholes}
    for key, digest in rows_of(wholes).values_list("pk", "whole"):
        keys[Whole(first.environment_id, first.kind, bytes(digest))].add(key)
    return keys


def whole_of(row: HeldPart) -> Whole:
    """Return what a part belongs to."""
    return Whole(row.environment_id, row.kind, bytes(row.whole))


def drop(keys: Sequence[int]) -> None:
    """Delete the parts with these primary keys."""
    for chunk in _chunks(keys):
        HeldPart.objects.filter(pk__in=chunk).delete()


def move(keys: Sequence[int], due_at: datetime) -> None:
    """Let the parts with these primary keys be due at another time."""
    for chunk in _chunks(keys):
        HeldPart.objects.filter(pk__in=chunk).update(due_at=due_at)


def parts_of(row: HeldPart) -> list[Part]:
    """Return the parts of one row as they came."""
    return [
        Part(whole_id, part_id, body, keep_seconds=keep_seconds)
        for whole_id, part_id, body, keep_seconds in _decoder.decode(decompress(bytes(row.body)))
    ]


def gone_at(row: HeldPart, parts: Sequence[Part]) -> datetime:
    """Return when a row that was derived goes, if nothing comes any more; `parts` are what is in it."""
    return row.received_at + timedelta(seconds=max(_keep_seconds(part) for part in parts))


def _keep_seconds(part: Part) -> float:
    return KEPT_SECONDS if part.keep_seconds is None else part.keep_seconds


def _known(environment_id: int, kind: str, wholes: set[bytes]) -> dict[bytes, dict[bytes, _Times]]:
    """Return which parts of these wholes are held, since when, and until when."""
    known: dict[bytes, dict[bytes, _Times]] = defaultdict(dict)
    for chunk in _chunks(wholes):
        rows = HeldPart.objects.filter(environment_id=environment_id, kind=kind, whole__in=chunk)
        for whole, part, received_at, due_at in rows.values_list("whole", "part", "received_at", "due_at"):
            known[bytes(whole)][bytes(part)] = (received_at, due_at)
    return known


def _due(parts: Sequence[Part], known: Collection[_Times], hold_seconds: float, at: datetime) -> datetime:
    """Return until when a whole waits for more; a part may ask for another time than the source's own."""
    asked = [part.hold_seconds for part in parts if part.hold_seconds is not None]
    hold = timedelta(seconds=max(asked, default=hold_seconds))
    longest = min((received_at for received_at, _ in known), default=at) + max(LONGEST_HOLD, hold)
    # Beyond its longest time a whole may be told to come sooner than it would go, never later.
    latest = longest if longest > at else min(due_at for _, due_at in known)
    return min(at + hold, latest)


def _move(environment_id: int, kind: str, due: dict[bytes, datetime]) -> None:
    by_moment: dict[datetime, list[bytes]] = defaultdict(list)
    for whole, moment in due.items():
        by_moment[moment].append(whole)
    for moment, wholes in by_moment.items():
        for chunk in _chunks(wholes):
            HeldPart.objects.filter(environment_id=environment_id, kind=kind, whole__in=chunk).update(due_at=moment)


def _chunks(values: Iterable[Value]) -> Iterable[list[Value]]:
    ordered = sorted(values)
    for start in range(0, len(ordered), PER_STATEMENT):
        yield ordered[start : start + PER_STATEMENT]


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=16).digest()
