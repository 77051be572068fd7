"""The home page: every assistant, the state of its environments in words, and what needs attention first."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from assistants import lifecycle
from assistants.models import Environment
from dashboard.views.overview import Status, overviews
from integrations import connections, delivery, lanes, setup
from integrations.clients import segment_client
from integrations.models import Connection, Incident, Lane
from tests.dashboard.html import text_of
from tests.make import append, live_lane, make_assistant, make_connection, make_environment, make_message

NOON = datetime(2026, 11, 22, 12, 30, tzinfo=UTC)


def status_of(environment: Environment) -> Status:
    return overviews(Environment.objects.filter(pk=environment.pk))[0].status


def count_received(environment: Environment) -> None:
    lanes.start_index_lane(environment)
    delivery.run_lane(environment.lanes.get(kind=Lane.Kind.INDEX).pk, segment_client())


def change(connection: Connection, **columns: object) -> None:
    Connection.objects.filter(pk=connection.pk).update(**columns)


def test_home_asks_for_sign_in(client: Client) -> None:
    response = client.get("/")
    assert response.status_code == 302
    assert response.headers["Location"] == "/sign-in/?next=/"


def test_without_assistants_home_names_the_next_step_and_the_sandbox(alices: Client) -> None:
    page = alices.get("/").content.decode()
    assert '<a class="button" href="/assistants/new/">' in page
    assert "Try it with the sandbox in two minutes" in page


def test_an_assistant_is_listed_with_its_environments_and_their_pages(alices: Client) -> None:
    assistant = make_assistant(name="Customer <Care>")
    page = alices.get("/").content.decode()
    assert "Customer &lt;Care&gt;" in page
    assert "sandbox in two minutes" not in page
    for environment in assistant.environments.all():
        assert f'href="/environments/{environment.public_id}/"' in page
        assert f'href="/environments/{environment.public_id}/debugger/"' in page


def test_a_deleted_assistant_is_not_listed(alices: Client) -> None:
    assistant = make_assistant(name="Gone Soon")
    lifecycle.delete_assistant(assistant, by=None)
    assert "Gone Soon" not in alices.get("/").content.decode()


@pytest.mark.django_db
def test_an_environment_that_was_never_set_up_is_not_connected() -> None:
    assert status_of(make_environment()) == Status("off", "Not connected")


@pytest.mark.django_db
def test_an_unfinished_wizard_is_told_until_it_expires() -> None:
    environment = make_environment()
    setup.begin(environment, by=None)
    assert status_of(environment) == Status("off", "Set-up not finished")
    with time_machine.travel(datetime.now(UTC) + timedelta(days=8)):
        assert status_of(environment) == Status("off", "Not connected")


@pytest.mark.django_db
def test_a_connection_is_confirmed_only_when_a_person_saw_its_test_event() -> None:
    connection = make_connection(endpoint="https://events.example.com")
    assert status_of(connection.environment) == Status("info", "Connected, not tested")
    change(connection, test_accepted_at=NOON)
    assert status_of(connection.environment) == Status("info", "Accepted, not confirmed")
    connections.confirm_seen(connection, by=None)
    assert status_of(connection.environment) == Status("success", "Connected")


@pytest.mark.django_db
def test_the_sandbox_needs_nobody_to_confirm_it() -> None:
    assert status_of(make_connection().environment) == Status("success", "Connected to the sandbox")


@pytest.mark.django_db
def test_a_pause_outweighs_a_failure_and_attention_outweighs_both() -> None:
    connection = make_connection()
    Lane.objects.filter(connection=connection).update(failing_since=NOON, last_error="503: busy")
    assert status_of(connection.environment) == Status("warning", "Trying again", "503: busy")
    change(connection, status=Connection.Status.PAUSED)
    assert status_of(connection.environment) == Status("paused", "Paused")
    change(connection, status=Connection.Status.NEEDS_ATTENTION, attention="401: bad key")
    assert status_of(connection.environment) == Status("error", "Needs attention", "401: bad key")


@pytest.mark.django_db
def test_a_disconnected_environment_is_not_connected() -> None:
    connection = make_connection()
    connections.disconnect(connection, by=None)
    assert status_of(connection.environment) == Status("off", "Not connected")


def test_what_needs_attention_comes_first_with_its_cause_and_what_waits(alices: Client) -> None:
    make_connection(make_environment(assistant=make_assistant(name="Aardvark")))
    broken = make_connection(make_environment("live", make_assistant(name="Zebra")))
    append(broken.environment, make_message(), make_message())
    change(broken, status=Connection.Status.NEEDS_ATTENTION, attention="Segment answered 401: no such key")
    page = alices.get("/").content.decode()
    assert "Zebra, Live: Segment needs attention" in page
    assert page.count("Segment answered 401: no such key") == 1
    assert "2 events wait and nothing is lost." in page
    assert f'href="/connections/{broken.pk}/"' in page
    assert page.index(">Zebra<") < page.index(">Aardvark<")


def test_events_that_wait_are_counted_on_their_row(alices: Client) -> None:
    connection = make_connection()
    append(connection.environment, *(make_message() for _ in range(1_200)))
    connections.pause(connection, by=None)
    page = alices.get("/").content.decode()
    assert "1,200 events waiting" in page


@pytest.mark.django_db
def test_received_events_are_counted_by_hour_for_24_hours() -> None:
    environment = make_environment()
    with time_machine.travel(NOON, tick=False):
        append(environment, make_message(), make_message("Other"), at=NOON)
        append(environment, make_message(), at=NOON - timedelta(hours=1))
        append(environment, make_message(), at=NOON - timedelta(hours=23))
        append(environment, make_message(), at=NOON - timedelta(hours=24))
        count_received(environment)
        received = overviews([environment])[0].received
    assert received.total == 4
    assert received.by_hour == [1, *[0] * 21, 1, 2]
    assert received.last_minute == NOON


@pytest.mark.django_db
def test_each_environment_has_its_own_count_and_the_lane_of_its_connection_does_not_count_twice() -> None:
    connection, other = make_connection(), make_environment()
    append(connection.environment, make_message())
    append(other, make_message(), make_message())
    delivery.run_lane(live_lane(connection).pk, segment_client())
    count_received(connection.environment)
    count_received(other)
    seen = overviews([connection.environment, other, make_environment()])
    assert [overview.received.total for overview in seen] == [1, 2, 0]


def test_home_takes_the_same_few_queries_for_many_assistants(
    alices: Client, django_assert_max_num_queries: Callable[..., object]
) -> None:
    for _ in range(12):
        connection = make_connection()
        append(connection.environment, make_message())
        count_received(connection.environment)
    alices.get("/")
    with django_assert_max_num_queries(13):
        alices.get("/")


def test_many_assistants_are_spread_over_pages(alices: Client) -> None:
    for number in range(27):
        make_assistant(name=f"Bot {number:02}")
    first, second = alices.get("/").content.decode(), alices.get("/?page=2").content.decode()
    assert "Assistants 1 to 25 of 27" in first
    assert ">Bot 24<" in first
    assert ">Bot 25<" not in first
    assert ">Bot 26<" in second
    assert alices.get("/?page=nonsense").status_code == 200


def test_what_is_amiss_is_shown_on_both_pages(alices: Client) -> None:
    environment = make_environment()
    now = timezone.now()
    for key, ended_at in (("Session Started", None), ("Over", now)):
        Incident.objects.create(
            environment=environment,
            kind="silent",
            key=key,
            cause=f"“{key}” comes no more.",
            began_at=now - timedelta(hours=8),
            opened_at=now,
            ended_at=ended_at,
        )

    for address in ("/", f"/environments/{environment.public_id}/"):
        words = text_of(alices.get(address))
        assert "An event has stopped coming “Session Started” comes no more. Since " in words
        assert "UTC, 8 h ago" in words
        assert "“Over”" not in words
