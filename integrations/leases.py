"""The right to move a lane: taken, extended and given back by conditional UPDATE, by the clock of the database.

Every condition stands in the UPDATE's own WHERE. A condition in a subquery would be judged by an old snapshot when two
workers meet at the same row, and both would win.
"""

import os
import socket
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Any

from django.conf import settings
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from assistants.models import Environment
from assistants.statements import Statement, run_together
from integrations.compiled import CompiledUpdate
from integrations.models import Lane
from integrations.segment.limits import MAX_BATCH_MESSAGES

Change = tuple[QuerySet[Lane], dict[str, Any]]


# So many holders may die at a range before its events go one by one, and so many more at one of these alone. Whoever
# kills workers for another reason lets one through at times.
DEATHS_TOGETHER, DEATHS_ALONE = 3, 5


class Progress(Enum):
    """How one step of a holder's turn ended."""

    # The cursor may have moved, and there may be more to read.
    MOVED = "moved"
    # Nothing is left to read.
    IDLE = "idle"
    # There is more, but not now: a try failed, or the connection does not send.
    STOPPED = "stopped"


class LostLeaseError(Exception):
    """Somebody else holds the lane by now: whatever was about to be written must not be."""


class TermsChangedError(Exception):
    """What or where to send was changed since the batch was composed: compose it again."""


@dataclass
class Lease:
    """A lane as its holder took it; `token` is the fencing token that each write must still match.

    Up to `may_have_arrived_to`, events may have arrived by an attempt of which no answer came back. So many holders
    before this one ended without a word and without progress (`deaths`); up to `alone_to`, events go one by one.
    """

    lane_id: int
    environment_id: int
    kind: str
    token: int
    cursor: int
    end: int | None
    attempts: int
    terms_seq: int
    may_have_arrived_to: int | None
    deaths: int = 0
    alone_to: int | None = None


def take(lane_id: int) -> Lease | None:
    """Take the lane if it waits for nothing and nobody holds it; None otherwise."""
    holder = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
    free = Q(lease_until__isnull=True) | Q(lease_until__lte=Now())
    due = Q(next_attempt_at__isnull=True) | Q(next_attempt_at__lte=Now())
    taken = Lane.objects.filter(free, due, pk=lane_id, stopped_at__isnull=True).update(
        lease_token=F("lease_token") + 1, lease_holder=holder[:100], lease_until=lease_end(), deaths=F("deaths") + 1
    )
    if not taken:
        return None
    lane = Lane.objects.filter(pk=lane_id, lease_holder=holder[:100]).first()
    if lane is None:
        return None
    lease = Lease(
        lane_id=lane.pk,
        environment_id=lane.environment_id,
        kind=lane.kind,
        token=lane.lease_token,
        cursor=lane.cursor,
        end=lane.end,
        attempts=lane.attempts,
        terms_seq=lane.terms_seq,
        may_have_arrived_to=lane.in_flight_to,
        # This turn is counted already, until it ends.
        deaths=lane.deaths - 1,
        alone_to=lane.alone_to,
    )
    if lease.deaths >= DEATHS_TOGETHER and not is_alone(lease):
        _isolate(lease)
    return lease


def is_alone(lease: Lease) -> bool:
    """Say whether events go one by one at the lease's cursor."""
    return lease.alone_to is not None and lease.cursor < lease.alone_to


def _isolate(lease: Lease) -> None:
    """Have events go one by one, as far as the range may reach that one holder after the other did not survive."""
    lease.alone_to, lease.deaths = max(lease.may_have_arrived_to or 0, lease.cursor + MAX_BATCH_MESSAGES), 0
    _held(lease).update(alone_to=lease.alone_to, deaths=1)


def is_held(lane_id: int) -> bool:
    """Say whether somebody holds the lane at this moment."""
    return Lane.objects.filter(pk=lane_id, lease_until__gt=Now()).exists()


def begin_attempt(lease: Lease, *, to: int, is_part: bool = False) -> None:
    """Note, before it is sent, that a batch up to position `to` is on its way; extends the lease.

    An attempt is counted here, so that one that kills its worker counts too; the parts of a batch that is searched for
    what Segment refuses belong to one attempt. Raises TermsChangedError, also where the environment was deleted, and
    LostLeaseError.
    """
    attempts = max(lease.attempts, 1) if is_part else lease.attempts + 1
    in_flight_to = max(to, lease.may_have_arrived_to or 0)
    if not _begin.run(**_identity(lease), terms_seq=lease.terms_seq, in_flight_to=in_flight_to, attempts=attempts):
        raise_why(lease)
    lease.attempts = attempts


def move(
    lease: Lease,
    *,
    cursor: int,
    begun: bool,
    begin_to: int | None = None,
    sent_to: int | None = None,
    along: Sequence[Statement] = (),
) -> None:
    """Move the cursor, and execute `along`, which records what became of the events. Raises as `begin_attempt`.

    A batch that was not begun may be composed by terms that changed since; one that was keeps its own. With `begin_to`,
    the next batch, up to there, is begun as well; behind it, up to `sent_to`, others are under way: what lies
    before them keeps its terms. Where it raises, the transaction has to be rolled back.
    """
    values = {**_identity(lease), "old_cursor": lease.cursor, "cursor": cursor}
    in_flight_to = _in_flight_behind(lease, cursor)
    if begin_to is not None:
        in_flight_to = max(begin_to, in_flight_to or 0)
        moving = _move_and_begin.statement(**values, in_flight_to=in_flight_to, terms_seq=lease.terms_seq, attempts=1)
    elif sent_to is not None:
        in_flight_to = max(sent_to, in_flight_to or 0)
        moving = _move_begun.statement(**values, in_flight_to=in_flight_to, attempts=1)
    elif begun:
        moving = _move_begun.statement(**values, in_flight_to=in_flight_to, attempts=0)
    else:
        moving = _move_unbegun.statement(**values, in_flight_to=in_flight_to, terms_seq=lease.terms_seq, attempts=0)
    moved, *_ = run_together([moving, *along])
    if not moved:
        raise_why(lease)


def end_attempt(lease: Lease, *, to: int, may_have_arrived: bool) -> None:
    """Note that an attempt up to `to` is over and moves nothing; extends the lease, locks the lane in a transaction.

    A batch that may have arrived all the same stays in flight: what it was made of must not change before it is sent
    again. Raises LostLeaseError.
    """
    if may_have_arrived:
        lease.may_have_arrived_to = max(to, lease.may_have_arrived_to or 0)
    if not _held(lease).update(in_flight_to=_in_flight_behind(lease, lease.cursor), lease_until=lease_end()):
        raise LostLeaseError


def confirm(lease: Lease) -> None:
    """Extend the lease, and lock the lane in a transaction, if the terms are unchanged. Raises as `begin_attempt`."""
    if not _held(lease).filter(terms_seq=lease.terms_seq).update(lease_until=lease_end()):
        raise_why(lease)


def postpone(lease: Lease, *, delay: timedelta, error: str) -> None:
    """Leave the cursor where it is, say why, and let nobody try again before `delay` is over. Raises LostLeaseError."""
    if not _held(lease).update(last_error=error[:500], next_attempt_at=Now() + delay):
        raise LostLeaseError
    _held(lease).filter(failing_since__isnull=True).update(failing_since=Now())


def release(lease: Lease) -> None:
    """Give the lane back; does nothing where the lease was lost."""
    _held(lease).update(lease_until=None, lease_holder="", deaths=0)


def lease_end() -> Any:
    """The database's expression for when a lease that begins now ends."""
    return Now() + timedelta(seconds=settings.SLUICE_LEASE_SECONDS)


def raise_why(lease: Lease) -> None:
    """Raise what made a conditional UPDATE miss: the lease is lost, or the terms changed."""
    if _held(lease).filter(cursor=lease.cursor).exists():
        raise TermsChangedError
    raise LostLeaseError


def _in_flight_behind(lease: Lease, cursor: int) -> int | None:
    to = lease.may_have_arrived_to
    return to if to is not None and to > cursor else None


def _identity(lease: Lease) -> dict[str, int]:
    return {"lane_id": lease.lane_id, "token": lease.token}


def _held(lease: Lease) -> QuerySet[Lane]:
    return _held_by(**_identity(lease))


def _held_by(lane_id: int, token: int) -> QuerySet[Lane]:
    return Lane.objects.filter(pk=lane_id, lease_token=token)


# The statements of every batch.


def _build_begin(lane_id: int, token: int, terms_seq: int, in_flight_to: int, attempts: int) -> Change:
    lanes = _held_by(lane_id, token).filter(terms_seq=terms_seq, environment__in=_present())
    return lanes, {"in_flight_to": in_flight_to, "attempts": attempts, "lease_until": lease_end()}


def _build_move(
    lane_id: int, token: int, old_cursor: int, cursor: int, in_flight_to: int, attempts: int, **conditions: int
) -> Change:
    return _held_by(lane_id, token).filter(cursor=old_cursor, **conditions), {
        "cursor": cursor,
        "in_flight_to": in_flight_to,
        "attempts": attempts,
        "next_attempt_at": None,
        "last_error": "",
        "failing_since": None,
        "deaths": 1,
        "lease_until": lease_end(),
    }


def _build_move_and_begin(**values: int) -> Change:
    lanes, changes = _build_move(**values)
    return lanes.filter(environment__in=_present()), changes


def _present() -> QuerySet[Environment]:
    # The only condition in a subquery: an environment that is deleted at this moment may see one more request.
    return Environment.objects.present()


_MOVE = ("lane_id", "token", "old_cursor", "cursor", "in_flight_to", "attempts")
_begin = CompiledUpdate(_build_begin, "lane_id", "token", "terms_seq", "in_flight_to", "attempts")
_move_begun = CompiledUpdate(_build_move, *_MOVE)
_move_unbegun = CompiledUpdate(_build_move, *_MOVE, "terms_seq")
_move_and_begin = CompiledUpdate(_build_move_and_begin, *_MOVE, "terms_seq")
