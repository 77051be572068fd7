"""The Integrations page: the tile's states, adding, opening in an environment, deleting; and the catalog's pages."""

import json
import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from assistants import catalog, lifecycle
from assistants.catalog.entry import json_schema
from assistants.catalog.tracking_plan import tracking_plan
from assistants.models import Assistant, AuditEntry
from integrations import connections, setup
from integrations.models import Connection, PendingSetup
from tests.dashboard.html import text_of, value_of
from tests.make import make_assistant, make_connection, make_environment

pytestmark = pytest.mark.django_db


def page_of(assistant: Assistant) -> str:
    return reverse("integrations:list", args=[assistant.pk])


def connected_assistant() -> Assistant:
    return make_connection().environment.assistant


# --- The tile ---


def test_before_it_is_added_the_tile_offers_add_and_nothing_else(alices: Client) -> None:
    assistant = make_assistant()
    page = alices.get(page_of(assistant))
    assert "Add different channels and extensions to easily configure and deploy your assistant." in text_of(page)
    assert "Add Segment" in text_of(page)
    for absent in ("Open Segment", "Finish setup", "Delete from assistant", "added"):
        assert absent not in text_of(page)


def test_begun_and_not_finished_the_tile_asks_to_finish(alices: Client) -> None:
    assistant = make_assistant()
    setup.begin(make_environment("draft", assistant), by=None)
    words = text_of(alices.get(page_of(assistant)))
    assert "Finish setup" in words
    assert "Draft Set-up not finished" in words
    assert "Live Not connected" in words
    assert ", added" not in words


def test_once_connected_the_tile_offers_open_and_delete(alices: Client) -> None:
    words = text_of(alices.get(page_of(connected_assistant())))
    for present in ("Segment , added", "Open Segment", "Delete from assistant"):
        assert present in words
    assert "Finish setup" not in words


def test_the_page_asks_the_database_as_often_for_ten_environments_as_for_two(alices: Client) -> None:
    assistant = connected_assistant()
    alices.get(page_of(assistant))
    with CaptureQueriesContext(connection) as with_two:
        alices.get(page_of(assistant))
    for number in range(8):
        lifecycle.add_environment(assistant, name=f"stage-{number}", by=None)
    with CaptureQueriesContext(connection) as with_ten:
        assert "stage-7" in text_of(alices.get(page_of(assistant)))
    assert len(with_ten) == len(with_two)


# --- Add ---


def test_add_begins_the_wizard_for_draft(alices: Client) -> None:
    assistant = make_assistant()
    answer = alices.post(reverse("extensions:overview", args=[assistant.pk]))
    draft = make_environment("draft", assistant)
    assert answer.headers["Location"] == reverse("setup:connect", args=[assistant.pk, draft.public_id])
    assert PendingSetup.objects.get().environment == draft
    assert AuditEntry.objects.get(action="extension.added").actor_name == "alice@example.com"


def test_the_overview_says_that_draft_comes_first(alices: Client) -> None:
    words = text_of(alices.get(reverse("extensions:overview", args=[make_assistant().pk])))
    assert "You must complete it before you can add the extension in the live environment." in words


def test_looking_at_the_overview_begins_nothing(alices: Client) -> None:
    alices.get(reverse("extensions:overview", args=[make_assistant().pk]))
    assert PendingSetup.objects.count() == 0


def test_adding_what_is_connected_asks_for_the_environment(alices: Client) -> None:
    assistant = connected_assistant()
    answer = alices.post(reverse("extensions:overview", args=[assistant.pk]))
    assert answer.headers["Location"] == reverse("extensions:open", args=[assistant.pk])


# --- Open ---


def test_open_leads_to_the_connection_of_a_connected_environment(alices: Client) -> None:
    made = make_connection()
    environment = made.environment
    answer = alices.post(
        reverse("extensions:open", args=[environment.assistant_id]), {"environment": environment.public_id}
    )
    assert answer.headers["Location"] == reverse("connections:detail", args=[made.pk])


def test_open_leads_live_into_the_wizard_once_draft_is_connected(alices: Client) -> None:
    assistant = connected_assistant()
    live = make_environment("live", assistant)
    answer = alices.post(reverse("extensions:open", args=[assistant.pk]), {"environment": live.public_id})
    assert answer.headers["Location"] == reverse("setup:connect", args=[assistant.pk, live.public_id])


def test_open_refuses_live_while_draft_is_not_complete(alices: Client) -> None:
    assistant = make_assistant()
    setup.begin(make_environment("draft", assistant), by=None)
    live = make_environment("live", assistant)
    answer = alices.post(reverse("extensions:open", args=[assistant.pk]), {"environment": live.public_id})
    assert answer.status_code == 422
    assert "You must complete configuration for the draft environment before" in text_of(answer)
    assert PendingSetup.objects.filter(environment=live).count() == 0


@pytest.mark.parametrize("sent", [{}, {"environment": "nowhere"}])
def test_open_needs_an_environment_of_this_assistant(alices: Client, sent: dict[str, str]) -> None:
    assert alices.post(reverse("extensions:open", args=[make_assistant().pk]), sent).status_code == 422


# --- Delete ---


@pytest.mark.parametrize("typed", ["", "delete", "DELETE it"])
def test_nothing_is_deleted_until_delete_is_typed(alices: Client, typed: str) -> None:
    assistant = connected_assistant()
    answer = alices.post(reverse("extensions:remove", args=[assistant.pk]), {"confirmation": typed})
    assert answer.status_code == 422
    assert Connection.objects.present().count() == 1


def test_delete_ends_every_environment_of_this_assistant_and_no_other(alices: Client) -> None:
    assistant, other = connected_assistant(), make_connection()
    live = make_environment("live", assistant)
    make_connection(live)
    answer = alices.post(
        reverse("extensions:remove", args=[assistant.pk]), {"confirmation": "DELETE", "reason": "We moved on"}
    )
    assert answer.headers["Location"] == page_of(assistant)
    assert list(Connection.objects.present()) == [other]
    removed = AuditEntry.objects.filter(action="connection.removed")
    assert {(entry.reason, entry.actor_name) for entry in removed} == {("We moved on", "alice@example.com")}
    assert "Add Segment" in text_of(alices.get(page_of(assistant)))


def test_deleted_assistants_have_no_integrations(alices: Client) -> None:
    assistant = connected_assistant()
    Assistant.objects.update(deleted_at="2026-11-22T10:00:00Z")
    for name in ("integrations:list", "extensions:overview", "extensions:open", "extensions:remove"):
        assert alices.get(reverse(name, args=[assistant.pk])).status_code == 404


# --- The catalog ---


def test_the_catalog_shows_every_event_with_its_properties(alices: Client) -> None:
    words = text_of(alices.get(reverse("catalog:list")))
    for entry in (*catalog.entries(), *catalog.plain_calls().entries):
        assert entry.title in words
        assert entry.description in words
    for entry in catalog.entries():
        count = len(entry.properties)
        assert f"{count} propert{'y' if count == 1 else 'ies'} of {entry.title}" in words
        for each in entry.carried:
            assert each.description in words
            assert each.presence in words


def test_each_event_is_described_once_and_referred_to_elsewhere(alices: Client) -> None:
    body = alices.get(reverse("catalog:list")).content.decode()
    assert body.count('id="conversation-started"') == 1
    assert re.findall(r'href="/catalog/#([\w-]+)"', body) == [
        "identify",
        "other-track-events",
        "conversation-started",
        "message-sent",
        "message-received",
        "component-loaded",
        "action-invoked",
        "media-generated",
        "conversation-ended",
        "identify",
    ]
    assert [body.count(f'id="family-{family.slug}"') for family in catalog.families()] == [1, 1, 1, 1]


@pytest.mark.parametrize(
    ("query", "shown", "found"),
    [
        ("message sent", {"Message Sent", "Live Chat Message Sent"}, "2 of 24 events"),
        ("EXPERIMENT_ID", {"Experiment Viewed"}, "1 of 24 events"),
        ("tool invoked", {"Action Invoked"}, "1 of 24 events"),
        ("previousid", {"Alias"}, "1 of 24 events"),
        ("no such thing", set(), "0 of 24 events"),
    ],
)
def test_the_catalog_is_searched_by_names_words_and_properties(
    alices: Client, query: str, shown: set[str], found: str
) -> None:
    page = alices.get(reverse("catalog:list"), {"q": query})
    titles = {listed.entry.title for group in page.context["groups"] for listed in (*group.own, *group.shared)}
    assert titles == shown
    assert found in text_of(page)
    assert ("No event matches" in text_of(page)) is (not shown)
    assert value_of(page, "q") == query


def test_the_catalog_is_a_tracking_plan_as_a_whole_and_by_family(alices: Client) -> None:
    whole = alices.get(reverse("catalog:plan"))
    assert json.loads(whole.content) == tracking_plan(catalog.everything())
    assert whole.headers["Content-Disposition"] == 'attachment; filename="tracking-plan.json"'
    family = alices.get(reverse("catalog:plan"), {"family": "live-chat"})
    assert [rule["key"] for rule in json.loads(family.content)["rules"]] == [
        entry.name for entry in catalog.families()[2].entries
    ]
    assert family.headers["Content-Disposition"] == 'attachment; filename="tracking-plan-live-chat.json"'
    assert alices.get(reverse("catalog:plan"), {"family": "lost"}).status_code == 404


@pytest.mark.parametrize(
    ("slug", "key"), [("message-handled", ("track", "Message Handled")), ("other-track-events", ("track", "*"))]
)
def test_each_entry_has_its_json_schema_as_a_file(alices: Client, slug: str, key: tuple[str, str]) -> None:
    answer = alices.get(reverse("catalog:schema", args=[slug]))
    entry = catalog.find(*key)
    assert entry is not None
    assert json.loads(answer.content) == json_schema(entry)
    assert answer.headers["Content-Type"] == "application/schema+json"


def test_an_unknown_event_has_no_schema(alices: Client) -> None:
    assert alices.get(reverse("catalog:schema", args=["message-lost"])).status_code == 404


def test_connections_that_need_attention_are_counted_for_the_frame(alices: Client) -> None:
    made = make_connection()
    make_connection()
    Connection.objects.filter(pk=made.pk).update(status=Connection.Status.NEEDS_ATTENTION)
    context = alices.get(reverse("catalog:list")).context
    assert context["attention_count"]() == 1
    connections.disconnect(made, by=None)
    assert context["attention_count"]() == 0


@pytest.mark.parametrize(("cookie", "theme"), [("dark", "dark"), ("light", "light"), ("pink", ""), ("", "")])
def test_the_theme_is_one_of_two_or_the_system_s(alices: Client, cookie: str, theme: str) -> None:
    alices.cookies["theme"] = cookie
    page = alices.get(reverse("catalog:list"))
    assert page.context["theme"] == theme
    assert (f'data-theme="{theme}"' in page.content.decode()) is bool(theme)
