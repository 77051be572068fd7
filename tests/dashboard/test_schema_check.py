"""The schema check on pages: of one event as it is shown, and summed up for an environment."""

from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from integrations import delivery
from integrations.clients import segment_client
from integrations.compose import SAMPLE_SOURCE
from integrations.models import Connection, Lane, SchemaWarning
from tests.dashboard.html import text_of
from tests.make import append, make_connection, make_environment, make_message

pytestmark = pytest.mark.django_db

COMPLETE = {"conversationId": "c", "messageId": "m", "rating": 4}


@pytest.fixture
def connection() -> Connection:
    return make_connection()


def event_page(client: Client, connection: Connection, position: int = 1) -> str:
    return text_of(client.get(reverse("debugger:event", args=[connection.environment.public_id, position])))


def page(client: Client, connection: Connection, name: str = "schema_check", **query: Any) -> HttpResponse:
    return client.get(reverse(f"environments:{name}", args=[connection.environment.public_id]), query)


def count(connection: Connection) -> None:
    lane = Lane.objects.get(environment=connection.environment, kind=Lane.Kind.INDEX)
    delivery.run_lane(lane.pk, segment_client())


@pytest.mark.parametrize(
    ("event", "properties", "words"),
    [
        ("Feedback Submitted", COMPLETE, "Name and properties are as the catalog has them"),
        ("Feedback Submitted", {"rating": "4"}, "conversationId is missing. rating is String in place of Number."),
        ("Order Placed", {}, "The catalog has no event of this name."),
        (
            "feedback submitted",
            {},
            "The catalog has no event of this name. Do you mean “Feedback Submitted”?",
        ),
    ],
)
def test_the_page_of_an_event_says_how_it_differs(
    alices: Client, connection: Connection, event: str, properties: dict[str, Any], words: str
) -> None:
    append(connection.environment, make_message(event, properties=properties))

    assert words in event_page(alices, connection)


def test_what_is_not_compared_has_no_such_section(alices: Client, connection: Connection) -> None:
    append(connection.environment, make_message(None, type="page", name="Orders"), make_message(None))
    append(connection.environment, make_message("Order Placed"), source=SAMPLE_SOURCE)

    for position in (1, 2, 3):
        assert "Schema check" not in event_page(alices, connection, position)


def test_the_environment_sums_up_its_last_day(alices: Client, connection: Connection) -> None:
    now = timezone.now()
    good, bad = make_message("Feedback Submitted", properties=COMPLETE), {**COMPLETE, "rating": "4"}
    append(connection.environment, good, make_message("Feedback Submitted", properties=bad), at=now)
    append(connection.environment, make_message("feedback_submitted"), at=now)
    append(connection.environment, make_message("Order Lost"), at=now - timedelta(days=3))
    count(connection)

    since = now.strftime("%H:%M")
    words = text_of(page(alices, connection, "detail"))
    assert f"Feedback Submitted : rating of another type in 1 of 2 since {since} UTC." in words
    assert (
        f"feedback_submitted : not in the catalog in 1 of 1 since {since} UTC. Do you mean “Feedback Submitted”?"
        in words
    )
    assert "Order Lost" not in words


def test_the_environment_s_page_names_five_and_counts_the_rest(alices: Client, connection: Connection) -> None:
    append(connection.environment, *(make_message(f"Order {number}") for number in range(7)))
    count(connection)

    words = text_of(page(alices, connection, "detail"))

    assert words.count("not in the catalog") == 5
    assert "And 2 more." in words


def test_nothing_that_differs_is_said_as_well(alices: Client, connection: Connection) -> None:
    assert "Nothing differs" in text_of(page(alices, connection, "detail"))
    assert "Nothing differs" in text_of(page(alices, connection))


@pytest.mark.parametrize(
    ("days", "names"),
    [("", ["Order 0"]), ("1", ["Order 0"]), ("7", ["Order 0", "Order 3"]), ("30", ["Order 0", "Order 3", "Order 20"]),
     ("x", ["Order 0"])],
)  # fmt: skip
def test_a_day_a_week_or_a_month(alices: Client, connection: Connection, days: str, names: list[str]) -> None:
    for age in (20, 3, 0):
        append(connection.environment, make_message(f"Order {age}"), at=timezone.now() - timedelta(days=age))
    count(connection)

    shown = page(alices, connection, days=days)

    assert [each.summary.name for each in shown.context["warned"]] == names
    assert "1 of 1" in text_of(shown)


def test_a_time_of_another_day_has_its_date(alices: Client, connection: Connection) -> None:
    at = timezone.now() - timedelta(days=3)
    append(connection.environment, make_message("Order Placed"), at=at)
    count(connection)

    assert f"{at.day} {at:%b, %H:%M}" in text_of(page(alices, connection, days=7))


def test_names_of_any_kind_are_shown_as_they_are(alices: Client, connection: Connection) -> None:
    name = "<script>alert(1)</script>&name=x#" + "n" * 150
    append(connection.environment, make_message(name))
    count(connection)

    body = page(alices, connection).content.decode()

    assert "<script>alert" not in body
    assert "?name=%3Cscript%3Ealert%281%29%3C%2Fscript%3E%26name%3Dx%23n" in body


def test_another_environment_has_its_own(alices: Client, connection: Connection) -> None:
    now = timezone.now()
    SchemaWarning.objects.create(
        environment=make_environment(), name="Order Placed", code="unknown_event", hour=now, first_at=now, last_at=now
    )

    assert "Order Placed" not in text_of(page(alices, connection))
