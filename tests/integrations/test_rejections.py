"""Rejections: grouped by what Segment answered, discarded with a reason, and gone when their events are."""

from datetime import UTC, datetime, timedelta

import pytest

from assistants.models import AuditEntry
from integrations import fates, rejections, retention
from integrations.models import Connection, Rejection
from integrations.segment.client import SegmentClient
from tests.dashboard.people import make_bob
from tests.fakes import FakeSegment
from tests.integrations.turns import append_new, sent_ids, take_turn
from tests.make import append, live_lane, make_connection, make_message

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def connection(segment: FakeSegment) -> Connection:
    return make_connection(endpoint=segment.url)


def reject(connection: Connection, *positions: int, status: int = 400, answer: str = "bad event") -> None:
    for position in positions:
        Rejection.objects.create(
            lane=live_lane(connection), position=position, reason="refused_by_segment", status=status, answer=answer
        )


def fate_at(connection: Connection, position: int) -> fates.Fate:
    event = rejections.events_at(connection.environment_id, [position])[position]
    return fates.fates(connection, [event])[0]


def test_rejections_are_grouped_by_answer_the_most_frequent_first(connection: Connection) -> None:
    reject(connection, 1, 4, 5)
    reject(connection, 2, status=413, answer="too large")
    reject(connection, 3, answer="no such property")
    newest = list(Rejection.objects.order_by("pk").values_list("pk", flat=True))

    found = rejections.groups(connection)

    assert [(group.label, group.status, group.answer, group.count, group.newest_id) for group in found] == [
        ("Refused by Segment", 400, "bad event", 3, newest[2]),
        ("Refused by Segment", 400, "no such property", 1, newest[4]),
        ("Refused by Segment", 413, "too large", 1, newest[3]),
    ]


def test_other_connections_rejections_are_theirs(connection: Connection) -> None:
    other = make_connection()
    reject(other, 1)

    assert rejections.groups(connection) == []
    assert rejections.discard(connection, Rejection.objects.all(), by=None, reason="Cleaning up") == 0
    assert Rejection.objects.unresolved().count() == 1
    assert not AuditEntry.objects.filter(action="rejections.discarded").exists()


def test_what_is_discarded_is_kept_with_who_when_and_why(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    bob = make_bob()
    messages = append_new(connection.environment, 3)
    segment.refuse(*sent_ids(connection, messages[1:2]))
    take_turn(connection, client)
    assert fate_at(connection, 2).code == fates.REJECTED

    assert rejections.discard(connection, Rejection.objects.all(), by=bob, reason="A test of ours") == 1

    rejection = Rejection.objects.get()
    assert (rejection.position, rejection.resolution, rejection.resolved_by) == (2, "discarded", bob)
    assert rejection.resolved_at is not None
    assert rejections.groups(connection) == []
    entry = AuditEntry.objects.get(action="rejections.discarded")
    assert (entry.actor, entry.reason, entry.details) == (bob, "A test of ours", {"events": 1})
    assert fate_at(connection, 2) == fates.Fate(
        fates.DISCARDED,
        "Rejected, discarded",
        'Segment answered 400: {"success": false, "message": "bad event"}. '
        "bob@example.com discarded it: A test of ours",
        "neutral",
    )


def test_discarding_again_changes_nothing(connection: Connection) -> None:
    bob = make_bob()
    reject(connection, 1)
    rejections.discard(connection, Rejection.objects.all(), by=bob, reason="First")

    assert rejections.discard(connection, Rejection.objects.all(), by=None, reason="Second") == 0
    assert Rejection.objects.get().resolution_reason == "First"
    assert AuditEntry.objects.filter(action="rejections.discarded").count() == 1


def test_a_rejection_goes_with_its_event(connection: Connection, client: SegmentClient) -> None:
    append(connection.environment, make_message(), at=NOW - timedelta(days=31))
    append(connection.environment, make_message(), at=NOW)
    take_turn(connection, client)
    connection.environment.lanes.update(cursor=2)
    reject(connection, 1, 2)

    retention.run(NOW)

    assert list(Rejection.objects.values_list("position", flat=True)) == [2]
