"""Several requests under way at once: what arrives, what is settled when, and what a failure among them costs."""

import itertools
import threading
from collections import Counter
from typing import Any

import pytest

from integrations import connections, delivery
from integrations.delivery import Client
from integrations.flight import MAX_UNDER_WAY
from integrations.models import Connection, Delivery
from integrations.segment.client import SegmentClient
from integrations.segment.verdicts import Answer
from tests.fakes import FakeSegment
from tests.integrations.turns import append_new, at_answer, crash_in_flight, make_due, outcomes, sent_ids, take_turn
from tests.make import append, live_lane, make_connection, make_message

HANDLED = ("track", "Message Handled")
WAIT_SECONDS = 10.0

pytestmark = pytest.mark.django_db


@pytest.fixture
def connection(segment: FakeSegment) -> Connection:
    return make_connection(endpoint=segment.url, any_order=True)


class Gathering:
    """A client whose first requests go when so many of them have come together."""

    def __init__(self, client: Client, parties: int) -> None:
        self.client = client
        self.barrier = threading.Barrier(parties, timeout=WAIT_SECONDS)
        self.numbers = itertools.count()

    def post_batch(self, *arguments: Any, **options: Any) -> Answer:
        if next(self.numbers) < self.barrier.parties:
            self.barrier.wait()
        return self.client.post_batch(*arguments, **options)


class Overtaking:
    """A client whose first request is answered when so many others are."""

    def __init__(self, client: Client, others: int) -> None:
        self.client = client
        self.numbers = itertools.count()
        self.others = threading.Semaphore(0)
        self.count = others

    def post_batch(self, *arguments: Any, **options: Any) -> Answer:
        number = next(self.numbers)
        answer = self.client.post_batch(*arguments, **options)
        if number == 0:
            assert all(self.others.acquire(timeout=WAIT_SECONDS) for _ in range(self.count))
        else:
            self.others.release()
        return answer


def append_batches(connection: Connection, count: int) -> list[str]:
    """Append events in blocks of some hundred; a little more than 400 fill a request."""
    messages = [make_message(properties={"filling": "x" * 900}) for _ in range(400 * count)]
    for start in range(0, len(messages), 150):
        append(connection.environment, *messages[start : start + 150])
    return sent_ids(connection, messages)


def attempts(connection: Connection) -> list[tuple[str, int | None, int]]:
    rows = live_lane(connection).deliveries.order_by("pk")
    return list(rows.values_list("outcome", "status", "attempt"))


def test_eight_requests_are_under_way_at_once(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    ids = append_batches(connection, 9)

    take_turn(connection, Gathering(client, MAX_UNDER_WAY))

    assert MAX_UNDER_WAY == 8
    assert len(segment.requests) == 9
    assert sorted(segment.message_ids) == sorted(ids)
    assert outcomes(connection) == {"accepted": len(ids)}
    lane = live_lane(connection)
    assert (lane.cursor, lane.in_flight_to, lane.attempts) == (len(ids), None, 0)


def test_answers_are_settled_in_the_order_of_the_log(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    ids = append_batches(connection, 5)

    take_turn(connection, Overtaking(client, others=4))

    assert len(segment.requests) == 5
    assert sorted(segment.message_ids) == sorted(ids)
    rows = live_lane(connection).deliveries.order_by("pk")
    firsts = list(rows.values_list("first_position", flat=True))
    assert firsts == sorted(firsts)
    assert attempts(connection) == [("accepted", 200, 1)] * 5


def test_what_follows_a_batch_that_failed_is_sent_again_behind_it(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    ids = append_batches(connection, 5)
    segment.refuse(ids[0], status=503)

    take_turn(connection, client)

    assert live_lane(connection).cursor == 0
    assert live_lane(connection).in_flight_to == 5 * 400
    assert Counter(attempts(connection)) == {("retry", 200, 1): 4, ("retry", 503, 1): 1}
    assert outcomes(connection) == {}

    segment.judge = None
    make_due(connection)
    take_turn(connection, client)

    assert set(segment.message_ids) == set(ids)
    assert max(Counter(segment.message_ids).values()) == 2
    assert outcomes(connection) == {"accepted": len(ids)}


@pytest.mark.parametrize("refused", [0, 700, 1999])
def test_an_event_that_is_refused_is_found_and_the_others_are_accepted(
    segment: FakeSegment, connection: Connection, client: SegmentClient, refused: int
) -> None:
    ids = append_batches(connection, 5)
    segment.refuse(ids[refused])
    good = append_new(connection.environment, 1)

    take_turn(connection, client)

    assert set(segment.message_ids) == {*ids, *sent_ids(connection, good)} - {ids[refused]}
    assert outcomes(connection) == {"accepted": 2000, "rejected": 1}


def test_a_new_selection_holds_for_everything_behind_what_is_under_way(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    ids = append_batches(connection, 12)

    with at_answer(2, lambda: connections.select_events(connection, [HANDLED], by=None)):
        take_turn(connection, client)

    sent = len(segment.message_ids)
    assert sorted(segment.message_ids) == sorted(ids[:sent])
    assert sent < len(ids)
    assert outcomes(connection) == {"accepted": sent, "event_not_selected": len(ids) - sent}


def test_what_is_left_out_between_batches_is_settled_in_its_place(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    first = append_batches(connection, 2)
    append_new(connection.environment, 1_200, "Message Handled")
    second = append_batches(connection, 2)

    take_turn(connection, client)

    assert sorted(segment.message_ids) == sorted([*first, *second])
    assert outcomes(connection) == {"accepted": 1600, "event_not_selected": 1200}
    assert live_lane(connection).cursor == 2800


def test_a_worker_that_dies_with_all_of_them_under_way_is_followed_by_one_that_sends_the_same(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    ids = append_batches(connection, 6)

    assert crash_in_flight(connection, client, after_answers=3)
    arrived, settled = Counter(segment.message_ids), live_lane(connection).cursor
    take_turn(connection, client)

    assert 0 < settled < len(ids)
    assert arrived == Counter(ids)
    assert Counter(segment.message_ids) - arrived == Counter(ids[settled:])
    assert outcomes(connection) == {"accepted": len(ids)}
    assert live_lane(connection).in_flight_to is None
    assert live_lane(connection).deliveries.get(first_position=settled + 1).attempt == 2


def test_events_that_go_once_for_each_visitor_go_once(segment: FakeSegment, client: SegmentClient) -> None:
    connection = make_connection(endpoint=segment.url, any_order=True, once=[["track", "Session Started"]])
    messages = [
        make_message(user_id=f"user-{number % 100}", properties={"filling": "x" * 900}) for number in range(2_000)
    ]
    append(connection.environment, *messages)

    take_turn(connection, client)

    assert sorted(segment.message_ids) == sorted(sent_ids(connection, messages[:100]))
    assert outcomes(connection)["accepted"] == 100


def test_a_turn_launches_nothing_behind_its_time(
    segment: FakeSegment, connection: Connection, client: SegmentClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "TURN_SECONDS", 0)
    ids = append_batches(connection, 2)

    assert take_turn(connection, client) is True
    assert len(segment.requests) == 1
    assert take_turn(connection, client) is True
    assert take_turn(connection, client) is False
    assert segment.message_ids == ids


def test_the_sandbox_has_one_request_at_a_time(client: SegmentClient) -> None:
    connection = make_connection(any_order=True)
    append_batches(connection, 3)

    take_turn(connection, Gathering(client, 1))

    assert outcomes(connection) == {"accepted": 1200}
    assert set(Delivery.objects.values_list("outcome", flat=True)) == {"accepted"}
