"""How a connection sends: its options, samples of its events, its tracking plan, and the search on its page."""

import json

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from assistants import log
from assistants.models import AuditEntry
from integrations import connections, options
from integrations.compose import SAMPLE_SOURCE
from integrations.models import Connection
from tests.dashboard.html import tag_with, text_of, ticked, value_of
from tests.make import make_connection, make_environment

pytestmark = pytest.mark.django_db

CHOSEN = [("track", "Message Sent"), ("track", "Action Completed"), ("identify", "")]


def url(connection: Connection, page: str) -> str:
    return reverse(f"connections:{page}", args=[connection.pk])


def save(client: Client, connection: Connection, *names: str, **fields: object) -> HttpResponse:
    version = connections.version_in_force(connection).number
    form = {"version": version, **dict.fromkeys(names, "on"), **fields}
    return client.post(url(connection, "options"), form)


def in_force(connection: Connection) -> dict[str, object]:
    return {name: value for name, value in connections.version_in_force(connection).options.items() if value}


def test_the_page_says_how_each_option_stands(alices: Client) -> None:
    words = text_of(alices.get(url(make_connection(message_body=True), "detail")))

    assert "Message texts are sent" in words
    assert "Steps are sent as texts" in words


def test_options_are_saved_as_a_new_version(alices: Client) -> None:
    connection = make_connection(selection=CHOSEN, message_body=True)
    page = alices.get(url(connection, "options"))
    assert "checked" in tag_with(page, 'name="message_body"')
    assert "checked" not in tag_with(page, 'name="ab_names"')
    for option in options.OPTIONS:
        assert option.label in text_of(page)
        assert option.help in text_of(page)

    answer = save(alices, connection, "ab_names", "steps_as_objects")

    assert answer.headers["Location"] == url(connection, "detail")
    assert in_force(connection) == {"ab_names": True, "steps_as_objects": True}
    assert connections.version_in_force(connection).number == 2
    assert connections.selection_of(connection) == set(CHOSEN)


def test_events_can_be_chosen_that_go_once_for_each_visitor(alices: Client) -> None:
    connection = make_connection(selection=CHOSEN)
    page = alices.get(url(connection, "options"))
    assert 'value="track:Message Sent"' in tag_with(page, 'id="id_once_0"') + tag_with(page, 'id="id_once_1"')
    assert "identify:" not in page.content.decode()

    save(alices, connection, once=["track:Message Sent"])

    assert in_force(connection) == {"once": [["track", "Message Sent"]]}
    assert "Once for each visitor: Message Sent" in text_of(alices.get(url(connection, "detail")))
    assert "checked" in tag_with(alices.get(url(connection, "options")), 'value="track:Message Sent"')

    save(alices, connection)

    assert in_force(connection) == {}
    assert "Every event is sent each time" in text_of(alices.get(url(connection, "detail")))


def test_what_is_not_selected_cannot_be_chosen_to_go_once(alices: Client) -> None:
    connection = make_connection(selection=CHOSEN)

    refused = save(alices, connection, once=["track:Conversion Triggered"])

    assert refused.status_code == 422
    assert connections.version_in_force(connection).number == 1


def test_what_the_form_does_not_ask_about_stays(alices: Client) -> None:
    connection = make_connection(something_else=["kept"])

    save(alices, connection, "message_body")

    assert in_force(connection) == {"something_else": ["kept"], "message_body": True}


def test_saving_what_stands_makes_no_version(alices: Client) -> None:
    connection = make_connection()

    for _ in range(2):
        save(alices, connection, "message_body")

    assert connections.version_in_force(connection).number == 2


def test_in_live_a_reason_is_asked_for_and_kept(alices: Client) -> None:
    connection = make_connection(make_environment("live"))

    refused = save(alices, connection, "message_body")
    assert refused.status_code == 422
    assert "Say why: changes in live keep their reason." in text_of(refused)
    assert "checked" in tag_with(refused, 'name="message_body"')
    assert in_force(connection) == {}

    save(alices, connection, "message_body", reason="Agreed with the DPO")
    assert in_force(connection) == {"message_body": True}
    assert AuditEntry.objects.get(action="connection.events_selected").reason == "Agreed with the DPO"


def test_a_form_that_is_behind_changes_nothing(alices: Client) -> None:
    connection = make_connection()
    connections.select_events(connection, CHOSEN, by=None)

    answer = save(alices, connection, "message_body", version=1)

    assert answer.status_code == 409
    assert in_force(connection) == {}


def test_samples_are_asked_about_before_they_are_sent(alices: Client) -> None:
    connection = make_connection(endpoint="http://127.0.0.1:9", selection=[*CHOSEN, ("track", "*")])

    words = text_of(alices.get(url(connection, "samples")))

    assert "They reach the real source in Segment" in words
    assert "Send 3 samples from Draft" in words
    assert "Other track events" not in words
    assert log.head(connection.environment_id) == 0


def test_samples_are_sent_and_it_is_said_how_many(alices: Client) -> None:
    connection = make_connection(selection=CHOSEN)
    assert "They go to the sandbox" in text_of(alices.get(url(connection, "samples")))

    page = alices.post(url(connection, "samples"), follow=True)

    events = log.read(connection.environment_id, after=0, limit=10)
    assert [event.source for event in events] == [SAMPLE_SOURCE] * 3
    assert events[0].message is not None
    nonce = events[0].message.message_id.split("-")[2]
    assert (
        "3 samples of the user sluice-sample, one of each selected event, are on the way. "
        f"Their message IDs were made from {nonce}." in text_of(page)
    )


def test_a_paused_connection_s_samples_wait(alices: Client) -> None:
    connection = make_connection()
    connections.pause(connection, by=None)

    page = alices.post(url(connection, "samples"), follow=True)

    assert "1 sample of the user sluice-sample" in text_of(page)
    assert "They wait until you resume." in text_of(page)


def test_samples_in_live_ask_why(alices: Client) -> None:
    connection = make_connection(make_environment("live"))

    assert alices.post(url(connection, "samples")).status_code == 422
    assert log.head(connection.environment_id) == 0
    alices.post(url(connection, "samples"), {"reason": "Before the launch"})
    assert log.head(connection.environment_id) == 1


def test_without_an_event_that_has_a_sample_there_is_nothing_to_send(alices: Client) -> None:
    connection = make_connection(selection=[("track", "*")])

    assert "Nothing to send" in text_of(alices.get(url(connection, "samples")))
    page = alices.post(url(connection, "samples"), follow=True)
    assert "Nothing was sent." in text_of(page)
    assert log.head(connection.environment_id) == 0


def test_the_tracking_plan_is_of_what_is_selected_and_as_it_is_sent(alices: Client) -> None:
    connection = make_connection(selection=[*CHOSEN, ("track", "*"), ("alias", "")])

    answer = alices.get(url(connection, "plan"))

    rules = {
        rule.get("key", rule["type"]): rule["jsonSchema"]["properties"] for rule in json.loads(answer.content)["rules"]
    }
    assert list(rules) == ["Action Completed", "Message Sent", "IDENTIFY"]
    assert "message_body" not in rules["Message Sent"]["properties"]["properties"]
    steps = rules["Action Completed"]["properties"]["properties"]["stepsVisited"]
    assert (steps["type"], steps["items"]) == ("array", {"type": "string"})
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="tracking-plan-assistant-')

    save(alices, connection, "message_body", "steps_as_objects")

    rules = {
        rule.get("key"): rule["jsonSchema"]["properties"]
        for rule in json.loads(alices.get(url(connection, "plan")).content)["rules"]
    }
    assert "message_body" in rules["Message Sent"]["properties"]["properties"]
    steps = rules["Action Completed"]["properties"]["properties"]["stepsVisited"]
    assert steps["items"]["required"] == ["stepId"]


def test_the_switches_can_be_searched_and_repeat_where_they_belong(alices: Client) -> None:
    connection = make_connection(selection=CHOSEN)

    page = alices.get(url(connection, "detail"), {"q": "message_body"})

    body = page.content.decode()
    assert body.count('role="switch"') == 6
    assert "6 of 24 events" in text_of(page)
    assert value_of(page, "q") == "message_body"
    assert body.count('href="#event-message-sent"') == 1
    assert ticked(page, "events") == []
