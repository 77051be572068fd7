"""The index lane: counts by what blocks say of themselves, and unpacks those that do not say enough."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from assistants import log
from assistants.messages import Message
from assistants.models import Block
from integrations import delivery, index
from integrations.compose import SAMPLE_SOURCE
from integrations.models import Connection, EventCount, Lane, SchemaWarning
from integrations.segment.client import SegmentClient
from tests.make import make_connection, make_message

AT = datetime(2026, 11, 22, 10, 2, 17, tzinfo=UTC)
LONG = "Order " * 60

pytestmark = pytest.mark.django_db


@pytest.fixture
def connection() -> Connection:
    return make_connection()


def append(connection: Connection, *messages: Message, at: datetime = AT, **options: Any) -> None:
    source = options.pop("source", "segment")
    log.append([log.Append(connection.environment_id, source, at, messages, **options)])


def count(connection: Connection, client: SegmentClient) -> None:
    lane = Lane.objects.get(environment=connection.environment, kind=Lane.Kind.INDEX)
    delivery.run_lane(lane.pk, client)
    lane.refresh_from_db()
    assert lane.cursor == log.head(connection.environment_id)


def received(connection: Connection) -> dict[str, int]:
    rows = EventCount.objects.filter(lane__environment=connection.environment, outcome="received")
    return dict(rows.values_list("name", "count"))


def warnings(connection: Connection) -> list[tuple[str, str, int]]:
    rows = SchemaWarning.objects.filter(environment=connection.environment).order_by("name", "code")
    return list(rows.values_list("name", "code", "count"))


def damage_bodies() -> None:
    Block.objects.update(body=b"nothing that could be unpacked")


def test_faultless_blocks_are_counted_without_being_unpacked(connection: Connection, client: SegmentClient) -> None:
    calls = [make_message(None, type="identify"), make_message(None, type="page", name="Home")]
    append(connection, make_message(), make_message("Order Placed"), make_message(LONG), *calls, is_faultless=True)
    append(connection, make_message("Order Placed"), make_message(""), at=AT + timedelta(seconds=1), is_faultless=True)
    damage_bodies()

    count(connection, client)

    names = {"Session Started": 1, "Order Placed": 2, LONG[:200]: 1, "Identify": 1, "Page": 1, "Track": 1}
    assert received(connection) == names
    assert warnings(connection) == [(LONG[:200], "unknown_event", 1), ("Order Placed", "unknown_event", 2)]


def forget_names() -> None:
    Block.objects.update(names="")


def doubt() -> None:
    Block.objects.update(is_faultless=False)


@pytest.mark.parametrize("change", [lambda: None, forget_names, doubt])
def test_it_comes_to_the_same_whatever_blocks_say_of_themselves(
    connection: Connection, client: SegmentClient, change: Callable[[], None]
) -> None:
    append(connection, make_message("Order Placed"), make_message(None, type="group"), is_faultless=True)
    append(connection, make_message("Message Handled", properties={"language": 5}), make_message("Order Placed"))
    change()

    count(connection, client)

    assert received(connection) == {"Order Placed": 2, "Group": 1, "Message Handled": 1}
    assert ("Order Placed", "unknown_event", 2) in warnings(connection)
    assert ("Message Handled", "mistyped", 1) in warnings(connection)


def test_a_block_of_too_many_names_says_none(connection: Connection, client: SegmentClient) -> None:
    messages = [make_message(f"Order {number}") for number in range(log.MAX_NAMES + 1)]
    append(connection, *messages, is_faultless=True)

    assert Block.objects.get().names == ""
    count(connection, client)

    assert received(connection) == {f"Order {number}": 1 for number in range(log.MAX_NAMES + 1)}


def test_what_sluice_itself_appends_is_counted_and_not_compared(connection: Connection, client: SegmentClient) -> None:
    append(connection, make_message("Order Placed"), source=SAMPLE_SOURCE)
    damage_bodies()

    count(connection, client)

    assert received(connection) == {"Order Placed": 1}
    assert warnings(connection) == []


def test_no_more_is_unpacked_at_once_than_memory_allows(connection: Connection, client: SegmentClient) -> None:
    for _ in range(3):
        append(connection, *(make_message() for _ in range(index.UNPACKED_PER_STEP // 2)))
    lane = Lane.objects.get(environment=connection.environment, kind=Lane.Kind.INDEX)
    lease = delivery.leases.take(lane.pk)
    assert lease is not None

    index.step(lease)

    assert lease.cursor == index.UNPACKED_PER_STEP
    index.step(lease)
    assert received(connection) == {"Session Started": 3 * (index.UNPACKED_PER_STEP // 2)}
