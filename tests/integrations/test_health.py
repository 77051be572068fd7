"""Health: how far a connection is, what holds it up, and which processes are missing."""

from datetime import UTC, datetime, timedelta

import pytest

from integrations import health
from integrations.models import Heartbeat
from integrations.segment.client import SegmentClient
from tests.fakes import FakeSegment, Reply
from tests.integrations.turns import append_new, make_due, take_turn
from tests.make import make_connection

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)

pytestmark = pytest.mark.django_db


def test_a_connection_that_is_up_to_date(client: SegmentClient) -> None:
    connection = make_connection()
    append_new(connection.environment, 2)
    take_turn(connection, client)
    append_new(connection.environment, 1, "Message Handled")
    take_turn(connection, client)

    state = health.lane_state(connection)

    assert (state.status, state.head, state.start, state.cursor, state.backlog) == ("active", 3, 0, 3, 0)
    assert (state.failing_since, state.last_error, state.next_attempt_at) == (None, "", None)
    # The last one that sent something.
    assert state.last_delivery is not None
    assert (state.last_delivery.last_position, state.last_delivery.outcome) == (2, "accepted")


def test_a_connection_that_fails(segment: FakeSegment, client: SegmentClient) -> None:
    connection = make_connection(endpoint=segment.url)
    append_new(connection.environment, 2)
    segment.replies.extend([Reply(503, b"busy"), Reply(502, b"worse")])
    take_turn(connection, client)
    first = health.lane_state(connection)
    make_due(connection)
    take_turn(connection, client)

    state = health.lane_state(connection)

    assert (state.backlog, state.last_error) == (2, "502: worse")
    assert state.failing_since == first.failing_since is not None
    assert state.next_attempt_at is not None
    assert state.last_delivery is not None
    assert state.last_delivery.status == 502


def test_the_schema_is_migrated() -> None:
    assert health.is_migrated() is True


def test_processes_that_did_not_show_themselves_lately_are_missing() -> None:
    assert health.missing_processes(NOW) == ["worker", "sweep"]

    Heartbeat.beat("worker", NOW - timedelta(seconds=60))
    Heartbeat.beat("sweep", NOW - timedelta(seconds=61))
    assert health.missing_processes(NOW) == ["sweep"]

    Heartbeat.beat("sweep", NOW)
    assert health.missing_processes(NOW) == []
    assert Heartbeat.objects.count() == 2
