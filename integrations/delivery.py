"""Delivery: a worker's turn at a lane. Lease, read, compose, POST, settle; again while there is something to do.

Whatever happens between two of these steps, the next holder begins at the cursor, composes the same messages with the
same IDs, and Segment drops what it has. Nothing is cleaned up after a worker that died.
"""

import logging
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol

from assistants import encryption, log
from assistants.log import Reader
from assistants.messages import Event
from integrations import index, leases
from integrations.compose import Batch, compose
from integrations.leases import Lease, LostLeaseError, TermsChangedError
from integrations.models import Lane
from integrations.segment.client import batch_body
from integrations.segment.limits import MAX_BATCH_MESSAGES
from integrations.segment.verdicts import Answer, Verdict, retry_delay, verdict
from integrations.settle import Attempt, record_failure, record_progress, record_unreadable_key
from integrations.terms import load_terms

logger = logging.getLogger(__name__)

# A holder gives the lane back after this time, so that others get their turn.
TURN_SECONDS = 5.0
# As many single events refused one after the other speak of the connection, not of the events.
REFUSALS_IN_A_ROW = 10
# Segment asks partners to stay below 50 requests a second.
SECONDS_BETWEEN_REQUESTS = 1 / 50
READ_EVENTS = MAX_BATCH_MESSAGES
UNDECIDED = (
    "Segment refuses this event, and no other event behind it shows yet whether the fault is the event's or the "
    "connection's. Answer {status}: {excerpt}"
)


class Client(Protocol):
    """What delivery needs of an HTTP client."""

    def post_batch(self, base_url: str, write_key: str, body: bytes, *, retries: int = 0) -> Answer:
        """POST a body and say how it ended."""


def run_lane(lane_id: int, client: Client) -> bool:
    """Take a turn at a lane, if it is free and due; return whether it has more to do at once."""
    lease = leases.take(lane_id)
    if lease is None:
        return False
    try:
        more = _turn(lease, client)
    except LostLeaseError:
        logger.warning("Lane %d was taken over; this turn is given up.", lane_id)
        return False
    except encryption.DecryptionError as error:
        record_unreadable_key(lease, str(error))
        return False
    finally:
        leases.release(lease)
    # An event that came between the last read and the release had its wake-up turned away by the lease.
    return more or log.head(lease.environment_id) > lease.cursor


def _turn(lease: Lease, client: Client) -> bool:
    """Work until the lane is idle, fails, or the turn is over; only in the last case there is more to do at once."""
    lane = Lane.objects.select_related("connection").get(pk=lease.lane_id)
    reader = Reader(lease.environment_id, after=lease.cursor)
    if lane.kind == Lane.Kind.INDEX:
        step: Callable[[], bool] = lambda: index.step(lease, reader)  # noqa: E731  one name for both kinds of step
    else:
        step = _Turn(lease, reader, client).step
    until = time.monotonic() + TURN_SECONDS
    while step():
        if time.monotonic() > until:
            return True
    return False


class _Turn:
    """One holder's work on a connection's lane."""

    def __init__(self, lease: Lease, reader: Reader, client: Client) -> None:
        self.lease = lease
        self.reader = reader
        self.client = client
        self.terms = load_terms(lease)
        self.refused_in_a_row = 0
        self.next_request_at = 0.0

    def step(self) -> bool:
        """Move the cursor by one batch; return whether to go on."""
        try:
            return self.terms.is_active and self._next_batch()
        except TermsChangedError:
            self.terms = load_terms(self.lease)
            return True

    def _next_batch(self) -> bool:
        events = self._events()
        if not events:
            return False
        batch = compose(events, self.terms.terms)
        if not batch.messages:
            self._settle(batch, None)
            return True
        attempt = self._send(batch, retries=self.lease.attempts)
        if attempt.verdict is Verdict.ACCEPTED:
            self._settle(batch, attempt)
            return True
        if attempt.verdict is Verdict.CONTENT:
            return self._find_refused([event for event in events if event.position <= batch.last], batch, attempt)
        return self._fail(batch, attempt)

    def _events(self) -> Sequence[Event]:
        """What lies behind the cursor, as far as one version of the terms reaches."""
        events = self.reader.window(READ_EVENTS)
        last = self.terms.last_position
        if self.lease.cursor == self.lease.end:
            return []
        if last is not None and events and events[-1].position > last:
            events = [event for event in events if event.position <= last]
            if not events:
                raise TermsChangedError
        return events

    def _send(self, batch: Batch, *, retries: int) -> Attempt:
        leases.begin_attempt(self.lease, to=batch.last)
        self._pace()
        now = datetime.now(UTC)
        body = batch_body(batch.messages, now)
        answer = self.client.post_batch(self.terms.base_url, self.terms.write_key, body, retries=retries)
        return Attempt(answer, verdict(answer), len(body), self.lease.attempts, now)

    def _pace(self) -> None:
        if not self.terms.is_paced:
            return
        wait = self.next_request_at - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        self.next_request_at = time.monotonic() + SECONDS_BETWEEN_REQUESTS

    def _settle(
        self, batch: Batch, attempt: Attempt | None, suspects: Sequence[tuple[Batch, Attempt]] = ()
    ) -> None:
        record_progress(self.lease, self.terms, batch, attempt, suspects)
        if attempt is not None and attempt.verdict is Verdict.ACCEPTED:
            self.refused_in_a_row = 0
        self.reader.pass_to(batch.last)

    def _fail(self, batch: Batch, attempt: Attempt) -> bool:
        delay = retry_delay(attempt.answer, self.lease.attempts)
        record_failure(self.lease, self.terms, batch, attempt, delay=delay)
        return False

    def _find_refused(self, events: list[Event], whole: Batch, first: Attempt) -> bool:
        """Send a refused range in ever smaller halves, in order, until the events at fault stand alone.

        A single event that is refused stays a suspect until another one of the range is accepted: only that shows that
        the fault is the event's. A suspect is decided together with the acceptance that decides it, so that a worker
        that dies in between leaves nothing half done.
        """
        suspects: list[tuple[Batch, Attempt]] = []
        accepted_any = False
        parts = self._halves(events, whole) if len(whole.messages) > 1 else []
        if not parts:
            suspects.append((whole, first))
            self.refused_in_a_row += 1
        while parts:
            part = parts.pop()
            batch = compose(part, self.terms.terms)
            if not batch.messages:
                if suspects:
                    suspects.append((batch, first))
                else:
                    self._settle(batch, None)
                continue
            attempt = self._send(batch, retries=0)
            if attempt.verdict is Verdict.ACCEPTED:
                self._settle(batch, attempt, suspects)
                suspects, accepted_any = [], True
            elif attempt.verdict is not Verdict.CONTENT:
                return self._fail(batch, attempt)
            elif len(batch.messages) > 1:
                parts += self._halves(part, batch)
            else:
                self.refused_in_a_row += 1
                suspects.append((batch, attempt))
                if self.refused_in_a_row >= REFUSALS_IN_A_ROW:
                    break
                if accepted_any:
                    self._reject(suspects)
                    suspects = []
        return self._decide(suspects)

    def _halves(self, events: list[Event], batch: Batch) -> list[list[Event]]:
        """Split the events of a batch so that each side has half of its messages; the first half comes last."""
        middle = batch.positions[len(batch.positions) // 2]
        return [
            [event for event in events if middle <= event.position <= batch.last],
            [event for event in events if event.position < middle],
        ]

    def _reject(self, suspects: list[tuple[Batch, Attempt]]) -> None:
        *earlier, (batch, attempt) = suspects
        self._settle(batch, attempt, earlier)

    def _decide(self, suspects: list[tuple[Batch, Attempt]]) -> bool:
        """End the search: nothing is open, or too many were refused in a row, or nobody can tell yet."""
        if not suspects:
            return True
        refused = [(batch, attempt) for batch, attempt in suspects if batch.messages]
        batch, attempt = refused[-1]
        if self.refused_in_a_row >= REFUSALS_IN_A_ROW:
            reason = f"Segment refused {self.refused_in_a_row} events one after the other: {attempt.answer.excerpt}"
            record_failure(self.lease, self.terms, batch, attempt, delay=timedelta(0), attention=reason)
            return False
        error = UNDECIDED.format(status=attempt.answer.status, excerpt=attempt.answer.excerpt)
        delay = retry_delay(attempt.answer, self.lease.attempts)
        record_failure(self.lease, self.terms, batch, attempt, delay=delay, error=error)
        return False
