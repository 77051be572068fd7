"""The pace of requests: one connection's, a group's over several workers, and how long a backlog takes by it."""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.utils import timezone

from assistants.models import AuditEntry
from integrations import connections, delivery, drain, pace, replay
from integrations.models import Connection, Delivery, Lane, PacingGroup
from integrations.pace import Pace
from integrations.replay import Scope
from integrations.segment.client import SegmentClient
from integrations.segment.verdicts import Answer
from tests.assistants.logs import in_threads
from tests.fakes import FakeSegment
from tests.integrations.turns import take_turn
from tests.make import append, live_lane, make_connection, make_message

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
ELSEWHERE = "http://127.0.0.1:9"
SECOND = timedelta(seconds=1)

pytestmark = pytest.mark.django_db


class Clock:
    """A client that goes nowhere and notes when, by a time that passes only where somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.times: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def post_batch(self, *arguments: Any, **options: Any) -> Answer:
        self.times.append(self.now)
        return Answer(200, b'{"success": true}')


def fill_requests(connection: Connection, count: int) -> None:
    """Append so much that it takes so many requests."""
    messages = [make_message(properties={"filling": "x" * 30_000}) for _ in range(15 * count)]
    append(connection.environment, *messages)


def in_region(region: str) -> Connection:
    connection = make_connection(endpoint=ELSEWHERE)
    connections.change_destination(connection, settings={"region": region}, source_name="", write_key=None, by=None)
    return Connection.objects.get(pk=connection.pk)


def test_segments_own_hosts_get_fifty_requests_a_second_and_others_any_number() -> None:
    assert [pace.pace_of(in_region(region)) for region in ("us", "eu")] == [Pace(50), Pace(50)]
    assert pace.pace_of(make_connection(endpoint=ELSEWHERE)) == Pace(None)
    assert pace.pace_of(make_connection(endpoint=ELSEWHERE), is_replay=True) == Pace(10)
    assert pace.pace_of(in_region("us"), is_replay=True) == Pace(10)


def test_a_connection_keeps_the_pace_that_was_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    connection, clock = make_connection(endpoint=ELSEWHERE), Clock()
    monkeypatch.setattr(pace, "time", clock)
    connections.set_pace(connection, per_second=20, by=None)
    fill_requests(connection, 4)

    take_turn(connection, clock)

    assert clock.times == pytest.approx([0.0, 0.05, 0.1, 0.15])


def test_connections_of_a_group_share_its_pace_and_it_is_changed_in_one_place() -> None:
    first, second = make_connection(endpoint=ELSEWHERE), make_connection(endpoint=ELSEWHERE)
    connections.set_pace(first, per_second=30, group_name="EU workspace", by=None)
    connections.set_pace(second, per_second=None, group_name="EU workspace", by=None)
    group = PacingGroup.objects.get()
    assert (group.name, group.requests_per_second, group.connections.count()) == ("EU workspace", 30, 2)

    connections.set_pace(second, per_second=5, group_name="EU workspace", by=None)

    now = Connection.objects.get(pk=first.pk)
    assert pace.per_second(now) == 5
    assert pace.pace_of(now) == Pace(None, group.pk)
    entry = AuditEntry.objects.order_by("-pk")[0]
    assert (entry.action, entry.details) == (
        "connection.pace_changed",
        {"requests_per_second": 5, "group": "EU workspace"},
    )


def test_a_group_that_nobody_is_in_any_more_goes() -> None:
    connection = make_connection(endpoint=ELSEWHERE)
    connections.set_pace(connection, per_second=30, group_name="EU workspace", by=None)

    connections.set_pace(connection, per_second=7, by=None)

    assert not PacingGroup.objects.exists()
    assert pace.per_second(Connection.objects.get(pk=connection.pk)) == 7


@pytest.mark.django_db(transaction=True)
def test_workers_at_two_lanes_of_a_group_keep_its_pace_together() -> None:
    pair, clock = [make_connection(endpoint=ELSEWHERE) for _ in range(2)], Clock()
    for connection in pair:
        connections.set_pace(connection, per_second=20, group_name="shared", by=None)
        fill_requests(connection, 4)
    lanes = [live_lane(connection).pk for connection in pair]
    began = timezone.now()

    in_threads(*[partial(delivery.run_lane, lane, clock) for lane in lanes])

    assert len(clock.times) == 8
    # Each request took a time of its own, behind that of the one before.
    next_request_at = PacingGroup.objects.get().next_request_at
    assert next_request_at is not None
    assert next_request_at - began >= 8 * SECOND / 20


def test_a_replay_lets_live_events_of_its_group_go_first(segment: FakeSegment, client: SegmentClient) -> None:
    connection = make_connection(endpoint=segment.url)
    append(connection.environment, *[make_message() for _ in range(3)])
    take_turn(connection, client)
    connections.set_pace(connection, per_second=1, group_name="slow", by=None)
    started = replay.start(connection, Scope(1, 3), has_new_ids=True, by=None)
    PacingGroup.objects.update(next_request_at=timezone.now() + 60 * SECOND)

    assert delivery.run_lane(started.lane_id, client) is False
    assert len(segment.requests) == 1

    PacingGroup.objects.update(next_request_at=timezone.now() - SECOND)
    delivery.run_lane(started.lane_id, client)
    assert len(segment.requests) == 2


def record_delivery(lane: Lane, first: int, last: int, at: datetime) -> None:
    version = connections.version_in_force(lane.connection)  # type: ignore[arg-type]
    Delivery.objects.create(
        lane=lane,
        version=version,
        first_position=first,
        last_position=last,
        sent=1,
        left_out=0,
        size_bytes=100,
        attempt=1,
        outcome=Delivery.Outcome.ACCEPTED,
        duration_ms=1,
        at=at,
    )


def backlog_of(connection: Connection, events: int) -> Lane:
    append(connection.environment, *[make_message() for _ in range(events)])
    return Lane.objects.select_related("environment__log_head", "connection").get(pk=live_lane(connection).pk)


def test_what_waits_takes_as_long_as_the_last_minutes_say() -> None:
    lane = backlog_of(make_connection(endpoint=ELSEWHERE), 3_000)
    record_delivery(lane, 1, 1_000, NOW - 100 * SECOND)
    record_delivery(lane, 1_001, 1_200, NOW - 50 * SECOND)
    record_delivery(lane, 1, 9_000, NOW - 500 * SECOND)

    assert drain.time_left(lane, NOW) == 250 * SECOND


def test_where_nothing_went_lately_the_pace_says_it() -> None:
    connection = make_connection(endpoint=ELSEWHERE)
    lane = backlog_of(connection, 3_000)
    record_delivery(lane, 1, 20, NOW - 500 * SECOND)
    assert drain.time_left(lane, NOW) is None

    connections.set_pace(connection, per_second=5, by=None)

    lane = Lane.objects.select_related("environment__log_head", "connection").get(pk=lane.pk)
    assert drain.time_left(lane, NOW) == 30 * SECOND


def test_a_moment_is_not_worth_telling() -> None:
    lane = backlog_of(make_connection(endpoint=ELSEWHERE), 30)
    record_delivery(lane, 1, 1_000, NOW - 100 * SECOND)

    assert drain.time_left(lane, NOW) is None
