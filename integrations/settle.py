"""Settle: write what became of a batch, in one transaction that only the holder of the lease can commit."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from integrations import counts, leases
from integrations.compose import ACCEPTED, Batch
from integrations.leases import Lease
from integrations.models import Connection, Delivery, Rejection
from integrations.segment.verdicts import Answer, Verdict
from integrations.terms import TermsInForce

REJECTED_REASON = "refused_by_segment"


@dataclass(frozen=True)
class Attempt:
    """One POST: its answer, what that means, the bytes that were sent, the attempt's number and its time."""

    answer: Answer
    verdict: Verdict
    size_bytes: int
    number: int
    at: datetime


def record_progress(
    lease: Lease,
    terms: TermsInForce,
    batch: Batch,
    attempt: Attempt | None,
    suspects: Sequence[tuple[Batch, Attempt]] = (),
) -> None:
    """Move the cursor over a batch that was accepted, refused as a single event, or held nothing to send.

    `suspects` are the batches before it that wait for this decision: single events refused before, and what lies
    between them. Raises LostLeaseError or TermsChangedError; then nothing is written.
    """
    settled = [*suspects, (batch, attempt)]
    with transaction.atomic():
        leases.move(lease, cursor=batch.last, begun=attempt is not None)
        tally: Counter[counts.CountKey] = Counter()
        for part, its_attempt in settled:
            _write(lease, terms, part, its_attempt, tally)
        counts.add(lease.lane_id, tally)
        if batch.is_test and attempt is not None and attempt.verdict is Verdict.ACCEPTED:
            Connection.objects.filter(pk=terms.connection_id).update(test_accepted_at=Now())
    lease.cursor, lease.attempts = batch.last, 0


def record_failure(
    lease: Lease,
    terms: TermsInForce,
    batch: Batch,
    attempt: Attempt,
    *,
    delay: timedelta,
    error: str = "",
    attention: str = "",
) -> None:
    """Leave the cursor where it is: to be tried again after `delay`, or not before a person has seen to it.

    `attention` says what a person must see to; an answer that speaks of the connection says it by itself.
    """
    answer = attempt.answer
    error = error or attention or (f"{answer.status}: {answer.excerpt}" if answer.status else answer.error)
    if attempt.verdict is Verdict.CONNECTION:
        attention = f"Segment answered {error}"
    with transaction.atomic():
        leases.postpone(lease, delay=timedelta(0) if attention else delay, error=error)
        outcome = Delivery.Outcome.REFUSED if attention else Delivery.Outcome.RETRY
        _delivery(lease, terms, batch, attempt, outcome).save()
        if attention:
            _need_attention(Connection.objects.filter(pk=terms.connection_id), attention)


def record_unreadable_key(lease: Lease, error: str) -> None:
    """Stop a connection whose write key cannot be decrypted; nothing was composed, nothing is lost."""
    with transaction.atomic():
        leases.postpone(lease, delay=timedelta(0), error=error)
        _need_attention(Connection.objects.filter(lanes=lease.lane_id), f"The write key cannot be read. {error}")


def _write(
    lease: Lease, terms: TermsInForce, batch: Batch, attempt: Attempt | None, tally: Counter[counts.CountKey]
) -> None:
    """Write one batch's Delivery and Rejection, and add what became of its events to the tally."""
    for (minute, name, reason), count in batch.left_out_counts.items():
        tally[(minute, name, reason)] += count
    if not batch.messages or attempt is None:
        _delivery(lease, terms, batch, None, Delivery.Outcome.NOTHING).save()
        return
    accepted = attempt.verdict is Verdict.ACCEPTED
    for (minute, name), count in batch.sent_counts.items():
        tally[(minute, name, ACCEPTED if accepted else counts.REJECTED)] += count
    outcome = Delivery.Outcome.ACCEPTED if accepted else Delivery.Outcome.REFUSED
    _delivery(lease, terms, batch, attempt, outcome).save()
    if not accepted:
        Rejection.objects.create(
            lane_id=lease.lane_id,
            position=batch.positions[0],
            reason=REJECTED_REASON,
            status=attempt.answer.status,
            answer=attempt.answer.excerpt[:500],
            at=attempt.at,
        )


def _delivery(
    lease: Lease, terms: TermsInForce, batch: Batch, attempt: Attempt | None, outcome: Delivery.Outcome
) -> Delivery:
    delivery = Delivery(
        lane_id=lease.lane_id,
        version_id=terms.version_id,
        first_position=batch.first,
        last_position=batch.last,
        sent=len(batch.messages),
        left_out=len(batch.left_out),
        size_bytes=0,
        attempt=0,
        outcome=outcome,
    )
    if attempt is not None:
        delivery.size_bytes = attempt.size_bytes
        delivery.attempt = attempt.number
        delivery.status = attempt.answer.status
        delivery.answer = attempt.answer.excerpt[:500]
        delivery.duration_ms = attempt.answer.duration_ms
        delivery.at = attempt.at
    return delivery


def _need_attention(connections: QuerySet[Connection], attention: str) -> None:
    """Pause a connection until a person has seen to it; one that a person paused stays as it is."""
    connections.filter(status=Connection.Status.ACTIVE).update(
        status=Connection.Status.NEEDS_ATTENTION,
        attention=attention[:500],
        attention_at=Now(),
        attention_notified_at=None,
    )
