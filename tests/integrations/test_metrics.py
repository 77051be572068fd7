"""Metrics: what came, went and waits, exactly; and counters that go on growing whatever is pruned."""

from datetime import UTC, datetime, timedelta

import pytest
from pytest_django import DjangoAssertNumQueries

from assistants import lifecycle
from integrations import connections, delivery, prune, tasks
from integrations.exposition import exposed
from integrations.metrics import collect
from integrations.models import Connection, Delivery, EventCount, Heartbeat, Lane
from integrations.segment.client import SegmentClient
from tests.fakes import FakeSegment, Reply
from tests.make import append, live_lane, make_assistant, make_connection, make_environment, make_message

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)

pytestmark = pytest.mark.django_db


def samples(prefix: str, now: datetime = NOW) -> list[str]:
    """The lines of the metrics whose names begin so."""
    return [line for line in exposed(collect(now)).splitlines() if line.startswith(prefix)]


def deliver(connection: Connection, client: SegmentClient) -> None:
    for lane in Lane.objects.filter(environment=connection.environment):
        delivery.run_lane(lane.pk, client)


def make_care() -> Connection:
    return make_connection(make_environment(assistant=make_assistant(name="Care")))


def test_events_by_what_became_of_them(client: SegmentClient, segment: FakeSegment) -> None:
    connection = make_connection(endpoint=segment.url)
    place = f'environment="{connection.environment.public_id}"'
    there = f'{place},connection="{connection.pk}"'
    rejected = make_message(user_id="bad")
    append(connection.environment, make_message(), rejected, make_message("Order Placed"), make_message(user_id=None))
    segment.judge = lambda got: Reply(400) if any(each["userId"] == "bad" for each in got.batch) else None

    deliver(connection, client)

    assert samples("sluice_events") == [
        f"sluice_events_received_total{{{place}}} 4",
        f"sluice_events_accepted_total{{{there}}} 1",
        f'sluice_events_left_out_total{{{there},reason="event_not_selected"}} 1',
        f'sluice_events_left_out_total{{{there},reason="no_user_id"}} 1',
        f"sluice_events_rejected_total{{{there}}} 1",
    ]


def test_counters_stay_when_their_rows_are_pruned(client: SegmentClient) -> None:
    connection = make_care()
    append(connection.environment, make_message(), at=NOW)
    deliver(connection, client)
    before = samples("sluice_events"), samples("sluice_request")

    prune.run(NOW + timedelta(days=400))

    assert not EventCount.objects.exists()
    assert not Delivery.objects.exists()
    assert (samples("sluice_events"), samples("sluice_request")) == before
    assert len(before[0]) == 2
    assert before[1][-1].endswith("} 1")


def test_a_lane_that_waits_and_one_that_fails(client: SegmentClient, segment: FakeSegment) -> None:
    connection = make_connection(endpoint=segment.url)
    environment, lane = connection.environment, live_lane(connection)
    append(environment, make_message(), make_message(), at=NOW - 90 * SECOND)
    append(environment, make_message(), at=NOW)
    segment.replies.append(Reply(503))
    deliver(connection, client)
    place = f'environment="{environment.public_id}"'
    live = f'{{{place},connection="{connection.pk}",lane="{lane.pk}",kind="live"}}'
    index = f'{{{place},lane="{lane.pk + 1}",kind="index"}}'

    assert samples("sluice_lane") == [
        f"sluice_lane_backlog_events{live} 3",
        f"sluice_lane_backlog_events{index} 0",
        f"sluice_lane_age_seconds{live} 90",
        f"sluice_lane_age_seconds{index} 0",
        f"sluice_lane_failing{live} 1",
        f"sluice_lane_failing{index} 0",
    ]


def test_how_long_requests_took_by_connection(client: SegmentClient) -> None:
    connection = make_care()
    append(connection.environment, make_message())
    deliver(connection, client)
    Delivery.objects.update(duration_ms=80)
    labels = f'environment="{connection.environment.public_id}",connection="{connection.pk}"'

    lines = samples("sluice_request")

    assert lines[2:4] == [
        f'sluice_request_duration_seconds_bucket{{{labels},le="0.05"}} 0',
        f'sluice_request_duration_seconds_bucket{{{labels},le="0.1"}} 1',
    ]
    assert lines[-3:] == [
        f'sluice_request_duration_seconds_bucket{{{labels},le="+Inf"}} 1',
        f"sluice_request_duration_seconds_sum{{{labels}}} 0.08",
        f"sluice_request_duration_seconds_count{{{labels}}} 1",
    ]


def test_processes_and_how_long_a_wake_up_takes() -> None:
    assert samples("sluice_wake_up") == samples("sluice_process") == []
    Heartbeat.beat("sweep", NOW - 3 * SECOND)
    Heartbeat.beat("worker", NOW - 20 * SECOND, lag_seconds=0.0125)

    assert samples("sluice_wake_up") == ["sluice_wake_up_lag_seconds 0.013"]
    assert samples("sluice_process") == [
        'sluice_process_seen_seconds{process="sweep"} 3',
        'sluice_process_seen_seconds{process="worker"} 20',
    ]


def test_a_worker_measures_how_long_its_wake_up_took() -> None:
    tasks.heartbeat_task(int((datetime.now(UTC) - 4 * SECOND).timestamp() * 1_000))
    lag_seconds = Heartbeat.objects.get(name="worker").lag_seconds
    assert lag_seconds is not None
    assert 4 <= lag_seconds < 60

    # The publisher's clock may be ahead.
    tasks.heartbeat_task(int((datetime.now(UTC) + 60 * SECOND).timestamp() * 1_000))
    assert Heartbeat.objects.get(name="worker").lag_seconds == 0


def test_a_connection_that_needs_attention() -> None:
    connection = make_connection()
    Connection.objects.filter(pk=connection.pk).update(status="needs_attention")

    (line,) = samples("sluice_connection_needs_attention")
    assert line.endswith(f',connection="{connection.pk}"}} 1')


def test_names_of_senders_make_no_series(client: SegmentClient) -> None:
    connection = make_connection(selection=[("track", "*")])
    append(connection.environment, make_message("One"), at=NOW)
    deliver(connection, client)
    lines = len(exposed(collect(NOW)).splitlines())
    append(connection.environment, *(make_message(f"Name {number}") for number in range(40)), at=NOW)

    deliver(connection, client)

    assert len(exposed(collect(NOW)).splitlines()) == lines
    assert samples("sluice_events_accepted")[0].endswith(" 41")


def test_what_is_gone_is_not_told(client: SegmentClient) -> None:
    removed, deleted = make_connection(), make_connection()
    for connection in (removed, deleted):
        append(connection.environment, make_message())
        deliver(connection, client)
    connections.disconnect(removed, by=None)
    lifecycle.delete_assistant(deleted.environment.assistant, by=None)

    text = exposed(collect(NOW))

    assert str(removed.pk) not in text
    assert str(deleted.pk) not in text
    assert f'sluice_events_received_total{{environment="{removed.environment.public_id}"}} 1' in text


def test_the_number_of_queries_does_not_depend_on_how_much_there_is(
    client: SegmentClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(3):
        connection = make_connection()
        append(connection.environment, make_message())
        deliver(connection, client)

    with django_assert_num_queries(7):
        collect(NOW)
