"""Fates: what is said of an event agrees with what was sent, counted and rejected, at every moment."""

import json
from collections import Counter

import pytest

from assistants import catalog, log
from integrations import connections, fates
from integrations.fates import EXPLANATIONS, FATE_LABELS, Fate, as_sent
from integrations.models import Connection, Lane
from integrations.segment.client import SegmentClient
from tests.fakes import FakeSegment, Reply
from tests.integrations.turns import Meanwhile, append_new, crash, make_due, outcomes, sent_ids, take_turn
from tests.make import SELECTED, append, live_lane, make_connection, make_environment, make_message

HANDLED = ("track", "Message Handled")
EVERYTHING = [entry.key for entry in (*catalog.entries(), *catalog.plain_calls().entries)]

pytestmark = pytest.mark.django_db


@pytest.fixture
def connection(segment: FakeSegment) -> Connection:
    return make_connection(endpoint=segment.url)


def fates_of(connection: Connection) -> list[Fate]:
    connection.refresh_from_db()
    return fates.fates(connection, log.read(connection.environment_id, after=0, limit=1_000))


def codes(connection: Connection) -> list[str]:
    return [fate.code for fate in fates_of(connection)]


def test_every_code_has_words_and_an_explanation() -> None:
    assert FATE_LABELS.keys() == EXPLANATIONS.keys()
    assert all(EXPLANATIONS[code].endswith(".") for code in EXPLANATIONS)


def test_without_a_connection_nothing_is_connected() -> None:
    environment = make_environment()
    append_new(environment, 2)

    found = fates.fates(None, log.read(environment.pk, after=0, limit=10))

    assert [fate.code for fate in found] == ["not_connected"] * 2


def test_events_before_the_start_are_none_of_the_connections_business(
    segment: FakeSegment, client: SegmentClient
) -> None:
    environment = make_environment()
    append_new(environment, 2)
    connection = make_connection(environment, endpoint=segment.url)
    append_new(environment, 1)

    assert codes(connection) == ["before_start", "before_start", "waiting"]
    take_turn(connection, client)
    assert codes(connection) == ["before_start", "before_start", "accepted"]


def test_reasons_show_at_once_and_stay(connection: Connection, client: SegmentClient) -> None:
    append(connection.environment, make_message(), make_message("Message Handled"), make_message(user_id=None))

    assert codes(connection) == ["waiting", "event_not_selected", "no_user_id"]
    take_turn(connection, client)
    assert codes(connection) == ["accepted", "event_not_selected", "no_user_id"]


def test_what_is_in_flight_is_being_sent(connection: Connection, client: SegmentClient) -> None:
    append_new(connection.environment, 2)
    seen: list[list[str]] = []

    def look() -> None:
        append_new(connection.environment, 1)
        seen.append(codes(connection))

    take_turn(connection, Meanwhile(client, look))

    assert seen == [["sending", "sending", "waiting"]]
    assert codes(connection) == ["accepted"] * 3


def test_what_failed_is_tried_again(segment: FakeSegment, connection: Connection, client: SegmentClient) -> None:
    append_new(connection.environment, 1)
    segment.replies.append(Reply(503, b"busy"))
    take_turn(connection, client)

    (fate,) = fates_of(connection)
    assert (fate.code, fate.tone) == ("retrying", "warning")
    assert fate.detail.endswith("Last answer: 503: busy")


@pytest.mark.parametrize("status", ["paused", "needs_attention"])
def test_what_a_connection_holds_back_is_paused(connection: Connection, status: str) -> None:
    append_new(connection.environment, 1)
    Connection.objects.filter(pk=connection.pk).update(status=status)

    assert codes(connection) == ["paused"]


def test_a_rejected_event_tells_the_answer(segment: FakeSegment, connection: Connection, client: SegmentClient) -> None:
    messages = append_new(connection.environment, 3)
    segment.refuse(sent_ids(connection, messages)[1])

    take_turn(connection, client)

    assert codes(connection) == ["accepted", "rejected", "accepted"]
    fate = fates_of(connection)[1]
    assert (fate.tone, fate.detail) == ("error", 'Segment answered 400: {"success": false, "message": "bad event"}')


def test_an_undecided_event_waits_and_is_not_rejected(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    segment.refuse(*sent_ids(connection, append_new(connection.environment, 1)))

    take_turn(connection, client)

    assert codes(connection) == ["retrying"]


def test_a_fate_that_was_reached_survives_later_selections(connection: Connection, client: SegmentClient) -> None:
    append(connection.environment, make_message(), make_message("Message Handled"))
    take_turn(connection, client)

    connections.select_events(connection, [HANDLED], by=None)
    append(connection.environment, make_message(), make_message("Message Handled"))

    assert codes(connection) == ["accepted", "event_not_selected", "event_not_selected", "waiting"]
    take_turn(connection, client)
    assert codes(connection) == ["accepted", "event_not_selected", "event_not_selected", "accepted"]


def test_an_event_of_a_worker_that_died_keeps_the_terms_of_then(connection: Connection, client: SegmentClient) -> None:
    append_new(connection.environment, 2)
    crash(connection, client)
    connections.select_events(connection, [HANDLED], by=None)

    assert codes(connection) == ["sending", "sending"]
    take_turn(connection, client)
    assert codes(connection) == ["accepted", "accepted"]


def test_fates_and_counts_are_two_views_of_the_same(segment: FakeSegment, client: SegmentClient) -> None:
    connection = make_connection(endpoint=segment.url, selection=EVERYTHING)
    messages = [
        make_message(),
        make_message(type="track", event="Other", user_id=None),
        make_message(type="group", event=""),
        make_message(user_id=None),
        make_message("Refused"),
        make_message(properties={"filling": "x" * 32_700}),
        make_message("Message Handled"),
    ]
    append(connection.environment, *messages)
    segment.refuse(sent_ids(connection, messages)[4])

    take_turn(connection, client)

    assert Counter(codes(connection)) == outcomes(connection)
    assert outcomes(connection) == {
        "accepted": 2,
        "rejected": 1,
        "no_user_id": 1,
        "no_user_anon_id": 1,
        "id_required": 1,
        "message_too_large": 1,
    }


def test_what_is_shown_as_sent_is_what_was_sent(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    append(connection.environment, make_message(properties={"n": 1.5}), make_message("Message Handled"))
    take_turn(connection, client)
    sent, left_out = log.read(connection.environment_id, after=0, limit=2)

    shown = as_sent(connection, sent)

    assert shown is not None
    assert shown.startswith('{\n  "type": "track",\n')
    assert json.loads(shown) == segment.accepted[0]
    assert as_sent(connection, left_out) is None


def test_no_events_have_no_fates(connection: Connection) -> None:
    assert fates.fates(connection, []) == []


def test_a_page_of_fates_costs_four_queries(connection: Connection, django_assert_num_queries: object) -> None:
    append_new(connection.environment, 50)
    events = log.read(connection.environment_id, after=0, limit=50)

    with django_assert_num_queries(4):  # type: ignore[operator]
        assert len(fates.fates(connection, events)) == 50


def test_a_stretch_that_waits_to_be_retried_does_not_hide_reasons(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    append(connection.environment, make_message(), make_message("Message Handled"))
    segment.replies.append(Reply(500))
    take_turn(connection, client)

    assert codes(connection) == ["retrying", "event_not_selected"]
    make_due(connection)
    connections.select_events(connection, [SELECTED, HANDLED], by=None)
    assert codes(connection) == ["waiting", "waiting"]
    assert Lane.objects.filter(pk=live_lane(connection).pk, next_attempt_at=None).exists()
