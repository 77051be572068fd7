"""One holder's turn at a connection's lane: read, compose, POST, settle; again while there is something to do.

Whatever happens between two of these steps, the next holder begins at the cursor, composes the same messages with the
same IDs, and Segment drops what it has. Nothing is cleaned up after a worker that died.
"""

import contextlib
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Protocol

from django.db import transaction

from assistants.log import Reader
from assistants.messages import Event
from integrations import firsts, leases, settle
from integrations.ahead import Ahead, Prepared
from integrations.breaker import breaker
from integrations.choice import NOT_IN_REPLAY
from integrations.compose import NOTHING_HELD, Batch, compose, count_key, marks_of
from integrations.flight import Flight
from integrations.leases import Lease, Progress, TermsChangedError
from integrations.models import Lane
from integrations.pace import Pacer
from integrations.refused import READ_AHEAD_EVENTS, TOO_MANY, Suspects, halves
from integrations.segment.client import batch_body
from integrations.segment.limits import MAX_BATCH_BYTES, MAX_BATCH_MESSAGES
from integrations.segment.verdicts import Answer, back_off, retry_delay, verdict
from integrations.settle import Attempt, Part
from integrations.terms import TermsInForce, load_terms

READ_EVENTS = MAX_BATCH_MESSAGES
# Signing makes messages longer, so a batch never holds as much of the log as it has room for.
READ_BYTES = MAX_BATCH_BYTES
HOST_IS_SLOW = "Requests to this host time out, those of other connections as well. It is tried now and then."
# The name under which events count that a replay has not even read.
PASSED_OVER = ""


class Client(Protocol):
    """What delivery needs of an HTTP client."""

    def post_batch(
        self, base_url: str, write_key: str, body: bytes, *, retries: int = 0, compress: bool = False
    ) -> Answer:
        """POST a body and say how it ended."""


class Turn:
    """One holder's work on a connection's lane."""

    terms: TermsInForce
    reader: Reader

    def __init__(self, lease: Lease, client: Client, until: float) -> None:
        self.lease = lease
        self.client = client
        self.until = until
        self.suspects = Suspects()
        self.ahead = Ahead()
        self.flight = Flight()
        self.prepared: Prepared | None = None
        self.pacer = Pacer()
        self._begin_at_cursor()

    def close(self) -> None:
        self.ahead.close()
        self.flight.close()

    def step(self) -> Progress:
        """Deliver one range of the log, and further ones as long as something is begun or undecided."""
        try:
            progress = self._next_range()
            while progress is Progress.MOVED and (self.suspects or self.prepared):
                progress = self._next_range()
        except TermsChangedError:
            self._begin_at_cursor()
            return Progress.MOVED
        return progress

    def _begin_at_cursor(self) -> None:
        """Go back to the cursor, on the terms of this moment; what is not settled is read and sent again."""
        self.suspects.forget()
        self.ahead.take()
        self.flight.take_all()
        self.prepared = None
        self.is_replay = self.lease.kind == Lane.Kind.REPLAY
        self._read_behind(self.lease.cursor)
        self.terms = load_terms(self.lease, behind=self.lease.cursor)

    def _read_behind(self, position: int) -> None:
        self.reader = Reader(self.lease.environment_id, after=position)

    def _next_range(self) -> Progress:
        if self.prepared is not None:
            prepared, self.prepared = self.prepared, None
            self._begin_range()
            return self._dispatch(prepared, is_part=False)
        self._enter_next_version()
        if not self.terms.is_active or (self.is_replay and not self.pacer.is_free(self.terms.pace)):
            return Progress.STOPPED
        if not self.suspects and (wait := breaker.wait(self.terms.base_url)):
            leases.postpone(self.lease, delay=wait, error=HOST_IS_SLOW)
            return Progress.STOPPED
        if gap := self._gap():
            return self._pass_over(Part(self.terms, gap, None))
        events = self._events()
        if not events or self.reader.after - self.lease.cursor > READ_AHEAD_EVENTS:
            return self._wait_for_proof() if self.suspects else Progress.IDLE
        self._begin_range()
        if leases.is_alone(self.lease):
            return self._deliver_alone(events[:1])
        if self.terms.is_any_order and not self.suspects:
            return self._fly()
        return self._deliver(events, is_part=bool(self.suspects))

    def _gap(self) -> Batch | None:
        """What lies before the next event of a replay that knows it, if that is far away: passed over without a look.

        It is counted as a whole, under no event's name and the present minute.
        """
        choice, after = self.terms.terms.choice, self.reader.after
        chosen = choice.next_behind(after) if choice else None
        if chosen is None or chosen - after <= READ_EVENTS:
            return None
        minute = datetime.now(UTC).replace(second=0, microsecond=0)
        passed = Counter({(minute, PASSED_OVER, NOT_IN_REPLAY): chosen - 1 - after})
        return Batch(first=after + 1, last=chosen - 1, left_out_counts=passed)

    def _begin_range(self) -> None:
        self.suspects.begin_range(is_decided=self.terms.are_known_refused)

    def _enter_next_version(self) -> None:
        """Where a version of the connection ends, load the one that follows."""
        last = self.terms.last_position
        if last is None or self.reader.after < last or last == self.lease.end:
            return
        known = self.lease.terms_seq
        self.terms = load_terms(self.lease, behind=self.reader.after)
        if self.suspects and self.lease.terms_seq != known:
            raise TermsChangedError

    def _events(self) -> list[Event]:
        """What lies behind the reader's place, as far as one version of the terms reaches."""
        return self._within_terms(self.reader.window(READ_EVENTS, size_bytes=READ_BYTES))

    def _within_terms(self, events: list[Event]) -> list[Event]:
        """Return a copy, as the reader's own list goes on with the reader."""
        last = self.terms.last_position
        if last is None or not events or events[-1].position <= last:
            return list(events)
        return [event for event in events if event.position <= last]

    def _deliver(self, events: Sequence[Event], *, is_part: bool) -> Progress:
        """Send the longest batch from the front of `events`, and see to what becomes of it."""
        batch = compose(events, self.terms.terms, firsts=self._firsts(events))
        return self._dispatch(Prepared(events, batch), is_part=is_part)

    def _deliver_alone(self, events: Sequence[Event]) -> Progress:
        """Send one event; or suspect it, where workers died at it: the next one then shows whether it is at fault."""
        if self.lease.deaths >= leases.DEATHS_ALONE:
            self.lease.deaths = 0
            (event,) = events
            batch = Batch(first=event.position, last=event.position, positions=[event.position])
            batch.sent_counts[count_key(event)] += 1
            return self._suspect(Part(self.terms, batch, settle.deadly_attempt(self.lease)))
        self.lease.deaths = 0
        return self._deliver(events, is_part=bool(self.suspects))

    def _dispatch(self, prepared: Prepared, *, is_part: bool) -> Progress:
        """Send a batch, and see to what becomes of it."""
        batch = prepared.batch
        if not batch.messages:
            return self._pass_over(Part(self.terms, batch, None))
        attempt = self._send(prepared, is_part=is_part)
        part = Part(self.terms, batch, attempt)
        following = self.ahead.take()
        if part.is_accepted:
            return self._accept(part, following)
        return self._see_to_failed(prepared, part, attempt)

    def _see_to_failed(self, prepared: Prepared, part: Part, attempt: Attempt) -> Progress:
        """See to a batch that was not accepted, by what the answer says."""
        batch = prepared.batch
        if self.reader.after >= batch.first:
            # It was passed when the next batch was looked for.
            self._read_behind(batch.first - 1)
        if part.is_refused:
            settle.record_refusal(self.lease, part)
            if len(batch.positions) == 1:
                return self._suspect(part)
            return self._search(halves(prepared.events, batch))
        settle.record_failure(self.lease, part, attempt, delay=retry_delay(attempt.answer, self.lease.attempts))
        return Progress.STOPPED

    def _send(self, prepared: Prepared, *, is_part: bool) -> Attempt:
        batch = prepared.batch
        retries = 0 if is_part or prepared.is_begun else self.lease.attempts
        if not prepared.is_begun:
            self._begin(batch, is_part=is_part)
        self.pacer.wait(self.terms.pace)
        if not is_part:
            self._look_ahead(batch)
        return self._post(batch, retries=retries, number=self.lease.attempts)

    def _post(self, batch: Batch, *, retries: int, number: int) -> Attempt:
        """Make one attempt; touches the network only."""
        terms, now = self.terms, datetime.now(UTC)
        body = batch_body(batch.messages, now)
        answer = self.client.post_batch(
            terms.base_url, terms.write_key, body, retries=retries, compress=terms.is_compressed
        )
        breaker.note(terms.base_url, answer)
        return Attempt(answer, verdict(answer), len(body), number, now)

    def _fly(self) -> Progress:
        """Keep several batches under way, and settle them in order, until one fails, none is left, or time is up.

        Raises TermsChangedError once all that was sent is settled.
        """
        changed = self._launch_all(at_least=1)
        while self.flight:
            prepared, attempt = self.flight.take()
            part = Part(self.terms, prepared.batch, attempt)
            if attempt is not None and not part.is_accepted:
                self._overtaken(self.flight.take_all())
                self._begin_range()
                return self._see_to_failed(prepared, part, attempt)
            settle.record_progress(self.lease, [part], sent_to=self.flight.sent_to)
            changed = changed or self._launch_all()
        if changed:
            raise changed
        return Progress.MOVED

    def _launch_all(self, *, at_least: int = 0) -> TermsChangedError | None:
        """Compose, begin and send batches while there is room and time; return the error if the terms have changed."""
        while len(self.flight) < at_least or (not self.flight.is_full and time.monotonic() < self.until):
            events = self._events()
            if not events:
                return None
            prepared = Prepared(events, compose(events, self.terms.terms, firsts=self._firsts(events)))
            try:
                self._launch(prepared)
            except TermsChangedError as error:
                return error
            self.reader.pass_to(prepared.batch.last)
        return None

    def _launch(self, prepared: Prepared) -> None:
        batch, is_alone = prepared.batch, self.flight.sent_to is None
        if not batch.messages:
            self.flight.start(prepared, None)
            return
        retries = self.lease.attempts if is_alone else 0
        self._begin(batch, is_part=not is_alone)
        self.pacer.wait(self.terms.pace)
        self.flight.start(prepared, partial(self._post, batch, retries=retries, number=self.lease.attempts))

    def _overtaken(self, flown: Sequence[tuple[Prepared, Attempt | None]]) -> None:
        """Note the attempts behind one that failed; whatever their answers, they are made again behind that one."""
        parts = [Part(self.terms, prepared.batch, attempt) for prepared, attempt in flown if attempt]
        if parts:
            settle.record_overtaken(self.lease, parts)

    def _look_ahead(self, batch: Batch) -> None:
        """Have the batch behind this one composed meanwhile, where the log is known to go on there.

        First occurrences are looked up in the database, so what depends on them is composed in its turn.
        """
        known = self.reader.fetched_to - batch.last
        is_possible = self.terms.terms.watch is None and not self.suspects and not leases.is_alone(self.lease)
        if not known or not is_possible or self.ahead.is_composing:
            return
        self.reader.pass_to(batch.last)
        if known < READ_EVENTS:
            self.reader.fetch(READ_EVENTS)
        self.ahead.start(self._compose_ahead)

    def _compose_ahead(self) -> Prepared | None:
        events = self._within_terms(self.reader.known(READ_EVENTS, size_bytes=READ_BYTES))
        return Prepared(events, compose(events, self.terms.terms)) if events else None

    def _begin(self, batch: Batch, *, is_part: bool) -> None:
        """Note the attempt, and with it what the batch is the first to send."""
        if not batch.claims:
            leases.begin_attempt(self.lease, to=batch.last, is_part=is_part)
            return
        attempts = self.lease.attempts
        try:
            with transaction.atomic():
                leases.begin_attempt(self.lease, to=batch.last, is_part=is_part)
                firsts.claim(self.terms.connection_id, batch.claims)
        except firsts.ClaimedElsewhereError:
            self.lease.attempts = attempts
            raise

    def _firsts(self, events: Sequence[Event]) -> Mapping[bytes, int]:
        """Return what is on record of the first occurrences that matter to these events."""
        terms = self.terms.terms
        if terms.watch is None:
            return NOTHING_HELD
        return firsts.load(self.terms.connection_id, [mark for event in events for mark in marks_of(event, terms)])

    def _pass_over(self, part: Part) -> Progress:
        """Leave a range behind of which nothing is to be sent; with the suspects before it, if there are any."""
        if self.suspects:
            self.suspects.add(part)
        else:
            settle.record_progress(self.lease, [part])
        self.reader.pass_to(part.batch.last)
        return Progress.MOVED

    def _accept(self, part: Part, following: Prepared | None) -> Progress:
        self._settle([*self.suspects.parts, part], following)
        self.suspects.accepted()
        self.reader.pass_to(part.batch.last)
        return Progress.MOVED

    def _settle(self, parts: Sequence[Part], following: Prepared | None) -> None:
        """Settle, and begin the batch that follows in the same transaction, if it is composed and there is time."""
        if following and following.batch.messages and time.monotonic() < self.until:
            self._look_ahead(following.batch)
            # Where the terms have changed since, it is composed again in its turn.
            with contextlib.suppress(TermsChangedError):
                settle.record_progress(self.lease, parts, begin_to=following.batch.last)
                following.is_begun = True
                self.prepared = following
                return
            self.ahead.take()
            self._read_behind(parts[-1].batch.last)
        settle.record_progress(self.lease, parts)

    def _search(self, parts: Sequence[Sequence[Event]]) -> Progress:
        """Deliver the halves of a refused batch in order; end early where nothing is open and the turn is over."""
        for events in parts:
            progress = self._deliver(events, is_part=True)
            if progress is not Progress.MOVED or self._may_end():
                return progress
        return Progress.MOVED

    def _may_end(self) -> bool:
        return self.suspects.is_decided and not self.suspects and time.monotonic() >= self.until

    def _suspect(self, part: Part) -> Progress:
        """See to a single event that was refused: rejected, waiting for proof, or one too many."""
        self.suspects.add(part)
        self.reader.pass_to(part.batch.last)
        if self.suspects.are_too_many and not self.terms.are_known_refused:
            settle.record_too_many_refused(self.lease, part, self.suspects.why(TOO_MANY))
            return Progress.STOPPED
        if self.suspects.is_decided:
            self._reject_suspects()
        return Progress.MOVED

    def _reject_suspects(self) -> None:
        settle.record_progress(self.lease, self.suspects.parts)
        self.suspects.rejected()

    def _wait_for_proof(self) -> Progress:
        """Leave suspects behind which nothing shows yet whose fault it is: they are tried again, with what has come.

        Nothing comes to the end of a replay. There they are rejected: few enough, and they can be replayed again.
        """
        if self.is_replay:
            self._reject_suspects()
            return Progress.MOVED
        delay = back_off(self.lease.attempts)
        settle.record_undecided(self.lease, self.suspects.why_undecided, delay=delay)
        return Progress.STOPPED
