"""Retention: what is dropped, what a waiting lane keeps, and that a dropped key lets a message ID come again."""

from datetime import UTC, datetime, timedelta

import pytest

from assistants import lifecycle, log
from assistants.models import Assistant, AuditEntry, Block, Environment, EventKey, LogTail
from integrations import delivery, retention
from integrations.clients import segment_client
from integrations.models import Connection, EventCount, EventTotal, Lane
from tests.make import append, live_lane, make_connection, make_environment, make_message

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
OLD = NOW - timedelta(days=31)


def deliver(connection: Connection) -> None:
    for lane in Lane.objects.filter(environment=connection.environment):
        delivery.run_lane(lane.pk, segment_client())


def positions(environment: Environment) -> list[int]:
    return [event.position for event in log.read(environment.pk, after=0, limit=100)]


def test_blocks_older_than_the_retention_go_with_their_keys() -> None:
    connection = make_connection()
    environment = connection.environment
    append(environment, make_message(), make_message(), at=OLD)
    append(environment, make_message(), at=NOW)
    deliver(connection)
    retention.run(NOW)
    assert positions(environment) == [3]
    assert list(EventKey.objects.values_list("position", flat=True)) == [3]
    tail = LogTail.objects.get(environment=environment)
    assert (tail.keys_gone_to, tail.blocks_gone_to) == (2, 2)
    assert log.head(environment.pk) == 3


def test_what_a_lane_has_not_read_stays() -> None:
    connection = make_connection()
    append(connection.environment, make_message(), at=OLD)
    retention.run(NOW)
    assert positions(connection.environment) == [1]
    assert live_lane(connection).cursor == 0


def test_keys_go_after_three_days_and_the_message_id_can_come_again() -> None:
    connection = make_connection()
    environment = connection.environment
    message = make_message()
    append(environment, message, at=NOW - timedelta(days=3, seconds=1))
    deliver(connection)
    retention.run(NOW)
    assert positions(environment) == [1]
    append(environment, message, at=NOW)
    assert positions(environment) == [1, 2]
    retention.run(NOW)
    assert log.position_of(environment.pk, message.message_id) == 2


def test_a_vendors_log_ids_stay_known_as_long_as_their_events() -> None:
    connection = make_connection()
    environment = connection.environment
    message, later = make_message(), make_message()
    append(environment, message, source="watson", at=NOW - timedelta(days=29))
    append(environment, later, source="watson", at=NOW - timedelta(days=4))
    deliver(connection)
    retention.run(NOW)
    append(environment, message, later, source="watson", at=NOW)
    assert positions(environment) == [1, 2]
    retention.run(NOW + timedelta(days=2))
    assert positions(environment) == [2]
    assert list(EventKey.objects.values_list("position", flat=True)) == [2]


def test_a_young_block_ends_the_pass_even_if_an_older_one_follows() -> None:
    connection = make_connection()
    append(connection.environment, make_message(), at=NOW)
    append(connection.environment, make_message(), at=OLD)
    deliver(connection)
    retention.run(NOW)
    assert positions(connection.environment) == [1, 2]


def test_a_deleted_assistant_goes_after_a_day_and_its_audit_stays() -> None:
    environment = make_environment()
    connection = make_connection(environment)
    append(environment, make_message())
    deliver(connection)
    other = make_connection()
    lifecycle.delete_assistant(environment.assistant, by=None)
    deleted_at = Assistant.objects.get(pk=environment.assistant_id).deleted_at
    assert deleted_at is not None
    retention.run(deleted_at + timedelta(hours=23))
    assert Environment.objects.filter(pk=environment.pk).exists()
    retention.run(deleted_at + timedelta(hours=25))
    assert list(Assistant.objects.all()) == [other.environment.assistant]
    assert Block.objects.count() == EventKey.objects.count() == EventCount.objects.count() == 0
    assert EventTotal.objects.count() == 0
    assert AuditEntry.objects.filter(action="assistant.deleted").count() == 1
