"""How events differ from the catalog: counted once for each event, by the hour, and summed up beside all there were."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db.models import Sum

from integrations import delivery, index, leases, schema_warnings
from integrations.compose import SAMPLE_SOURCE, TEST_SOURCE
from integrations.models import Connection, Lane, SchemaWarning
from integrations.schema_warnings import Summary
from integrations.segment.client import SegmentClient
from tests.make import append, make_connection, make_environment, make_message

HOUR = datetime(2026, 11, 22, 10, tzinfo=UTC)
AT = HOUR + timedelta(minutes=2, seconds=17)
HANDLED = {
    "accountId": "a",
    "assistantId": "b",
    "channel": "phone",
    "environment": "live",
    "language": "en",
    "serviceInstance": "s",
    "sessionId": "x",
    "skillsInvoked": [],
}

pytestmark = pytest.mark.django_db


@pytest.fixture
def connection() -> Connection:
    return make_connection()


def count(connection: Connection, client: SegmentClient) -> None:
    lane = Lane.objects.get(environment=connection.environment, kind=Lane.Kind.INDEX)
    delivery.run_lane(lane.pk, client)


def rows() -> list[tuple[str, str, str, datetime, int, datetime, datetime]]:
    fields = ("name", "code", "property", "hour", "count", "first_at", "last_at")
    return list(SchemaWarning.objects.order_by("name", "property", "hour").values_list(*fields))


def test_each_way_to_differ_is_a_row_of_its_hour(connection: Connection, client: SegmentClient) -> None:
    later = AT + timedelta(minutes=5)
    append(
        connection.environment,
        make_message("Message Handled", properties=HANDLED),
        make_message("Message Handled", properties={**HANDLED, "language": 5, "handler": []}),
        make_message("Order Placed"),
        at=AT,
    )
    append(connection.environment, make_message("Message Handled", properties={**HANDLED, "language": None}), at=later)
    append(connection.environment, make_message("Order Placed"), at=AT + timedelta(hours=1))
    count(connection, client)

    next_hour = HOUR + timedelta(hours=1)
    assert rows() == [
        ("Message Handled", "mistyped", "handler", HOUR, 1, AT, AT),
        ("Message Handled", "mistyped", "language", HOUR, 2, AT, later),
        ("Order Placed", "unknown_event", "", HOUR, 1, AT, AT),
        ("Order Placed", "unknown_event", "", next_hour, 1, AT + timedelta(hours=1), AT + timedelta(hours=1)),
    ]


def test_a_row_is_added_to_and_its_times_widen_in_both_directions(
    connection: Connection, client: SegmentClient
) -> None:
    for minutes in (5, 9, 1):
        append(connection.environment, make_message("Order Placed"), at=HOUR + timedelta(minutes=minutes))
        count(connection, client)

    first, last = HOUR + timedelta(minutes=1), HOUR + timedelta(minutes=9)
    assert rows() == [("Order Placed", "unknown_event", "", HOUR, 3, first, last)]


def test_what_sluice_itself_sends_and_other_calls_are_not_compared(
    connection: Connection, client: SegmentClient
) -> None:
    for source in (TEST_SOURCE, SAMPLE_SOURCE):
        append(connection.environment, make_message("Sluice Connection Tested"), source=source, at=AT)
    append(connection.environment, make_message(None, type="page", name="Orders"), make_message(None), at=AT)
    count(connection, client)

    assert rows() == []


def test_a_lease_that_is_lost_counts_nothing(connection: Connection) -> None:
    append(connection.environment, make_message("Order Placed"), at=AT)
    lane = Lane.objects.get(environment=connection.environment, kind=Lane.Kind.INDEX)
    stale = leases.take(lane.pk)
    assert stale is not None
    Lane.objects.filter(pk=lane.pk).update(lease_token=stale.token + 1)

    with pytest.raises(leases.LostLeaseError):
        index.step(stale)

    assert rows() == []


def test_long_names_are_cut_as_they_are_where_they_are_counted(connection: Connection, client: SegmentClient) -> None:
    append(connection.environment, make_message("n" * 5_000), make_message("n" * 4_000), at=AT)
    count(connection, client)

    (summary,) = schema_warnings.summaries(connection.environment, since=AT)
    assert (summary.name, summary.count, summary.received) == ("n" * 200, 2, 2)


def test_a_summary_tells_of_how_many_events_since_when(connection: Connection, client: SegmentClient) -> None:
    good = {**HANDLED, "skillsInvoked": ["actions skill"], "actionCompleted": True, "actionStarted": True}
    good |= {"action": "a", "actionTitle": "A", "actionsVisited": ["a"], "actionCompletedReason": "all_steps_done"}
    bad = {name: value for name, value in good.items() if name != "actionCompletedReason"}
    append(connection.environment, make_message("Message Handled", properties=good), at=AT - timedelta(minutes=1))
    for minutes in range(12):
        messages = [make_message("Message Handled", properties=good) for _ in range(349)]
        bad_one = make_message("Message Handled", properties=bad)
        append(connection.environment, *messages, bad_one, at=AT + timedelta(minutes=minutes))
    append(connection.environment, make_message("Order Placed"), at=AT - timedelta(hours=30))
    count(connection, client)

    assert schema_warnings.summaries(connection.environment, since=AT) == [
        Summary(
            name="Message Handled",
            code="missing",
            property="actionCompletedReason",
            count=12,
            received=4_200,
            first_at=AT,
            last_at=AT + timedelta(minutes=11),
        )
    ]


def test_the_latest_comes_first_and_each_counts_from_its_own_beginning(
    connection: Connection, client: SegmentClient
) -> None:
    for minutes, name in enumerate(("Order Placed", "Order Sent", "Order Placed", "Order Sent", "Order Sent")):
        append(connection.environment, make_message(name), at=HOUR + timedelta(minutes=minutes))
    append(make_environment(), make_message("Order Lost"), at=HOUR)
    count(connection, client)

    found = schema_warnings.summaries(connection.environment, since=HOUR)

    assert [(each.name, each.count, each.received) for each in found] == [("Order Sent", 3, 3), ("Order Placed", 2, 2)]
    assert schema_warnings.summaries(make_environment(), since=HOUR) == []


def test_summaries_take_two_queries_however_many_there_are(
    connection: Connection, client: SegmentClient, django_assert_num_queries: object
) -> None:
    append(connection.environment, *(make_message(f"Order {number}") for number in range(300)), at=AT)
    count(connection, client)

    with django_assert_num_queries(2):  # type: ignore[operator]
        found = schema_warnings.summaries(connection.environment, since=AT)

    assert len(found) == schema_warnings.MAX_SUMMARIES == 200
    assert {each.received for each in found} == {1}
    assert SchemaWarning.objects.aggregate(total=Sum("count"))["total"] == 300
