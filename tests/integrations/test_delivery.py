"""Delivery: what arrives, what is written about it, and what happens when an answer, a person or a death intervenes."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Any

import pytest
from django.db import connection as database
from pytest_django import Settings

from assistants import lifecycle
from assistants.models import Block, Environment
from integrations import connections, delivery
from integrations.models import Connection, Delivery, Lane
from integrations.segment.client import SegmentClient
from integrations.segment.verdicts import Answer
from tests.fakes import FakeSegment, Reply, running_segment
from tests.integrations.turns import (
    Meanwhile,
    append_new,
    check_ledger,
    crash,
    is_about,
    make_due,
    outcomes,
    seconds_waited,
    sent_ids,
    take_turn,
)
from tests.make import SELECTED, WRITE_KEY, append, live_lane, make_connection, make_environment, make_message

pytestmark = pytest.mark.django_db
HANDLED = ("track", "Message Handled")


@pytest.fixture
def connection(segment: FakeSegment) -> Connection:
    return make_connection(endpoint=segment.url)


def custom(endpoint: str) -> dict[str, Any]:
    return {"region": "custom", "endpoint": endpoint}


def change_key(connection: Connection, write_key: str = "another-key-wxyz") -> None:
    settings = connection.settings
    connections.change_destination(connection, settings=settings, source_name="", write_key=write_key, by=None)


def append_two_batches(connection: Connection) -> list[str]:
    """Append more than one request holds: events of which 450 fill it."""
    messages = [make_message(properties={"filling": "x" * 800}) for _ in range(600)]
    append(connection.environment, *messages)
    return sent_ids(connection, messages)


def status(connection: Connection) -> str:
    return Connection.objects.get(pk=connection.pk).status


# --- What arrives ---


def test_events_arrive_once_in_the_order_of_the_log(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    messages = [message for _ in range(5) for message in append_new(connection.environment, 30)]

    assert take_turn(connection, client) is False

    assert segment.message_ids == sent_ids(connection, messages)
    assert len(segment.requests) == 1
    assert segment.requests[0].write_key == WRITE_KEY
    assert outcomes(connection) == {"accepted": 150}
    lane = live_lane(connection)
    assert (lane.cursor, lane.in_flight_to, lane.attempts, lane.lease_until) == (150, None, 0, None)


def test_a_backlog_is_sent_in_full_batches(segment: FakeSegment, connection: Connection, client: SegmentClient) -> None:
    ids = append_two_batches(connection)

    take_turn(connection, client)

    assert segment.message_ids == ids
    assert [len(request.body) <= 475_000 for request in segment.requests] == [True, True]
    assert len(segment.requests[0].body) + len(json.dumps(segment.requests[1].batch[0])) > 475_000


def append_batches(connection: Connection, count: int) -> list[str]:
    """Append events in blocks of some hundred; a little more than 400 fill a request."""
    messages = [make_message(properties={"filling": "x" * 900}) for _ in range(400 * count)]
    for start in range(0, len(messages), 150):
        append(connection.environment, *messages[start : start + 150])
    return sent_ids(connection, messages)


def test_the_next_batch_is_begun_with_the_settling_of_the_one_before(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    ids = append_batches(connection, 3)
    seen: list[tuple[int, int | None, int]] = []

    def look() -> None:
        lane = live_lane(connection)
        seen.append((lane.cursor, lane.in_flight_to, lane.attempts))

    take_turn(connection, Meanwhile(client, look, look, look))

    assert segment.message_ids == ids
    ends = list(accumulate(len(request.batch) for request in segment.requests))
    assert seen == [(begin, end, 1) for begin, end in zip([0, *ends[:2]], ends, strict=True)]
    assert [request.headers.get("x-retry-count") for request in segment.requests] == [None] * 3


@pytest.mark.parametrize("refused", [0, 450, 700, 1500])
def test_a_batch_that_is_refused_is_searched_though_the_next_one_was_composed(
    segment: FakeSegment, connection: Connection, client: SegmentClient, refused: int
) -> None:
    ids = append_batches(connection, 5)
    segment.refuse(ids[refused])

    take_turn(connection, client)

    accepted = [message["messageId"] for message in segment.accepted]
    assert accepted == [each for each in ids if each != ids[refused]]
    assert outcomes(connection) == {"accepted": 1999, "rejected": 1}


@pytest.mark.parametrize("failing", [0, 1, 2, 3])
def test_a_batch_that_failed_is_sent_again_before_the_one_that_was_composed_meanwhile(
    segment: FakeSegment, connection: Connection, client: SegmentClient, failing: int
) -> None:
    ids = append_batches(connection, 5)
    segment.replies.extend([*[Reply()] * failing, Reply(503)])

    take_turn(connection, client)
    assert [message["messageId"] for message in segment.accepted] == ids[: live_lane(connection).cursor]
    make_due(connection)
    take_turn(connection, client)

    assert [message["messageId"] for message in segment.accepted] == ids
    assert segment.requests[failing].batch == segment.requests[failing + 1].batch
    assert segment.requests[failing + 1].headers["x-retry-count"] == "1"


def test_a_selection_changed_under_way_holds_for_all_that_was_composed_ahead(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    ids = append_batches(connection, 5)

    def select() -> None:
        connections.select_events(connection, [HANDLED], by=None)

    take_turn(connection, Meanwhile(client, lambda: None, select))

    sent = sum(len(request.batch) for request in segment.requests)
    assert len(segment.requests) == 2
    assert segment.message_ids == ids[:sent]
    assert outcomes(connection) == {"accepted": sent, "event_not_selected": 2000 - sent}


def test_a_batch_composed_ahead_ends_where_the_lane_does(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    ids = append_batches(connection, 3)
    Lane.objects.filter(connection=connection, kind=Lane.Kind.LIVE).update(end=700)

    take_turn(connection, client)

    assert segment.message_ids == ids[:700]
    assert live_lane(connection).cursor == 700


def test_a_worker_that_dies_in_the_second_batch_is_followed_by_one_that_sends_it_again(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    ids = append_batches(connection, 3)

    assert crash(connection, client, after_requests=2)
    take_turn(connection, client)

    first, second, again, *_ = segment.requests
    assert [message["messageId"] for message in second.batch] == [message["messageId"] for message in again.batch]
    arrived = dict.fromkeys(message["messageId"] for message in segment.accepted)
    assert list(arrived) == ids
    assert len(first.batch) + len(second.batch) <= live_lane(connection).cursor


def test_a_connection_may_have_its_requests_compressed(segment: FakeSegment, client: SegmentClient) -> None:
    connection = make_connection(endpoint=segment.url, compress=True)
    messages = append_new(connection.environment, 3)

    take_turn(connection, client)

    assert segment.requests[0].headers["content-encoding"] == "gzip"
    assert segment.message_ids == sent_ids(connection, messages)


def test_each_post_is_recorded(segment: FakeSegment, connection: Connection, client: SegmentClient) -> None:
    append(connection.environment, make_message("Message Handled"), make_message(), make_message(user_id=None))

    take_turn(connection, client)

    (row,) = live_lane(connection).deliveries.all()
    assert (row.first_position, row.last_position, row.sent, row.left_out) == (1, 3, 1, 2)
    assert (row.outcome, row.status, row.answer, row.attempt) == ("accepted", 200, '{"success": true}', 1)
    assert row.size_bytes == len(segment.requests[0].body)
    assert row.version == connections.version_in_force(connection)
    assert 0 <= row.duration_ms < 5_000
    assert datetime.now(UTC) - row.at < timedelta(seconds=30)


def test_a_range_of_which_nothing_is_sent_costs_no_request(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    append_new(connection.environment, 4, "Message Handled")
    append(connection.environment, make_message(user_id=None))

    assert take_turn(connection, client) is False

    assert segment.requests == []
    assert outcomes(connection) == {"event_not_selected": 4, "no_user_id": 1}
    (row,) = live_lane(connection).deliveries.all()
    assert (row.first_position, row.last_position, row.sent, row.left_out, row.outcome) == (1, 5, 0, 5, "nothing")
    assert (row.status, row.attempt, row.size_bytes) == (None, 0, 0)


def test_an_idle_lane_is_left_as_it_is(segment: FakeSegment, connection: Connection, client: SegmentClient) -> None:
    assert take_turn(connection, client) is False

    assert segment.requests == []
    assert live_lane(connection).deliveries.count() == 0


def test_the_sandbox_takes_the_same_way(client: SegmentClient) -> None:
    connection = make_connection()
    append_new(connection.environment, 3)

    take_turn(connection, client)

    assert outcomes(connection) == {"accepted": 3}


def test_a_block_that_cannot_be_read_is_left_out_and_its_neighbours_are_sent(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    before, damaged, after = (append_new(connection.environment, 2) for _ in range(3))
    blocks = Block.objects.filter(environment_id=connection.environment_id)
    assert blocks.filter(first_position=3).update(body=b"not what was written") == 1

    take_turn(connection, client)

    assert segment.message_ids == sent_ids(connection, before + after)
    assert not set(sent_ids(connection, damaged)) & set(segment.message_ids)
    assert outcomes(connection) == {"accepted": 4, "unreadable": 2}


class Recording:
    """A client that goes nowhere and notes when it was to go where."""

    def __init__(self) -> None:
        self.urls: list[str] = []

    def post_batch(self, base_url: str, write_key: str, body: bytes, **options: Any) -> Answer:
        self.urls.append(base_url)
        return Answer(200, b"{}")


@pytest.mark.parametrize(
    ("region", "url"), [("us", "https://api.segment.io"), ("eu", "https://events.eu1.segmentapis.com")]
)
def test_requests_to_segment_keep_a_distance(region: str, url: str) -> None:
    connection = make_connection()
    settings = {"region": region}
    connections.change_destination(connection, settings=settings, source_name="", write_key=None, by=None)
    append_two_batches(connection)
    append_two_batches(connection)
    recording = Recording()
    began = datetime.now(UTC)

    take_turn(connection, recording)

    assert recording.urls == [url] * 3
    assert datetime.now(UTC) - began >= 2 * timedelta(milliseconds=20)


def test_a_turn_ends_after_its_time_and_asks_for_another(
    segment: FakeSegment, connection: Connection, client: SegmentClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "TURN_SECONDS", 0)
    ids = append_two_batches(connection)

    assert take_turn(connection, client) is True
    assert len(segment.requests) == 1
    assert take_turn(connection, client) is True
    assert take_turn(connection, client) is False
    assert segment.message_ids == ids


def just_before(statement: Callable[[str], bool], action: Callable[[], object]) -> Callable[..., object]:
    """Make a wrapper of all statements that does something once, before the first one that `statement` says yes to."""
    is_done = False

    def wrapper(execute: Callable[..., object], sql: str, params: object, many: bool, context: object) -> object:
        nonlocal is_done
        if not is_done and statement(sql):
            is_done = True
            action()
        return execute(sql, params, many, context)

    return wrapper


def is_release(sql: str) -> bool:
    return sql.startswith("UPDATE") and '"lease_until" = NULL' in sql


def just_after_terms(action: Callable[[], object]) -> Callable[..., object]:
    """Make a wrapper of all statements that does something once, between a holder's reading of terms and of events."""
    is_done = False

    def wrapper(execute: Callable[..., object], sql: str, params: object, many: bool, context: object) -> object:
        nonlocal is_done
        found = execute(sql, params, many, context)
        if not is_done and '"integrations_laneversion"."from_position" > ' in sql:
            is_done = True
            action()
        return found

    return wrapper


def test_an_event_that_comes_between_the_last_read_and_the_release_is_seen(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    append_new(connection.environment, 1)

    with database.execute_wrapper(just_before(is_release, lambda: append_new(connection.environment, 1))):
        assert take_turn(connection, client) is True

    assert len(segment.message_ids) == 1
    assert take_turn(connection, client) is False
    assert len(segment.message_ids) == 2


def test_a_lane_with_an_end_stops_there(segment: FakeSegment, connection: Connection, client: SegmentClient) -> None:
    messages = append_new(connection.environment, 5)
    Lane.objects.filter(connection=connection).update(end=3)

    assert take_turn(connection, client) is False

    assert segment.message_ids == sent_ids(connection, messages[:3])
    assert live_lane(connection).cursor == 3
    assert take_turn(connection, client) is False
    assert not Lane.objects.due().filter(connection=connection).exists()


def test_the_index_lane_counts_what_came(connection: Connection, client: SegmentClient) -> None:
    append_new(connection.environment, 3)
    append_new(connection.environment, 2, "Message Handled")
    index = connection.environment.lanes.get(kind=Lane.Kind.INDEX)

    assert delivery.run_lane(index.pk, client) is False

    check_ledger()
    index.refresh_from_db()
    assert (index.cursor, index.lease_until) == (5, None)


# --- Lanes that may not move ---


def pause(connection: Connection) -> None:
    connections.pause(connection, by=None)


def need_attention(connection: Connection) -> None:
    Connection.objects.filter(pk=connection.pk).update(status=Connection.Status.NEEDS_ATTENTION)


def disconnect(connection: Connection) -> None:
    connections.disconnect(connection, by=None)


def delete_assistant(connection: Connection) -> None:
    lifecycle.delete_assistant(connection.environment.assistant, by=None)


def delete_environment(connection: Connection) -> None:
    Environment.objects.filter(pk=connection.environment_id).update(kind=Environment.Kind.OTHER)
    lifecycle.delete_environment(Environment.objects.get(pk=connection.environment_id), by=None)


ENDINGS = [pause, need_attention, disconnect, delete_assistant, delete_environment]


@pytest.mark.parametrize("end", ENDINGS)
def test_a_lane_that_may_not_move_is_left_alone_and_does_not_ask_for_another_turn(
    segment: FakeSegment, connection: Connection, client: SegmentClient, end: Callable[[Connection], None]
) -> None:
    append_new(connection.environment, 3)
    end(connection)

    assert take_turn(connection, client) is False

    assert segment.requests == []
    assert live_lane(connection).cursor == 0
    assert not Lane.objects.due().filter(connection=connection).exists()


@pytest.mark.parametrize("end", [pause, disconnect, delete_assistant, delete_environment])
def test_what_is_in_flight_is_settled_and_nothing_more_is_sent(
    segment: FakeSegment, connection: Connection, client: SegmentClient, end: Callable[[Connection], None]
) -> None:
    ids = append_two_batches(connection)

    assert take_turn(connection, Meanwhile(client, lambda: end(connection))) is False

    assert len(segment.requests) == 1
    assert segment.message_ids == ids[: len(segment.message_ids)]
    assert live_lane(connection).cursor == len(segment.message_ids)
    assert outcomes(connection) == {"accepted": len(segment.message_ids)}


def test_a_connection_that_is_deleted_in_flight_takes_its_lane_with_it(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    append_two_batches(connection)
    lane = live_lane(connection)

    assert delivery.run_lane(lane.pk, Meanwhile(client, connection.delete)) is False

    assert len(segment.requests) == 1
    assert delivery.run_lane(lane.pk, client) is False
    assert Delivery.objects.count() == 0


def test_a_paused_connection_goes_on_where_it_stopped(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    ids = append_two_batches(connection)
    take_turn(connection, Meanwhile(client, lambda: pause(connection)))

    connections.resume(connection, by=None)
    take_turn(connection, client)

    assert segment.message_ids == ids


# --- Answers that ask to wait ---


@pytest.mark.parametrize("code", [408, 410, 429, 460, 500, 502, 503, 504, 529])
def test_an_answer_that_asks_to_wait_leaves_the_cursor_where_it_is(
    segment: FakeSegment, connection: Connection, client: SegmentClient, code: int
) -> None:
    messages = append_new(connection.environment, 3)
    segment.replies.append(Reply(code, b"busy"))

    assert take_turn(connection, client) is False

    lane = live_lane(connection)
    assert (lane.cursor, lane.attempts, lane.last_error, lane.in_flight_to) == (0, 1, f"{code}: busy", None)
    assert lane.failing_since is not None
    assert is_about(seconds_waited(connection), 1)
    assert (status(connection), outcomes(connection)) == ("active", {})
    (row,) = lane.deliveries.all()
    assert (row.outcome, row.status, row.answer, row.sent, row.attempt) == ("retry", code, "busy", 3, 1)

    make_due(connection)
    take_turn(connection, client)
    assert segment.message_ids == sent_ids(connection, messages)
    assert outcomes(connection) == {"accepted": 3}
    lane = live_lane(connection)
    assert (lane.attempts, lane.last_error, lane.failing_since) == (0, "", None)


def test_each_attempt_has_the_same_messages_and_a_time_of_its_own(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    append_new(connection.environment, 3)
    segment.replies.extend([Reply(503), Reply(503), Reply(503)])

    for _ in range(4):
        make_due(connection)
        take_turn(connection, client)

    bodies = [json.loads(request.body) for request in segment.requests]
    assert [body["batch"] for body in bodies] == [bodies[0]["batch"]] * 4
    sent_at = [datetime.fromisoformat(body["sentAt"]) for body in bodies]
    assert sent_at == sorted(set(sent_at))
    assert [request.headers.get("x-retry-count") for request in segment.requests] == [None, "1", "2", "3"]
    rows = live_lane(connection).deliveries.order_by("pk")
    assert list(rows.values_list("attempt", "outcome")) == [(1, "retry"), (2, "retry"), (3, "retry"), (4, "accepted")]


def test_events_that_come_meanwhile_join_the_batch_and_keep_their_ids(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    first = append_new(connection.environment, 2)
    segment.replies.append(Reply(is_lost=True))
    take_turn(connection, client)
    second = append_new(connection.environment, 2)
    make_due(connection)

    take_turn(connection, client)

    assert segment.message_ids == sent_ids(connection, first) + sent_ids(connection, first + second)
    assert outcomes(connection) == {"accepted": 4}


@pytest.mark.parametrize("code", [429, 503])
def test_retry_after_is_honoured(
    segment: FakeSegment, connection: Connection, client: SegmentClient, code: int
) -> None:
    append_new(connection.environment, 1)
    segment.replies.append(Reply(code, headers={"Retry-After": "30"}))

    take_turn(connection, client)

    assert 30 <= seconds_waited(connection) < 35
    assert take_turn(connection, client) is False
    assert len(segment.requests) == 1
    assert not Lane.objects.due().filter(connection=connection).exists()


def test_the_wait_grows_with_each_failure(segment: FakeSegment, connection: Connection, client: SegmentClient) -> None:
    append_new(connection.environment, 1)
    waits = []
    for _ in range(8):
        segment.replies.append(Reply(500))
        make_due(connection)
        take_turn(connection, client)
        waits.append(seconds_waited(connection))

    nominal = (1, 2, 4, 8, 16, 32, 60, 60)
    assert [is_about(wait, seconds) for wait, seconds in zip(waits, nominal, strict=True)] == [True] * 8


def test_a_connection_that_fails_does_not_hold_up_another(segment: FakeSegment, client: SegmentClient) -> None:
    with running_segment() as healthy:
        broken, well = make_connection(endpoint=segment.url), make_connection(endpoint=healthy.url)
        segment.judge = lambda received: Reply(503)
        for connection in (broken, well):
            append_new(connection.environment, 2)

        for connection in (broken, well):
            take_turn(connection, client)

        assert (outcomes(broken), outcomes(well)) == ({}, {"accepted": 2})


def test_an_answer_that_was_lost_is_asked_for_again_with_the_same_ids(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    messages = append_new(connection.environment, 2)
    segment.replies.append(Reply(is_lost=True))

    take_turn(connection, client)
    (row,) = live_lane(connection).deliveries.all()
    assert (row.outcome, row.status) == ("retry", None)
    assert row.answer.startswith("The connection broke off: ")
    make_due(connection)
    take_turn(connection, client)

    assert segment.message_ids == sent_ids(connection, messages) * 2
    assert outcomes(connection) == {"accepted": 2}


# --- Answers about the connection ---

PERMANENT = [
    *(Reply(code, b"no") for code in (301, 308, 401, 403, 404, 405, 501, 505, 511)),
    Reply(200, b'{"success": false}'),
    Reply(200, b"<html>no</html>"),
    Reply(200, b""),
]


@pytest.mark.parametrize("reply", PERMANENT, ids=lambda reply: f"{reply.status} {reply.body.decode()}")
def test_a_permanent_answer_pauses_and_loses_nothing(
    segment: FakeSegment, connection: Connection, client: SegmentClient, reply: Reply
) -> None:
    messages = append_new(connection.environment, 3)
    segment.judge = lambda received: reply

    assert take_turn(connection, client) is False
    assert take_turn(connection, client) is False

    connection.refresh_from_db()
    said = f"{reply.status}: {reply.body.decode()}"
    assert (connection.status, connection.attention) == ("needs_attention", f"Segment answered {said}")
    assert connection.attention_at is not None
    lane = live_lane(connection)
    assert (lane.cursor, lane.last_error, len(segment.requests)) == (0, said, 1)
    (row,) = lane.deliveries.all()
    assert (row.outcome, row.status) == ("refused", reply.status)

    segment.accepted.clear()
    segment.judge = None
    later = append_new(connection.environment, 1)
    connections.resume(connection, by=None)
    take_turn(connection, client)
    assert segment.message_ids == sent_ids(connection, messages + later)
    assert outcomes(connection) == {"accepted": 4}


def test_a_new_key_sets_a_connection_going_that_needed_attention(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    messages = append_new(connection.environment, 3)
    segment.judge = lambda received: None if received.write_key == "another-key-wxyz" else Reply(401)
    take_turn(connection, client)
    assert status(connection) == "needs_attention"

    change_key(connection)
    take_turn(connection, client)

    connection.refresh_from_db()
    assert (connection.status, connection.attention, connection.attention_at) == ("active", "", None)
    assert segment.message_ids == sent_ids(connection, messages)


def test_an_answer_about_a_key_that_was_replaced_meanwhile_says_nothing_about_the_new_one(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    messages = append_new(connection.environment, 3)
    segment.judge = lambda received: None if received.write_key == "another-key-wxyz" else Reply(401, b"old key")

    take_turn(connection, Meanwhile(client, lambda: change_key(connection)))

    assert status(connection) == "active"
    assert segment.message_ids == sent_ids(connection, messages)
    rows = live_lane(connection).deliveries.order_by("pk")
    assert list(rows.values_list("outcome", "status")) == [("refused", 401), ("accepted", 200)]


def test_a_wait_that_the_old_destination_asked_for_does_not_hold_up_the_new_one(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    messages = append_new(connection.environment, 3)
    segment.replies.append(Reply(429, headers={"Retry-After": "300"}))

    with running_segment() as other:

        def move() -> None:
            connections.change_destination(
                connection, settings=custom(other.url), source_name="", write_key=None, by=None
            )

        take_turn(connection, Meanwhile(client, move))
        assert other.message_ids == sent_ids(connection, messages)

    assert live_lane(connection).next_attempt_at is None


def test_a_wait_that_was_asked_for_is_kept_when_the_selection_changes(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    append_new(connection.environment, 3)
    segment.replies.append(Reply(429, headers={"Retry-After": "300"}))

    def select() -> None:
        connections.select_events(connection, [SELECTED, HANDLED], by=None)

    take_turn(connection, Meanwhile(client, select))

    assert 300 <= seconds_waited(connection) < 305
    assert len(segment.requests) == 1


def test_a_connection_that_a_person_paused_in_flight_stays_paused_whatever_the_answer(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    append_new(connection.environment, 1)
    segment.replies.append(Reply(401))

    take_turn(connection, Meanwhile(client, lambda: pause(connection)))

    assert status(connection) == "paused"


# --- Write keys that cannot be read ---


def test_a_write_key_that_cannot_be_read_pauses_and_loses_nothing(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    messages = append_new(connection.environment, 2)
    readable = connection.write_key
    Connection.objects.filter(pk=connection.pk).update(write_key="v1:damaged")

    assert take_turn(connection, client) is False

    connection.refresh_from_db()
    assert connection.status == "needs_attention"
    assert connection.attention.startswith("The write key cannot be read. ")
    assert (segment.requests, live_lane(connection).cursor) == ([], 0)

    Connection.objects.filter(pk=connection.pk).update(write_key=readable)
    connections.resume(connection, by=None)
    take_turn(connection, client)
    assert segment.message_ids == sent_ids(connection, messages)


def test_a_new_key_replaces_one_that_cannot_be_read(
    segment: FakeSegment, connection: Connection, client: SegmentClient, settings: Settings
) -> None:
    append_new(connection.environment, 2)
    settings.SLUICE_ENCRYPTION_KEYS = ["A" * 43 + "="]
    take_turn(connection, client)
    assert status(connection) == "needs_attention"

    change_key(connection, "fresh-key-1234")
    take_turn(connection, client)

    assert [request.write_key for request in segment.requests] == ["fresh-key-1234"]


# --- Changes of the selection ---


def test_a_selection_holds_for_everything_behind_what_is_in_flight(segment: FakeSegment, client: SegmentClient) -> None:
    connection = make_connection(endpoint=segment.url, selection=[SELECTED])
    messages = [
        make_message(event, properties={"filling": "x" * 800})
        for _ in range(700)
        for event in ("Session Started", "Message Handled")
    ]
    append(connection.environment, *messages)

    def select() -> None:
        connections.select_events(connection, [HANDLED], by=None)

    take_turn(connection, Meanwhile(client, select))

    first, *others = segment.requests
    assert {message["event"] for message in first.batch} == {"Session Started"}
    assert {message["event"] for request in others for message in request.batch} == {"Message Handled"}
    boundary = live_lane(connection).lane_versions.get(version__number=2).from_position
    # The batch in flight ended with the last event before one that it had no room for.
    started, handled = messages[0::2], messages[1::2]
    in_flight = len(first.batch)
    assert boundary in (2 * in_flight, 2 * in_flight + 1)
    assert segment.message_ids == sent_ids(connection, started[:in_flight] + handled[(boundary - 1) // 2 :])
    assert sum(outcomes(connection).values()) == 1_400


def test_a_batch_that_is_not_begun_is_composed_anew_when_the_selection_changes(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    append_new(connection.environment, 3)

    def select() -> None:
        connections.select_events(connection, [HANDLED], by=None)

    with database.execute_wrapper(just_after_terms(select)):
        take_turn(connection, client)

    assert segment.requests == []
    assert outcomes(connection) == {"event_not_selected": 3}


def test_what_is_left_out_is_judged_anew_when_the_selection_changes(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    messages = append_new(connection.environment, 3, "Message Handled")

    def select() -> None:
        connections.select_events(connection, [HANDLED], by=None)

    with database.execute_wrapper(just_after_terms(select)):
        take_turn(connection, client)

    assert segment.message_ids == sent_ids(connection, messages)
    assert outcomes(connection) == {"accepted": 3}


def test_a_pause_between_reading_and_sending_is_obeyed(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    append_new(connection.environment, 3)

    with database.execute_wrapper(just_after_terms(lambda: pause(connection))):
        assert take_turn(connection, client) is False

    assert segment.requests == []


def test_versions_take_turns_along_the_log(segment: FakeSegment, connection: Connection, client: SegmentClient) -> None:
    for selection in ([HANDLED], [SELECTED, HANDLED], [SELECTED]):
        append_new(connection.environment, 2)
        append_new(connection.environment, 1, "Message Handled")
        # As if the events so far were in flight, so that each version gets a stretch of its own.
        Lane.objects.filter(connection=connection).update(in_flight_to=3 * (1 + _versions(connection) - 1))
        connections.select_events(connection, selection, by=None)
    append_new(connection.environment, 1)

    take_turn(connection, client)

    rows = live_lane(connection).deliveries.order_by("pk")
    assert list(rows.values_list("version__number", "first_position", "last_position", "sent", "left_out")) == [
        (1, 1, 3, 2, 1),
        (2, 4, 6, 1, 2),
        (3, 7, 9, 3, 0),
        (4, 10, 10, 1, 0),
    ]


def _versions(connection: Connection) -> int:
    return live_lane(connection).lane_versions.count()


@pytest.mark.parametrize("code", [429, 500, 503])
def test_a_selection_changed_after_an_answer_holds_for_the_whole_batch(
    segment: FakeSegment, connection: Connection, client: SegmentClient, code: int
) -> None:
    append_new(connection.environment, 3)
    segment.replies.append(Reply(code))
    take_turn(connection, client)

    connections.select_events(connection, [HANDLED], by=None)
    make_due(connection)
    take_turn(connection, client)

    assert segment.accepted == []
    assert outcomes(connection) == {"event_not_selected": 3}


def test_a_selection_changed_while_segment_cannot_be_reached_holds_for_the_whole_batch(client: SegmentClient) -> None:
    with running_segment() as gone:
        connection = make_connection(endpoint=gone.url)
    append_new(connection.environment, 3)
    take_turn(connection, client)
    assert live_lane(connection).last_error.startswith("The host could not be reached: ")

    connections.select_events(connection, [HANDLED], by=None)
    make_due(connection)
    take_turn(connection, client)

    assert outcomes(connection) == {"event_not_selected": 3}


def test_a_selection_changed_after_an_answer_was_lost_leaves_alone_what_may_have_arrived(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    messages = append_new(connection.environment, 3)
    segment.replies.append(Reply(is_lost=True))
    take_turn(connection, client)

    connections.select_events(connection, [HANDLED], by=None)
    append_new(connection.environment, 2)
    make_due(connection)
    take_turn(connection, client)

    assert segment.message_ids == sent_ids(connection, messages) * 2
    assert outcomes(connection) == {"accepted": 3, "event_not_selected": 2}


# --- Workers that die, freeze, or fail ---


@pytest.mark.parametrize("is_accepted", [True, False])
def test_a_worker_that_is_killed_in_flight_is_followed_by_one_that_sends_the_same(
    segment: FakeSegment, connection: Connection, client: SegmentClient, is_accepted: bool
) -> None:
    messages = append_new(connection.environment, 3)
    if not is_accepted:
        segment.replies.append(Reply(503))
    crash(connection, client)
    lane = live_lane(connection)
    assert (lane.cursor, lane.in_flight_to, lane.attempts) == (0, 3, 1)

    take_turn(connection, client)

    ids = sent_ids(connection, messages)
    assert segment.message_ids == (ids + ids if is_accepted else ids)
    assert segment.requests[1].headers["x-retry-count"] == "1"
    assert outcomes(connection) == {"accepted": 3}
    assert live_lane(connection).lease_token == 2


def test_a_selection_changed_after_a_worker_died_does_not_change_what_it_may_have_sent(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    messages = append_new(connection.environment, 3)
    crash(connection, client)
    connections.select_events(connection, [HANDLED], by=None)
    append_new(connection.environment, 1)

    take_turn(connection, client)

    assert segment.message_ids == sent_ids(connection, messages) * 2
    assert outcomes(connection) == {"accepted": 3, "event_not_selected": 1}


@pytest.mark.parametrize("late_reply", [Reply(200), Reply(503), Reply(401), Reply(400)])
def test_a_worker_that_froze_for_longer_than_its_lease_changes_nothing(
    segment: FakeSegment, connection: Connection, client: SegmentClient, late_reply: Reply
) -> None:
    messages = append_new(connection.environment, 3)
    segment.replies.append(late_reply)
    states: list[dict[str, Any]] = []

    def freeze() -> None:
        Lane.objects.filter(connection=connection).update(lease_until=datetime(2020, 1, 1, tzinfo=UTC))
        take_turn(connection, client)
        states.append(Lane.objects.filter(connection=connection).values().get())

    assert take_turn(connection, Meanwhile(client, freeze)) is False

    assert Lane.objects.filter(connection=connection).values().get() == states[0]
    assert (live_lane(connection).cursor, status(connection)) == (3, "active")
    assert outcomes(connection) == {"accepted": 3}
    assert live_lane(connection).deliveries.count() == 1
    assert segment.message_ids[-3:] == sent_ids(connection, messages)


class Broken:
    """A client with a fault of its own."""

    def post_batch(self, base_url: str, write_key: str, body: bytes, **options: Any) -> Answer:
        raise RuntimeError(f"{write_key} must not be shown")


def test_a_fault_of_our_own_shows_on_the_lane_and_is_not_tried_again_at_once(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    append_new(connection.environment, 2)

    with pytest.raises(RuntimeError):
        take_turn(connection, Broken())

    lane = live_lane(connection)
    assert lane.last_error == "Sluice itself failed: RuntimeError."
    assert not Lane.objects.due().filter(connection=connection).exists()
    assert (lane.cursor, lane.lease_until) == (0, None)
    make_due(connection)
    take_turn(connection, client)
    assert outcomes(connection) == {"accepted": 2}


# --- Test events ---


def test_a_test_event_is_sent_and_its_acceptance_noted(segment: FakeSegment, client: SegmentClient) -> None:
    connection = make_connection(endpoint=segment.url, selection=[HANDLED])
    nonce = connections.send_test_event(connection, by=None)

    take_turn(connection, client)

    (message,) = segment.accepted
    assert (message["event"], message["properties"]["nonce"]) == ("Sluice Connection Tested", nonce)
    connection.refresh_from_db()
    assert connection.test_accepted_at is not None
    assert connection.confirmed_at is None


def test_a_test_event_that_is_not_accepted_is_not_noted(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    connections.send_test_event(connection, by=None)
    segment.replies.append(Reply(503))

    take_turn(connection, client)

    connection.refresh_from_db()
    assert connection.test_accepted_at is None


def test_a_test_event_proves_nothing_about_a_key_that_came_after_it(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    connections.send_test_event(connection, by=None)

    take_turn(connection, Meanwhile(client, lambda: change_key(connection)))

    connection.refresh_from_db()
    assert connection.test_accepted_at is None
    assert outcomes(connection) == {"accepted": 1}


def test_an_environment_of_its_own_has_a_lane_of_its_own(segment: FakeSegment, client: SegmentClient) -> None:
    draft = make_environment()
    live = make_environment("live", draft.assistant)
    first, second = (make_connection(environment, endpoint=segment.url) for environment in (draft, live))
    message = make_message()
    append(draft, message)
    append(live, message)

    for connection in (first, second):
        take_turn(connection, client)

    assert segment.message_ids == [*sent_ids(first, [message]), *sent_ids(second, [message])]
    assert len(set(segment.message_ids)) == 2
