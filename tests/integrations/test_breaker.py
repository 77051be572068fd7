"""The breaker: a host that lets requests time out is left alone by all its connections, and tried now and then."""

from datetime import timedelta

import pytest

from integrations import breaker as module
from integrations import delivery
from integrations.breaker import Breaker
from integrations.segment.client import SegmentClient
from integrations.segment.verdicts import Answer
from integrations.turn import HOST_IS_SLOW
from tests.fakes import FakeSegment
from tests.integrations.turns import append_new, make_due, sent_ids, take_turn
from tests.make import live_lane, make_connection

HOST, OTHER = "http://slow.example", "http://quick.example"
TIMED_OUT = Answer(None, error="No complete answer within 15 s.", duration_ms=15_000)
REFUSED_AT_ONCE = Answer(503, duration_ms=3)
ACCEPTED = Answer(200, b'{"success": true}', duration_ms=14_000)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker(clock)


def note(breaker: Breaker, *answers: Answer, host: str = HOST) -> None:
    for answer in answers:
        breaker.note(host, answer)


def test_a_host_is_left_alone_after_two_requests_that_timed_out(breaker: Breaker) -> None:
    note(breaker, TIMED_OUT)
    assert breaker.wait(HOST) is None

    note(breaker, TIMED_OUT)

    wait = breaker.wait(HOST)
    assert wait is not None
    assert timedelta(seconds=0.8) <= wait <= timedelta(seconds=5)
    assert breaker.wait(OTHER) is None


def test_it_is_tried_again_and_left_alone_for_longer_each_time_up_to_a_minute(breaker: Breaker, clock: Clock) -> None:
    waits = []
    for _ in range(12):
        note(breaker, TIMED_OUT)
        if wait := breaker.wait(HOST):
            waits.append(wait.total_seconds())
            clock.now += wait.total_seconds()
        assert breaker.wait(HOST) is None
    assert waits[0] < waits[3] < waits[5]
    assert max(waits) <= 72


@pytest.mark.parametrize("answer", [ACCEPTED, Answer(400), Answer(401)])
def test_any_answer_that_is_one_lets_everybody_go_on(breaker: Breaker, answer: Answer) -> None:
    note(breaker, TIMED_OUT, TIMED_OUT, answer)
    assert breaker.wait(HOST) is None


def test_failures_that_hold_nobody_up_do_not_count(breaker: Breaker) -> None:
    note(breaker, *[REFUSED_AT_ONCE] * 50)
    assert breaker.wait(HOST) is None


@pytest.mark.django_db
def test_other_connections_to_the_same_host_wait_without_a_request(
    segment: FakeSegment, client: SegmentClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SLOW_MS", 0)
    monkeypatch.setattr("integrations.turn.breaker", Breaker())
    first, second, third = [make_connection(endpoint=segment.url) for _ in range(3)]
    ids = {each.pk: sent_ids(each, append_new(each.environment, 1)) for each in (first, second, third)}
    segment.refuse(*ids[first.pk], *ids[second.pk], status=503)
    for connection in (first, second):
        take_turn(connection, client)

    assert delivery.run_lane(live_lane(third).pk, client) is False

    assert len(segment.requests) == 2
    lane = live_lane(third)
    assert lane.last_error == HOST_IS_SLOW
    assert lane.next_attempt_at is not None
    assert (lane.cursor, lane.attempts) == (0, 0)

    monkeypatch.setattr("integrations.turn.breaker", Breaker())
    make_due(third)
    take_turn(third, client)
    assert segment.message_ids == ids[third.pk]
