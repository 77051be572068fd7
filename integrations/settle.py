"""Settle: write what became of a batch, in one transaction that only the holder of the lease can commit.

Locks are taken in one order everywhere: the lane first, by the UPDATE that checks the lease, then the connection.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from assistants.statements import Statement, run_together
from integrations import counts, leases, replayed
from integrations.compose import ACCEPTED, Batch
from integrations.leases import Lease, TermsChangedError
from integrations.models import Connection, Delivery, Lane, Rejection
from integrations.segment.verdicts import Answer, Verdict
from integrations.terms import TermsInForce, is_same_destination

REJECTED_REASON = "refused_by_segment"
DEADLY_REASON = "workers_died"
NO_DELAY = timedelta(0)


@dataclass(frozen=True)
class Attempt:
    """One POST: its answer, what that means, the bytes that were sent, the attempt's number and its time."""

    answer: Answer
    verdict: Verdict
    size_bytes: int
    number: int
    at: datetime

    @property
    def is_deadly(self) -> bool:
        """Whether it stands for attempts that no worker survived, and was not made itself."""
        return self.verdict is Verdict.CONTENT and self.answer.status is None

    @property
    def error(self) -> str:
        """What went wrong, in short, for people."""
        return f"{self.answer.status}: {self.answer.excerpt}" if self.answer.status else self.answer.error


@dataclass(frozen=True)
class Part:
    """A batch, the terms by which it was composed, and how it was sent; no attempt where nothing was to be sent."""

    terms: TermsInForce
    batch: Batch
    attempt: Attempt | None

    @property
    def is_accepted(self) -> bool:
        return self.attempt is not None and self.attempt.verdict is Verdict.ACCEPTED

    @property
    def is_refused(self) -> bool:
        return self.attempt is not None and self.attempt.verdict is Verdict.CONTENT


def deadly_attempt(lease: Lease) -> Attempt:
    """Return what stands for the attempts at an event at which one worker after the other died."""
    died = Answer(None, error="Each worker that tried this event alone died; the logs of worker and system say more.")
    return Attempt(died, Verdict.CONTENT, size_bytes=0, number=lease.attempts, at=timezone.now())


def record_progress(
    lease: Lease, parts: Sequence[Part], *, begin_to: int | None = None, sent_to: int | None = None
) -> None:
    """Move the cursor over consecutive parts: accepted ones, refused single events, and those with nothing to send.

    With `begin_to`, the attempt at the next batch, up to there, is noted in the same transaction; behind them, up to
    `sent_to`, others are under way. Raises LostLeaseError or TermsChangedError; then nothing is written.
    """
    last = parts[-1].batch.last
    tally: Counter[counts.CountKey] = Counter()
    for part in parts:
        _add(part, tally)
    deliveries = [_delivery(lease, part, outcome) for part in parts if (outcome := _outcome(part))]
    with transaction.atomic():
        leases.move(
            lease,
            cursor=last,
            begun=any(part.attempt for part in parts),
            begin_to=begin_to,
            sent_to=sent_to,
            along=[*deliveries, *counts.additions(lease.lane_id, tally)],
        )
        for part in parts:
            _see_to(lease, part)
        if lease.kind == Lane.Kind.REPLAY and last == lease.end:
            replayed.end(lease.lane_id)
    lease.cursor, lease.attempts = last, 0 if begin_to is None and sent_to is None else 1


def record_refusal(lease: Lease, part: Part) -> None:
    """Note that Segment refused a batch for its content; what becomes of its events is not decided by that.

    Raises LostLeaseError.
    """
    with transaction.atomic():
        leases.end_attempt(lease, to=part.batch.last, may_have_arrived=False)
        run_together([_delivery(lease, part, Delivery.Outcome.REFUSED)])


def record_overtaken(lease: Lease, parts: Sequence[Part]) -> None:
    """Note attempts behind one that failed: whatever their answers, the batches are sent again behind that one.

    Raises LostLeaseError.
    """
    with transaction.atomic():
        may_have_arrived = any(
            part.is_accepted or (part.attempt and part.attempt.answer.is_ambiguous) for part in parts
        )
        leases.end_attempt(lease, to=parts[-1].batch.last, may_have_arrived=may_have_arrived)
        run_together([_delivery(lease, part, Delivery.Outcome.RETRY) for part in parts])


def record_failure(lease: Lease, part: Part, attempt: Attempt, *, delay: timedelta) -> None:
    """Leave the cursor where it is: to be tried again after `delay`, or, by the verdict, once a person has seen to it.

    An answer of a destination that was changed in the meantime says nothing about the new one: raises
    TermsChangedError once it is recorded. Raises LostLeaseError; then nothing is written.
    """
    is_permanent = attempt.verdict is Verdict.CONNECTION
    with transaction.atomic():
        leases.end_attempt(lease, to=part.batch.last, may_have_arrived=attempt.answer.is_ambiguous)
        is_current = is_same_destination(part.terms)
        run_together([_delivery(lease, part, Delivery.Outcome.REFUSED if is_permanent else Delivery.Outcome.RETRY)])
        if is_current:
            leases.postpone(lease, delay=NO_DELAY if is_permanent else delay, error=attempt.error)
        if is_current and is_permanent:
            _need_attention(_connection(part), f"Segment answered {attempt.error}")
    if not is_current:
        raise TermsChangedError


def record_undecided(lease: Lease, error: str, *, delay: timedelta) -> None:
    """Leave refused events behind of which nothing shows yet whose fault it is, to be tried again after `delay`.

    Raises LostLeaseError or TermsChangedError; then nothing is written.
    """
    with transaction.atomic():
        leases.confirm(lease)
        leases.postpone(lease, delay=delay, error=error)


def record_too_many_refused(lease: Lease, part: Part, reason: str) -> None:
    """Stop a connection that has one event after the other refused; the ones not yet rejected stay where they are.

    A replay stops alone: what it sends is older, and live events may well be accepted. Raises as `record_undecided`.
    """
    with transaction.atomic():
        leases.confirm(lease)
        leases.postpone(lease, delay=NO_DELAY, error=reason)
        if lease.kind == Lane.Kind.REPLAY:
            Lane.objects.filter(pk=lease.lane_id).update(paused_at=timezone.now())
        else:
            _need_attention(_connection(part), reason)


def record_unreadable_key(lease: Lease, error: str) -> None:
    """Stop a connection whose write key cannot be decrypted; nothing was composed, nothing is lost.

    Raises LostLeaseError.
    """
    with transaction.atomic():
        leases.postpone(lease, delay=NO_DELAY, error=error)
        _need_attention(Connection.objects.filter(lanes=lease.lane_id), f"The write key cannot be read. {error}")


def _add(part: Part, tally: Counter[counts.CountKey]) -> None:
    """Add what became of one part's events to the tally."""
    for (minute, name, reason), count in part.batch.left_out_counts.items():
        tally[(minute, name, reason)] += count
    for (minute, name), count in part.batch.sent_counts.items():
        tally[(minute, name, ACCEPTED if part.is_accepted else counts.REJECTED)] += count
    for (minute, name), count in part.batch.identified_counts.items():
        if part.is_accepted and count:
            tally[(minute, name, counts.IDENTIFIED)] += count


def _outcome(part: Part) -> Delivery.Outcome | None:
    """Return how a part's attempt is recorded; that of a refused event was, when it was refused."""
    if part.attempt is None:
        return Delivery.Outcome.NOTHING
    return Delivery.Outcome.ACCEPTED if part.is_accepted else None


def _see_to(lease: Lease, part: Part) -> None:
    """Write what few parts have: a rejected event, or one that tests the connection."""
    is_replay = lease.kind == Lane.Kind.REPLAY
    if part.is_accepted:
        if part.batch.is_test and not is_replay and is_same_destination(part.terms):
            _connection(part).update(test_accepted_at=timezone.now())
        if is_replay:
            replayed.resolve(lease.lane_id, part.terms.connection_id, part.batch.positions, is_accepted=True)
    elif part.attempt is not None:
        if is_replay:
            replayed.resolve(lease.lane_id, part.terms.connection_id, part.batch.positions, is_accepted=False)
        _reject(lease, part.batch, part.attempt)


def _reject(lease: Lease, batch: Batch, attempt: Attempt) -> None:
    """Write the rejection of a single event; that it was refused is in the Delivery of then."""
    Rejection.objects.create(
        lane_id=lease.lane_id,
        position=batch.positions[0],
        reason=DEADLY_REASON if attempt.is_deadly else REJECTED_REASON,
        status=attempt.answer.status,
        answer=attempt.answer.excerpt[:500],
        at=attempt.at,
    )


def _delivery(lease: Lease, part: Part, outcome: Delivery.Outcome) -> Statement:
    """Return what writes the row of one attempt."""
    batch, attempt = part.batch, part.attempt
    row: dict[str, object] = {
        "lane_id": lease.lane_id,
        "version_id": part.terms.version_id,
        "first_position": batch.first,
        "last_position": batch.last,
        "sent": len(batch.messages),
        "left_out": len(batch.left_out),
        "size_bytes": attempt.size_bytes if attempt else 0,
        "attempt": attempt.number if attempt else 0,
        "outcome": outcome.value,
        "status": attempt.answer.status if attempt else None,
        "answer": attempt.answer.excerpt[:500] if attempt else "",
        "duration_ms": attempt.answer.duration_ms if attempt else 0,
        "at": connection.ops.adapt_datetimefield_value(attempt.at if attempt else timezone.now()),
    }
    names, marks = ", ".join(row), ", ".join(["%s"] * len(row))
    return Statement(f"INSERT INTO integrations_delivery ({names}) VALUES ({marks})", list(row.values()))  # noqa: S608


def _may_have_arrived(part: Part) -> bool:
    return part.is_accepted or (part.attempt is not None and part.attempt.answer.is_ambiguous)


def _connection(part: Part) -> QuerySet[Connection]:
    return Connection.objects.filter(pk=part.terms.connection_id)


def _need_attention(connections: QuerySet[Connection], attention: str) -> None:
    """Pause a connection until a person has seen to it; one that a person paused stays as it is."""
    # By this process's clock: SQLite's has milliseconds, and an incident is told from the next by the exact time.
    connections.filter(status=Connection.Status.ACTIVE).update(
        status=Connection.Status.NEEDS_ATTENTION,
        attention=attention[:500],
        attention_at=timezone.now(),
    )
