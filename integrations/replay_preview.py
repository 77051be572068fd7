"""What a replay would do, looked at before it starts: what it would send, leave out, and send a second time."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice

from django.utils import timezone

from assistants import log
from assistants.log import Reader
from assistants.messages import Event
from integrations import connections, firsts
from integrations.choice import Choice
from integrations.compose import compose_one, marks_of
from integrations.fates import Judge
from integrations.models import Connection, Delivery, Lane
from integrations.occurrences import NO_MARKS, Record
from integrations.replay import Scope
from integrations.terms import compose_terms

# Segment drops a message with an ID that it has seen in this time.
REMEMBERED = timedelta(hours=24)
# Between two looks at the clock.
EVENTS_PER_LOOK = 500
DELIVERIES_PER_LOOK = 500
SAMPLES = 5


@dataclass
class Preview:
    """What was found, from the first event of a scope on; `is_complete` tells whether time allowed to see all of it.

    Of the events that would be sent, `accepted` counts those that Segment took before, under whatever message ID, and
    `remembered` those that it took under the same one so lately that it would drop them.
    """

    positions: int
    looked_at: int = 0
    sent: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    accepted: int = 0
    remembered: int = 0
    samples: list[Event] = field(default_factory=list)
    is_complete: bool = False

    @property
    def left_out_count(self) -> int:
        return self.left_out.total()

    @property
    def chosen(self) -> int:
        return self.sent + self.left_out_count


def preview(
    connection: Connection, scope: Scope, *, budget_seconds: float, clock: Callable[[], float] = time.monotonic
) -> Preview:
    """Look at the events of a scope for as long as a reader may be kept waiting, at some hundreds of them at least.

    Reads the database and writes nothing.
    """
    deadline = clock() + budget_seconds
    found = Preview(scope.rejections.count() if scope.rejections is not None else scope.last - scope.first + 1)
    look = _Look(connection, scope, found, timezone.now())
    events = _events(connection, scope)
    while looked_at := list(islice(events, EVENTS_PER_LOOK)):
        look.at(looked_at)
        if clock() >= deadline and found.looked_at < found.positions:
            return found
    found.is_complete = True
    return found


def _events(connection: Connection, scope: Scope) -> Iterator[Event]:
    if scope.rejections is not None:
        positions = scope.rejections.order_by("position").values_list("position", flat=True)
        events = (log.find(connection.environment_id, position) for position in positions.iterator())
        yield from (event for event in events if event is not None)
        return
    reader = Reader(connection.environment_id, after=scope.first - 1)
    while window := reader.window(EVENTS_PER_LOOK):
        for event in window:
            if event.position > scope.last:
                return
            yield event
        reader.pass_to(window[-1].position)


class _Look:
    """Composes events as the replay would, and adds up what becomes of them."""

    def __init__(self, connection: Connection, scope: Scope, found: Preview, now: datetime) -> None:
        self.connection = connection
        self.choice = Choice(names=scope.names or None)
        self.terms = compose_terms(connection, connections.version_in_force(connection))
        self.claims: dict[bytes, int] = {}
        self.found = found
        self.now = now

    def at(self, events: Sequence[Event]) -> None:
        self.found.looked_at += len(events)
        chosen = [event for event in events if self.choice.includes(event)]
        marks = [mark for event in chosen for mark in marks_of(event, self.terms)]
        record = Record(firsts.load(self.connection.pk, marks), self.claims)
        sent = [event for event in chosen if self._is_sent(event, record)]
        self.found.sent += len(sent)
        self.found.samples += sent[: SAMPLES - len(self.found.samples)]
        self._compare(sent)

    def _is_sent(self, event: Event, record: Record) -> bool:
        composed = compose_one(event, self.terms, record)
        if composed.reason:
            self.found.left_out[composed.reason] += 1
            return False
        if composed.marks is not NO_MARKS:
            record.claim(composed.marks, event.position)
        return True

    def _compare(self, sent: Sequence[Event]) -> None:
        """Count what Segment took before, and what it still knows."""
        judge = Judge(self.connection, sent)
        accepted = {event.position: judge.accepted_by(event) for event in sent}
        lanes = {lane for by in accepted.values() for lane in by if not _has_new_ids(lane)}
        remembered = _accepted_since(lanes, sorted(accepted), self.now - REMEMBERED)
        for position, by in accepted.items():
            self.found.accepted += bool(by)
            self.found.remembered += any((lane.pk, position) in remembered for lane in by)


def _has_new_ids(lane: Lane) -> bool:
    return lane.kind == Lane.Kind.REPLAY and lane.replay.has_new_ids


def _accepted_since(lanes: Iterable[Lane], positions: Sequence[int], since: datetime) -> set[tuple[int, int]]:
    """Return which of the lanes had which of the positions in a batch that was accepted since then."""
    return {
        (lane.pk, position)
        for lane in lanes
        for first, last in _accepted_ranges(lane, positions, since)
        for position in positions
        if first <= position <= last
    }


def _accepted_ranges(lane: Lane, positions: Sequence[int], since: datetime) -> Iterator[tuple[int, int]]:
    """Yield the ranges in question from the lowest on, by the index on the last position."""
    accepted = Delivery.objects.filter(lane=lane, outcome=Delivery.Outcome.ACCEPTED, at__gte=since)
    after = positions[0] - 1
    while after < positions[-1]:
        rows = accepted.filter(last_position__gt=after).order_by("last_position")
        ranges = list(rows.values_list("first_position", "last_position")[:DELIVERIES_PER_LOOK])
        yield from ranges
        after = ranges[-1][1] if len(ranges) == DELIVERIES_PER_LOOK else positions[-1]
