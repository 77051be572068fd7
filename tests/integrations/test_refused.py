"""The search for refused events: how many requests it takes, when an event is rejected, and what can cut it short."""

import pytest

from assistants.log import BLOCKS_PER_READ
from assistants.messages import Message
from integrations import connections, delivery, turn
from integrations.models import Connection, Delivery, Lane
from integrations.segment.client import SegmentClient
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
from tests.make import SELECTED, append, live_lane, make_connection, make_message

pytestmark = pytest.mark.django_db
BOTH = (SELECTED, ("track", "Message Handled"))


@pytest.fixture
def connection(segment: FakeSegment) -> Connection:
    return make_connection(endpoint=segment.url)


def refuse(segment: FakeSegment, connection: Connection, *messages: Message, status: int = 400) -> None:
    segment.refuse(*sent_ids(connection, messages), status=status)


def sizes(segment: FakeSegment) -> list[int]:
    return [len(request.batch) for request in segment.requests]


def rejected(connection: Connection) -> list[int]:
    return list(live_lane(connection).rejections.order_by("position").values_list("position", flat=True))


def append_far_apart(connection: Connection) -> tuple[Message, Message]:
    """Append two events with more between them that is left out than one look at the log shows."""
    (first,) = append_new(connection.environment, 1)
    for _ in range(BLOCKS_PER_READ + 5):
        append_new(connection.environment, 13, "Message Handled")
    (last,) = append_new(connection.environment, 1)
    return first, last


def cursor(connection: Connection) -> int:
    return live_lane(connection).cursor


def test_a_refused_batch_is_halved_until_the_event_at_fault_stands_alone(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    messages = append_new(connection.environment, 8)
    refuse(segment, connection, messages[2])

    assert take_turn(connection, client) is False

    ids = sent_ids(connection, messages)
    requests = [[message["messageId"] for message in request.batch] for request in segment.requests]
    assert requests == [ids, ids[:4], ids[:2], ids[2:4], ids[2:3], ids[3:4], ids[4:]]
    assert segment.message_ids == ids[:2] + ids[3:]
    assert cursor(connection) == 8
    assert outcomes(connection) == {"accepted": 7, "rejected": 1}
    (rejection,) = live_lane(connection).rejections.all()
    assert (rejection.position, rejection.reason, rejection.status) == (3, "refused_by_segment", 400)
    assert rejection.answer == '{"success": false, "message": "bad event"}'


@pytest.mark.parametrize("status", [400, 413, 422])
@pytest.mark.parametrize("place", [0, 511, 1023])
def test_one_event_among_a_thousand_costs_two_requests_a_halving(
    segment: FakeSegment, connection: Connection, client: SegmentClient, status: int, place: int
) -> None:
    messages = append_new(connection.environment, 1024)
    refuse(segment, connection, messages[place], status=status)

    take_turn(connection, client)

    assert len(segment.requests) == 1 + 2 * 10
    assert segment.message_ids == sent_ids(connection, messages[:place] + messages[place + 1 :])
    assert rejected(connection) == [place + 1]


def test_every_post_leaves_a_record(segment: FakeSegment, connection: Connection, client: SegmentClient) -> None:
    messages = append_new(connection.environment, 2)
    refuse(segment, connection, messages[1])

    take_turn(connection, client)

    rows = live_lane(connection).deliveries.order_by("pk")
    assert list(rows.values_list("first_position", "last_position", "sent", "outcome", "status", "attempt")) == [
        (1, 2, 2, "refused", 400, 1),
        (1, 1, 1, "accepted", 200, 1),
        (2, 2, 1, "refused", 400, 1),
    ]
    assert len(segment.requests) == 3


def test_the_parts_of_a_search_are_first_requests(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    messages = append_new(connection.environment, 2)
    refuse(segment, connection, messages[0])

    take_turn(connection, client)

    assert [request.headers.get("x-retry-count") for request in segment.requests] == [None, None, None]


def test_the_first_event_is_rejected_together_with_the_acceptance_of_the_second(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    messages = append_new(connection.environment, 2)
    refuse(segment, connection, messages[0])
    seen = []

    def look() -> None:
        seen.append((cursor(connection), rejected(connection)))

    take_turn(connection, Meanwhile(client, look, look, look))

    assert seen == [(0, []), (0, []), (0, [])]
    assert (cursor(connection), rejected(connection)) == (2, [1])


def test_events_left_out_between_suspects_are_settled_with_them(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    bad, worse, good = make_message(), make_message(), make_message()
    off = [make_message("Message Handled") for _ in range(4)]
    append(connection.environment, bad, off[0], off[1], worse, off[2], good, off[3])
    refuse(segment, connection, bad, worse)

    take_turn(connection, client)

    assert cursor(connection) == 7
    assert rejected(connection) == [1, 4]
    assert outcomes(connection) == {"accepted": 1, "rejected": 2, "event_not_selected": 4}
    assert segment.message_ids == sent_ids(connection, [good])


def test_an_event_that_is_refused_alone_waits_for_proof(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    (bad,) = append_new(connection.environment, 1)
    refuse(segment, connection, bad)

    assert take_turn(connection, client) is False

    lane = live_lane(connection)
    assert (lane.cursor, rejected(connection), outcomes(connection)) == (0, [], {})
    assert lane.last_error.startswith("Segment refuses this event, and no other event behind it shows yet")
    assert lane.last_error.endswith('Answer 400: {"success": false, "message": "bad event"}')
    assert is_about(seconds_waited(connection), 1)
    connection.refresh_from_db()
    assert connection.status == "active"

    (good,) = append_new(connection.environment, 1)
    make_due(connection)
    take_turn(connection, client)

    assert (cursor(connection), rejected(connection)) == (2, [1])
    assert segment.message_ids == sent_ids(connection, [good])
    assert live_lane(connection).last_error == ""


def test_an_event_that_is_taken_later_after_all_is_no_rejection(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    (event,) = append_new(connection.environment, 1)
    refuse(segment, connection, event)
    take_turn(connection, client)

    segment.judge = None
    make_due(connection)
    take_turn(connection, client)

    assert segment.message_ids == sent_ids(connection, [event])
    assert outcomes(connection) == {"accepted": 1}
    assert [request.headers.get("x-retry-count") for request in segment.requests] == [None, "1"]


def test_the_wait_for_proof_grows(segment: FakeSegment, connection: Connection, client: SegmentClient) -> None:
    refuse(segment, connection, *append_new(connection.environment, 1))
    waits = []
    for _ in range(4):
        make_due(connection)
        take_turn(connection, client)
        waits.append(seconds_waited(connection))

    assert [is_about(wait, nominal) for wait, nominal in zip(waits, (1, 2, 4, 8), strict=True)] == [True] * 4


def test_proof_is_found_behind_any_number_of_events_left_out(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    bad, good = append_far_apart(connection)
    refuse(segment, connection, bad)

    take_turn(connection, client)

    assert (cursor(connection), rejected(connection)) == (2_667, [1])
    assert segment.message_ids == sent_ids(connection, [good])
    assert sizes(segment) == [1, 1]
    assert outcomes(connection) == {"accepted": 1, "rejected": 1, "event_not_selected": 2_665}


def test_proof_is_not_looked_for_without_end(
    segment: FakeSegment, connection: Connection, client: SegmentClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turn, "READ_AHEAD_EVENTS", 1_000)
    bad, _ = append_far_apart(connection)
    refuse(segment, connection, bad)

    assert take_turn(connection, client) is False

    assert (cursor(connection), sizes(segment)) == (0, [1])
    assert live_lane(connection).last_error.startswith("Segment refuses this event")


def test_proof_is_found_across_a_change_of_the_selection(segment: FakeSegment, client: SegmentClient) -> None:
    connection = make_connection(endpoint=segment.url, selection=[SELECTED])
    (bad,) = append_new(connection.environment, 1)
    refuse(segment, connection, bad)
    # The version changes while the event is in flight, so it ends right behind it.
    select = lambda: connections.select_events(connection, BOTH, by=None)  # noqa: E731
    take_turn(connection, Meanwhile(client, select))
    assert [row.from_position for row in live_lane(connection).lane_versions.all()] == [1, 2]
    (good,) = append_new(connection.environment, 1, "Message Handled")

    make_due(connection)
    take_turn(connection, client)

    assert (cursor(connection), rejected(connection)) == (2, [1])
    assert segment.message_ids == sent_ids(connection, [good])
    versions = live_lane(connection).deliveries.filter(outcome=Delivery.Outcome.ACCEPTED).values_list("version__number")
    assert list(versions) == [(2,)]


def test_ten_in_a_row_need_a_person_and_none_of_them_is_rejected(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    messages = append_new(connection.environment, 16)
    refuse(segment, connection, *messages)

    assert take_turn(connection, client) is False

    connection.refresh_from_db()
    assert connection.status == "needs_attention"
    assert connection.attention == (
        'Segment refused 10 events one after the other. Answer 400: {"success": false, "message": "bad event"}'
    )
    assert (cursor(connection), rejected(connection)) == (0, [])
    requests = len(segment.requests)
    assert take_turn(connection, client) is False
    assert len(segment.requests) == requests

    segment.judge = None
    connections.resume(connection, by=None)
    take_turn(connection, client)
    assert segment.message_ids == sent_ids(connection, messages)
    assert outcomes(connection) == {"accepted": 16}


def test_nine_in_a_row_are_rejected_by_the_tenth_that_is_taken(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    messages = append_new(connection.environment, 10)
    refuse(segment, connection, *messages[:9])

    take_turn(connection, client)

    assert rejected(connection) == list(range(1, 10))
    assert segment.message_ids == sent_ids(connection, messages[9:])
    connection.refresh_from_db()
    assert connection.status == "active"


def test_an_acceptance_between_them_begins_the_row_anew(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    messages = append_new(connection.environment, 27)
    bad = [message for place, message in enumerate(messages) if place % 3]
    refuse(segment, connection, *bad)

    take_turn(connection, client)

    assert outcomes(connection) == {"accepted": 9, "rejected": 18}
    assert segment.message_ids == sent_ids(connection, messages[::3])


def test_ten_in_a_row_behind_one_that_was_taken_stop_at_the_tenth(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    messages = append_new(connection.environment, 16)
    refuse(segment, connection, *messages[1:])

    take_turn(connection, client)

    assert (cursor(connection), rejected(connection)) == (10, list(range(2, 11)))
    connection.refresh_from_db()
    assert connection.status == "needs_attention"


@pytest.mark.parametrize("reply", [Reply(503), Reply(429, headers={"Retry-After": "1"}), Reply(is_lost=True)])
def test_an_answer_that_asks_to_wait_cuts_the_search_short(
    segment: FakeSegment, connection: Connection, client: SegmentClient, reply: Reply
) -> None:
    messages = append_new(connection.environment, 4)
    # All four, the first two, the first; the second one's answer asks to wait.
    segment.replies.extend([Reply(400), Reply(400), Reply(400), reply])

    assert take_turn(connection, client) is False

    lane = live_lane(connection)
    assert (lane.cursor, lane.attempts, rejected(connection), outcomes(connection)) == (0, 1, [], {})
    assert is_about(seconds_waited(connection), 1)
    assert sizes(segment) == [4, 2, 1, 1]

    refuse(segment, connection, messages[0])
    make_due(connection)
    take_turn(connection, client)
    assert (cursor(connection), rejected(connection)) == (4, [1])
    assert outcomes(connection) == {"accepted": 3, "rejected": 1}
    assert segment.requests[4].headers["x-retry-count"] == "1"


def test_an_answer_about_the_connection_ends_the_search_where_it_is(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    messages = append_new(connection.environment, 4)
    segment.replies.extend([Reply(400), Reply(200), Reply(400), Reply(401, b"who are you?")])

    take_turn(connection, client)

    connection.refresh_from_db()
    assert (connection.status, connection.attention) == ("needs_attention", "Segment answered 401: who are you?")
    assert (cursor(connection), rejected(connection)) == (2, [])
    assert segment.message_ids == sent_ids(connection, messages[:2])


@pytest.mark.parametrize("requests_before", range(7))
def test_a_worker_that_dies_in_the_search_leaves_nothing_half_done(
    segment: FakeSegment, connection: Connection, client: SegmentClient, requests_before: int
) -> None:
    messages = append_new(connection.environment, 8)
    refuse(segment, connection, messages[2])
    crash(connection, client, after_requests=requests_before + 1)
    check_ledger()

    while take_turn(connection, client):
        pass

    # Alone behind the cursor, the event waits for another one.
    (last,) = append_new(connection.environment, 1)
    make_due(connection)
    take_turn(connection, client)
    assert (cursor(connection), rejected(connection)) == (9, [3])
    assert outcomes(connection) == {"accepted": 8, "rejected": 1}
    first_arrivals = list(dict.fromkeys(segment.message_ids))
    assert first_arrivals == sent_ids(connection, messages[:2] + messages[3:] + [last])


def test_an_event_that_is_switched_off_in_the_search_is_left_out_and_not_rejected(
    segment: FakeSegment, client: SegmentClient
) -> None:
    connection = make_connection(endpoint=segment.url, selection=BOTH)
    bad, good = make_message("Message Handled"), make_message()
    append(connection.environment, bad, good)
    refuse(segment, connection, bad)
    nothing = lambda: None  # noqa: E731

    def switch_off() -> None:
        connections.select_events(connection, [SELECTED], by=None)

    take_turn(connection, Meanwhile(client, switch_off, nothing))

    # In flight were both, so both are judged by the terms of then; what comes later is judged anew.
    append(connection.environment, make_message("Message Handled"))
    take_turn(connection, client)
    assert outcomes(connection) == {"accepted": 1, "rejected": 1, "event_not_selected": 1}


def test_a_suspect_is_forgotten_when_the_destination_changes(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    messages = append_new(connection.environment, 2)
    refuse(segment, connection, *messages)

    with running_segment() as other:

        def move() -> None:
            connections.change_destination(
                connection,
                settings={"region": "custom", "endpoint": other.url},
                source_name="",
                write_key=None,
                by=None,
            )

        take_turn(connection, Meanwhile(client, lambda: None, move))

        assert sizes(segment) == [2, 1]
        assert other.message_ids == sent_ids(connection, messages)
    assert (rejected(connection), outcomes(connection)) == ([], {"accepted": 2})


def test_a_connection_that_is_paused_in_the_search_sends_no_more(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    messages = append_new(connection.environment, 4)
    refuse(segment, connection, messages[3])

    assert take_turn(connection, Meanwhile(client, lambda: connections.pause(connection, by=None))) is False

    assert sizes(segment) == [4]
    lane = live_lane(connection)
    assert (lane.cursor, lane.in_flight_to, lane.next_attempt_at) == (0, None, None)
    connections.resume(connection, by=None)
    take_turn(connection, client)
    assert (cursor(connection), rejected(connection)) == (4, [4])


def test_a_long_search_ends_with_the_turn_and_goes_on_in_the_next(
    segment: FakeSegment, connection: Connection, client: SegmentClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "TURN_SECONDS", 0)
    messages = append_new(connection.environment, 16)
    refuse(segment, connection, messages[5], messages[14])
    turns = 1

    while take_turn(connection, client):
        turns += 1

    assert turns > 3
    assert rejected(connection) == [6, 15]
    assert segment.message_ids == sent_ids(connection, messages[:5] + messages[6:14] + messages[15:])


def test_a_holder_that_lost_its_lease_in_the_search_gives_up(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    messages = append_new(connection.environment, 4)
    refuse(segment, connection, messages[0])

    def take_over() -> None:
        Lane.objects.filter(connection=connection).update(lease_until=None)
        assert delivery.run_lane(live_lane(connection).pk, client) is False

    assert take_turn(connection, Meanwhile(client, lambda: None, take_over)) is False

    assert (cursor(connection), rejected(connection)) == (4, [1])
    assert outcomes(connection) == {"accepted": 3, "rejected": 1}
