"""A look at a replay before it starts: exact counts, what Segment had before, and an end when time is over."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from integrations import connections, replay
from integrations.models import Connection, Delivery, Rejection
from integrations.options import ONCE
from integrations.replay import Scope
from integrations.replay_preview import EVENTS_PER_LOOK, Preview, preview
from integrations.segment.client import SegmentClient
from tests.fakes import FakeSegment
from tests.integrations.turns import append_new, run_replay, sent_ids, take_turn
from tests.make import append, make_connection, make_message

pytestmark = pytest.mark.django_db

STARTED, HANDLED = "Session Started", "Message Handled"


@pytest.fixture
def connection(segment: FakeSegment) -> Connection:
    return make_connection(endpoint=segment.url)


def look(connection: Connection, first: int, last: int, *names: str) -> Preview:
    return preview(connection, Scope(first, last, frozenset(names)), budget_seconds=60)


def make_old(connection: Connection, hours: float) -> None:
    """Let the deliveries so far be some hours old."""
    Delivery.objects.filter(lane__connection=connection).update(at=timezone.now() - timedelta(hours=hours))


def test_what_would_be_sent_and_left_out(connection: Connection, client: SegmentClient) -> None:
    append_new(connection.environment, 3)
    append_new(connection.environment, 2, HANDLED)
    append(connection.environment, make_message(user_id=None))
    take_turn(connection, client)

    found = look(connection, 2, 6)

    assert (found.positions, found.looked_at, found.chosen, found.sent, found.is_complete) == (5, 5, 5, 2, True)
    assert found.left_out == {"event_not_selected": 2, "no_user_id": 1}
    assert [event.position for event in found.samples] == [2, 3]
    assert look(connection, 1, 6, HANDLED).left_out == {"event_not_selected": 2}
    assert look(connection, 1, 6, STARTED).chosen == 4


def test_a_look_writes_nothing(connection: Connection, client: SegmentClient) -> None:
    append_new(connection.environment, 3)
    take_turn(connection, client)

    with CaptureQueriesContext(database) as queries:
        look(connection, 1, 3)

    assert {query["sql"].split()[0] for query in queries} == {"SELECT"}


def test_what_segment_had_before_and_still_remembers(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    append_new(connection.environment, 2)
    take_turn(connection, client)
    make_old(connection, 24.1)
    append_new(connection.environment, 3)
    append_new(connection.environment, 1, HANDLED)
    take_turn(connection, client)
    connections.select_events(connection, [("track", STARTED), ("track", HANDLED)], by=None)

    found = look(connection, 1, 6)

    assert (found.sent, found.accepted, found.remembered) == (6, 5, 3)


def test_a_replay_under_the_same_ids_makes_segment_remember(connection: Connection, client: SegmentClient) -> None:
    append_new(connection.environment, 2)
    take_turn(connection, client)
    make_old(connection, 48)
    run_replay(replay.start(connection, Scope(1, 1), has_new_ids=True, by=None), client)
    assert look(connection, 1, 2).remembered == 0

    run_replay(replay.start(connection, Scope(1, 1), has_new_ids=False, by=None), client)

    assert (look(connection, 1, 2).accepted, look(connection, 1, 2).remembered) == (2, 1)


def test_rejections_were_never_accepted(segment: FakeSegment, connection: Connection, client: SegmentClient) -> None:
    messages = append_new(connection.environment, 5)
    segment.refuse(*sent_ids(connection, [messages[1], messages[3]]))
    take_turn(connection, client)
    scope = replay.of_rejections(connection, Rejection.objects.all())
    assert scope is not None

    found = preview(connection, scope, budget_seconds=60)

    assert (found.positions, found.looked_at, found.sent, found.accepted) == (2, 2, 2, 0)
    assert [event.position for event in found.samples] == [2, 4]


def test_what_goes_once_is_counted_once(segment: FakeSegment, client: SegmentClient) -> None:
    connection = make_connection(endpoint=segment.url, selection=[], **{ONCE: [["track", STARTED]]})
    append_new(connection.environment, 3)
    take_turn(connection, client)
    connections.select_events(connection, [("track", STARTED)], by=None)

    found = look(connection, 1, 3)

    assert (found.sent, found.left_out) == (1, {"once_per_visitor": 2})


def test_a_look_ends_when_its_time_is_over(connection: Connection, client: SegmentClient) -> None:
    append_new(connection.environment, EVENTS_PER_LOOK + 1)
    take_turn(connection, client)

    def ticking() -> Iterator[float]:
        yield 0.0
        while True:
            yield 2.0

    clock = ticking()
    scope = Scope(1, EVENTS_PER_LOOK + 1)
    found = preview(connection, scope, budget_seconds=1, clock=lambda: next(clock))

    assert (found.looked_at, found.positions, found.is_complete) == (EVENTS_PER_LOOK, EVENTS_PER_LOOK + 1, False)
