"""Parts that are held until their whole is complete, such as the spans of a trace.

Every change to the parts of an environment is made under the lock on its log's head, which the append needs anyway. So
neither two sweeps nor a sweep and a request can have the same whole in hand.
"""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
from django.db.models import Min, QuerySet

from assistants.models import HeldPart
from assistants.sources.adapter import Part
from assistants.sources.payloads import compress, decompress

# A whole that never rests is derived all the same, with what there is.
LONGEST_HOLD = timedelta(seconds=30)
WHOLES_PER_STATEMENT = 500

# A whole stays for so long behind its newest part, unless that asks for another time: what comes late is read together
# with all before it.
KEPT_SECONDS = 60.0

# When a part was received, and when its whole is due.
_Times = tuple[datetime, datetime]

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(tuple[str, str, bytes, float])


@dataclass(frozen=True)
class Whole:
    """What parts belong to: the environment and source it came from, and the hash of its ID there."""

    environment_id: int
    kind: str
    digest: bytes

    @property
    def rows(self) -> "QuerySet[HeldPart]":
        """Its parts, in the order in which they came."""
        parts = HeldPart.objects.filter(environment_id=self.environment_id, kind=self.kind, whole=self.digest)
        return parts.order_by("pk")


def hold(environment_id: int, kind: str, parts: Sequence[Part], *, hold_seconds: float, at: datetime) -> int:
    """Store the parts that are not held yet, and let their wholes wait for more; return how many are new.

    To be called under the lock on the environment's head.
    """
    given = {(_digest(part.whole_id), _digest(part.part_id)): part for part in parts}
    known = _known(environment_id, kind, {whole for whole, _ in given})
    new = {key: part for key, part in given.items() if key[1] not in known[key[0]]}
    asked: dict[bytes, list[float]] = defaultdict(list)
    for (whole, _), part in new.items():
        asked[whole] += [] if part.hold_seconds is None else [part.hold_seconds]
    due = {whole: _due(seconds, known[whole].values(), hold_seconds, at) for whole, seconds in asked.items()}
    HeldPart.objects.bulk_create(
        HeldPart(
            environment_id=environment_id,
            kind=kind,
            whole=whole,
            part=digest,
            body=compress(_encoder.encode((part.whole_id, part.part_id, part.body, _keep_seconds(part)))),
            received_at=at,
            due_at=due[whole],
        )
        for (whole, digest), part in new.items()
    )
    _move(environment_id, kind, {whole: moment for whole, moment in due.items() if known[whole]})
    return len(new)


def due_wholes(now: datetime, *, limit: int) -> list[Whole]:
    """Return wholes whose time has come, the longest due first; what came in one request stays in its order."""
    rows = HeldPart.objects.filter(due_at__lte=now).order_by().values("environment_id", "kind", "whole")
    rows = rows.annotate(earliest=Min("due_at"), first=Min("pk")).order_by("earliest", "first")
    return [Whole(row["environment_id"], row["kind"], bytes(row["whole"])) for row in rows[:limit]]


def part_of(row: HeldPart) -> Part:
    """Return a part as it came."""
    whole_id, part_id, body, keep_seconds = _decoder.decode(decompress(bytes(row.body)))
    return Part(whole_id, part_id, body, keep_seconds=keep_seconds)


def gone_at(rows: Sequence[HeldPart], parts: Sequence[Part]) -> datetime:
    """Return when a whole that was derived goes, if nothing comes any more; `parts` are what is in its rows."""
    kept = (timedelta(seconds=_keep_seconds(part)) for part in parts)
    return max(row.received_at + time for row, time in zip(rows, kept, strict=True))


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


def _due(asked: Sequence[float], known: Collection[_Times], hold_seconds: float, at: datetime) -> datetime:
    """Return until when a whole waits for more; a part may ask for another time than the source's own."""
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


def _chunks(wholes: Iterable[bytes]) -> Iterable[list[bytes]]:
    ordered = sorted(wholes)
    for start in range(0, len(ordered), WHOLES_PER_STATEMENT):
        yield ordered[start : start + WHOLES_PER_STATEMENT]


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=16).digest()
