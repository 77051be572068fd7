"""Counts by minute: added up in the transaction that moves a cursor, and summed for the pages."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction

from assistants.statements import run_together
from integrations import counts, delivery
from integrations.counts import Series
from integrations.models import EventCount, EventTotal, Lane
from integrations.segment.client import SegmentClient
from tests.integrations.turns import check_ledger, outcomes, take_turn
from tests.make import append, live_lane, make_connection, make_environment, make_message

NOW = datetime(2026, 11, 22, 10, 20, tzinfo=UTC)
MINUTE = timedelta(minutes=1)

pytestmark = pytest.mark.django_db


def count_received(connection_or_environment: object, client: SegmentClient) -> None:
    lane = Lane.objects.get(environment=connection_or_environment, kind=Lane.Kind.INDEX)
    assert delivery.run_lane(lane.pk, client) is False
    check_ledger()


def test_the_same_row_is_added_to() -> None:
    lane = live_lane(make_connection())

    run_together(counts.additions(lane.pk, {(NOW, "A", "accepted"): 2, (NOW, "A", "rejected"): 1}))
    run_together(counts.additions(lane.pk, {(NOW, "A", "accepted"): 3, (NOW + MINUTE, "A", "accepted"): 5}))
    run_together(counts.additions(lane.pk, {}))

    rows = EventCount.objects.filter(lane=lane).order_by("minute", "outcome")
    assert list(rows.values_list("minute", "name", "outcome", "count")) == [
        (NOW, "A", "accepted", 5),
        (NOW, "A", "rejected", 1),
        (NOW + MINUTE, "A", "accepted", 5),
    ]
    totals = EventTotal.objects.filter(lane=lane).order_by("outcome")
    assert list(totals.values_list("outcome", "count")) == [("accepted", 10), ("rejected", 1)]


def test_counts_go_with_the_transaction() -> None:
    lane = live_lane(make_connection())

    with transaction.atomic():
        run_together(counts.additions(lane.pk, {(NOW, "A", "accepted"): 2}))
        transaction.set_rollback(True)

    assert not EventCount.objects.exists()
    assert not EventTotal.objects.exists()


def test_received_events_are_summed_by_name_and_hour(client: SegmentClient) -> None:
    connection = make_connection()
    environment = connection.environment
    for hours, count in ((0, 2), (1, 1), (23, 3), (24, 7)):
        append(environment, *(make_message() for _ in range(count)), at=NOW - timedelta(hours=hours))
    append(environment, make_message("Message Handled"), at=NOW - 3 * MINUTE + timedelta(seconds=59))
    count_received(environment, client)

    received = counts.received(environment, now=NOW)

    assert received == {
        "Session Started": Series(total=6, by_hour=[3, *[0] * 21, 1, 2], last_minute=NOW),
        "Message Handled": Series(total=1, by_hour=[*[0] * 23, 1], last_minute=NOW - 3 * MINUTE),
    }
    assert counts.last_received(environment) == NOW


def test_an_environment_counts_its_own_events_only(client: SegmentClient) -> None:
    ours, theirs = make_connection(), make_connection()
    append(theirs.environment, make_message(), at=NOW)
    for connection in (ours, theirs):
        count_received(connection.environment, client)

    assert counts.received(ours.environment, now=NOW) == {}
    assert counts.last_received(ours.environment) is None
    assert counts.last_received(make_environment()) is None


def test_events_from_a_clock_ahead_count_in_the_present_hour(client: SegmentClient) -> None:
    connection = make_connection()
    append(connection.environment, make_message(), at=NOW + timedelta(hours=2))
    count_received(connection.environment, client)

    assert counts.received(connection.environment, hours=2, now=NOW)["Session Started"].by_hour == [0, 1]


def test_outcomes_of_the_last_hours(client: SegmentClient) -> None:
    connection = make_connection()
    append(connection.environment, make_message(), make_message("Message Handled"), at=NOW)
    append(connection.environment, make_message(), at=NOW - timedelta(hours=30))

    take_turn(connection, client)

    assert counts.outcomes(connection, now=NOW) == {"accepted": 1, "event_not_selected": 1}
    assert counts.outcomes(connection, hours=48, now=NOW) == {"accepted": 2, "event_not_selected": 1}
    assert outcomes(connection) == {"accepted": 2, "event_not_selected": 1}


def test_names_of_any_length_and_script_are_counted(client: SegmentClient) -> None:
    connection = make_connection(selection=[("track", "*")])
    for name in ("n" * 5_000, "n" * 300, "☃" * 200, "'; DROP TABLE x; --", "%s %(a)s"):
        append(connection.environment, make_message(name), at=NOW)

    count_received(connection.environment, client)
    take_turn(connection, client)

    received = counts.received(connection.environment, now=NOW)
    assert {name: series.total for name, series in received.items()} == {
        "n" * 200: 2,
        "☃" * 200: 1,
        "'; DROP TABLE x; --": 1,
        "%s %(a)s": 1,
    }
    assert outcomes(connection) == {"accepted": 5}
