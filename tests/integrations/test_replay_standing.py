"""How a replay stands: its state in words, how far it is, what became of its events, and when it will be done."""

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from integrations import connections, replay
from integrations.models import Connection, Delivery, Lane, Replay
from integrations.replay import Scope
from integrations.replay_standing import Standing, State, standings
from integrations.segment.client import SegmentClient
from tests.fakes import FakeSegment, Reply
from tests.integrations.turns import append_new, run_replay, sent_ids, take_replay_turn, take_turn
from tests.make import make_connection

pytestmark = pytest.mark.django_db


@pytest.fixture
def connection(segment: FakeSegment, client: SegmentClient) -> Connection:
    connection = make_connection(endpoint=segment.url)
    append_new(connection.environment, 3)
    append_new(connection.environment, 2, "Message Handled")
    take_turn(connection, client)
    return connection


def start(connection: Connection, *names: str) -> Replay:
    return replay.start(connection, Scope(1, 5, frozenset(names)), has_new_ids=False, by=None)


def standing(started: Replay) -> Standing:
    return standings(Replay.objects.select_related("lane__connection").filter(pk=started.pk))[0]


def test_a_replay_that_has_not_begun_knows_no_time(connection: Connection) -> None:
    its = standing(start(connection))

    assert (its.state, its.first, its.done, its.total, its.percent) == (State.RUNNING, 1, 0, 5, 0)
    assert (its.outcomes, its.seconds_left) == ({}, None)


def test_what_became_of_its_events(segment: FakeSegment, connection: Connection, client: SegmentClient) -> None:
    started = start(connection, "Session Started")
    run_replay(started, client)

    its = standing(started)

    assert (its.state, its.percent, its.accepted, its.rejected) == (State.DONE, 100, 3, 0)
    assert its.left_out == {}
    assert its.outcomes == {"accepted": 3, "not_in_replay": 2}
    assert its.has_ended


def test_the_rest_takes_as_long_as_the_pace_of_the_last_minute_says(connection: Connection) -> None:
    started = start(connection)
    Lane.objects.filter(pk=started.lane_id).update(cursor=2)
    Delivery.objects.create(
        lane_id=started.lane_id,
        first_position=1,
        last_position=2,
        sent=2,
        left_out=0,
        size_bytes=1,
        attempt=1,
        outcome=Delivery.Outcome.ACCEPTED,
        at=timezone.now() - timedelta(seconds=20),
    )

    assert standing(started).seconds_left == pytest.approx(30, abs=2)


def test_each_state_has_its_word(segment: FakeSegment, connection: Connection, client: SegmentClient) -> None:
    started = start(connection)
    segment.replies.append(Reply(503))
    take_replay_turn(started, client)
    assert standing(started).state is State.FAILING
    connections.pause(connection, by=None)
    assert standing(started).state is State.HELD
    replay.pause(started, by=None)
    assert standing(started).state is State.PAUSED
    replay.stop(started, by=None)
    assert standing(started).state is State.STOPPED


def test_left_out_events_are_told_apart_from_those_not_asked_for(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    messages = append_new(connection.environment, 1)
    take_turn(connection, client)
    segment.refuse(*sent_ids(connection, messages))
    started = replay.start(connection, Scope(1, 6), has_new_ids=False, by=None)
    run_replay(started, client)

    its = standing(started)

    assert (its.accepted, its.rejected, its.left_out) == (3, 1, {"event_not_selected": 2})


def test_a_list_of_replays_costs_few_queries(
    connection: Connection, client: SegmentClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(3):
        run_replay(start(connection), client)

    with django_assert_num_queries(2):
        assert len(standings(Replay.objects.select_related("lane__connection"))) == 3
