"""The pace of a connection's requests: the form, what live asks for, and what the connection's page then says."""

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from assistants.models import AuditEntry
from integrations import pace
from integrations.models import Connection, PacingGroup
from tests.dashboard.html import text_of
from tests.make import append, live_lane, make_connection, make_environment, make_message

pytestmark = pytest.mark.django_db


def change(client: Client, connection: Connection, **fields: object) -> HttpResponse:
    return client.post(reverse("connections:pace", args=[connection.pk]), fields)


def words_of(client: Client, connection: Connection) -> str:
    return text_of(client.get(reverse("connections:detail", args=[connection.pk])))


def per_second(connection: Connection) -> int | None:
    return pace.per_second(Connection.objects.get(pk=connection.pk))


def test_a_pace_is_set_shown_and_taken_back(alices: Client) -> None:
    connection = make_connection(endpoint="http://127.0.0.1:9")
    assert "As many requests as there are" in words_of(alices, connection)

    answer = change(alices, connection, per_second="12")

    assert answer.status_code == 302
    assert per_second(connection) == 12
    assert "At most 12 requests a second" in words_of(alices, connection)
    assert change(alices, connection, per_second="").status_code == 302
    assert per_second(connection) is None


def test_a_group_is_joined_by_its_name(alices: Client) -> None:
    first, second = make_connection(endpoint="http://127.0.0.1:9"), make_connection(endpoint="http://127.0.0.1:9")
    change(alices, first, per_second="30", group="EU workspace")
    form = alices.get(reverse("connections:pace", args=[second.pk])).content.decode()
    assert '<option value="EU workspace">30 a second</option>' in form

    change(alices, second, per_second="", group="EU workspace")

    assert PacingGroup.objects.get().connections.count() == 2
    words = words_of(alices, second)
    assert "At most 30 requests a second, together with all others of the group EU workspace" in words


@pytest.mark.parametrize("number", ["0", "-3", "1001", "fast"])
def test_a_number_that_is_no_pace_is_refused(alices: Client, number: str) -> None:
    connection = make_connection(endpoint="http://127.0.0.1:9")

    answer = change(alices, connection, per_second=number)

    assert answer.status_code == 422
    assert per_second(connection) is None


def test_live_asks_for_the_reason_and_keeps_it(alices: Client) -> None:
    connection = make_connection(make_environment("live"), endpoint="http://127.0.0.1:9")
    assert change(alices, connection, per_second="12").status_code == 422
    assert per_second(connection) is None

    change(alices, connection, per_second="12", reason="Segment asked for less")

    entry = AuditEntry.objects.order_by("-pk")[0]
    assert (entry.action, entry.reason) == ("connection.pace_changed", "Segment asked for less")


def test_the_page_says_how_long_what_waits_will_take(alices: Client) -> None:
    connection = make_connection(endpoint="http://127.0.0.1:9")
    append(connection.environment, *[make_message() for _ in range(300)])
    assert "to send" not in words_of(alices, connection)

    live_lane(connection).deliveries.create(
        version=connection.versions.get(),
        first_position=1,
        last_position=10,
        sent=10,
        left_out=0,
        size_bytes=100,
        attempt=1,
        outcome="accepted",
        duration_ms=3,
        at="2026-11-01T00:00:00Z",
    )
    change(alices, connection, per_second="2")

    assert "What waits takes about 15 s to send" in words_of(alices, connection)
