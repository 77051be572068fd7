"""The ledger's page: what each lane has read and what became of it, in words, and whether it adds up."""

from collections.abc import Callable

import pytest
from django.test import Client

from assistants.models import Environment
from integrations import connections, delivery
from integrations.clients import segment_client
from integrations.models import EventTotal
from tests.dashboard.html import text_of
from tests.make import append, live_lane, make_connection, make_environment, make_message

pytestmark = pytest.mark.django_db


def path_of(environment: Environment) -> str:
    return f"/environments/{environment.public_id}/ledger/"


def deliver(environment: Environment) -> None:
    for lane in environment.lanes.all():
        delivery.run_lane(lane.pk, segment_client())


def test_each_lane_adds_up(alices: Client) -> None:
    environment = make_environment()
    append(environment, make_message())
    connection = make_connection(environment)
    append(environment, *(make_message() for _ in range(1_200)), make_message(user_id=None))
    append(environment, make_message("Message Handled"), make_message("Message Handled"))
    deliver(environment)
    append(environment, make_message())
    lane = live_lane(connection)

    words = text_of(alices.get(path_of(environment)))

    assert f"Lane {lane.pk}: to Segment Adds up Read from position 2 on. 1 event waits." in words
    accepted, left_out = "Accepted by Segment 1,200", "Left out: Not selected 2 Left out: No user ID 1"
    assert f"What became of them Events {accepted} {left_out} Read 1,203" in words
    assert f"Lane {lane.pk + 1}: counting Adds up Read from position 1 on. 1 event waits." in words
    assert "Received 1,204 Read 1,204" in words
    assert f'href="{path_of(environment)}"' in alices.get(f"/environments/{environment.public_id}/").content.decode()


def test_a_lane_that_does_not_add_up_says_by_how_much(alices: Client) -> None:
    connection = make_connection()
    append(connection.environment, make_message(), make_message())
    deliver(connection.environment)
    EventTotal.objects.filter(lane=live_lane(connection)).update(count=5)

    assert "to Segment Off by -3" in text_of(alices.get(path_of(connection.environment)))


def test_a_lane_that_has_ended_waits_for_nothing(alices: Client) -> None:
    connection = make_connection()
    append(connection.environment, make_message())
    connections.disconnect(connection, by=None)

    words = text_of(alices.get(path_of(connection.environment)))

    assert "to Segment, ended Adds up Read from position 1 on. 0 events wait." in words


def test_other_environments_are_not_shown(alices: Client) -> None:
    make_connection()

    assert "Nothing was read yet" in text_of(alices.get(path_of(make_environment())))


def test_the_page_takes_few_queries_however_many_lanes_there_are(
    alices: Client, django_assert_max_num_queries: Callable[..., object]
) -> None:
    environment = make_environment()
    for _ in range(5):
        connection = make_connection(environment)
        append(environment, make_message())
        deliver(environment)
        connections.disconnect(connection, by=None)
    alices.get(path_of(environment))

    with django_assert_max_num_queries(6):
        alices.get(path_of(environment))
