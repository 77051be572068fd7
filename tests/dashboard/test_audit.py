"""The audit page: who changed what, where, when and why; narrowed, and page by page."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from assistants import audit, lifecycle
from assistants.models import AuditEntry, Environment
from tests.make import make_assistant, make_environment


def record(target: str, action: str = "connection.paused", **columns: object) -> AuditEntry:
    return audit.record(**{"actor": None, "action": action, "target": target, **columns})


def shown(client: Client, **question: object) -> str:
    return client.get("/audit/", question).content.decode()


def place(environment: Environment) -> str:
    return f"environment-{environment.public_id}"


def test_without_entries_the_page_says_what_will_be_here(alices: Client) -> None:
    assert "Nothing has been changed yet" in shown(alices)


def test_an_entry_tells_what_where_who_and_why(alices: Client, alice: User) -> None:
    environment = make_environment(assistant=make_assistant(name="Care"))
    record(
        "Segment",
        "connection.events_selected",
        actor=alice,
        environment=environment,
        reason="GDPR <request>",
        details={"version": 3, "switched_on": [], "switched_off": ["track Message Handled", "track Session Started"]},
    )
    page = shown(alices)
    assert "Connection events selected: Segment" in page
    assert "“GDPR &lt;request&gt;”" in page
    assert "version: 3 · switched off: track Message Handled, track Session Started</p>" in page
    assert "alice@example.com</td>" in page
    assert f'href="/environments/{environment.public_id}/">Draft</a>' in page


def test_what_the_command_line_did_says_so(alices: Client) -> None:
    record("key 1")
    assert "command line</td>" in shown(alices)


def test_entries_stay_when_their_assistant_is_deleted_and_link_to_nothing(alices: Client) -> None:
    assistant = make_assistant(name="Care")
    environment = assistant.environments.get(kind="draft")
    record("Segment", environment=environment)
    lifecycle.delete_assistant(assistant, by=None)
    page = shown(alices)
    assert "Care (deleted), Draft" in page
    assert f"/assistants/{assistant.pk}/" not in page
    assert f"/environments/{environment.public_id}/" not in page


def test_one_assistant_or_one_of_its_environments_can_be_shown_alone(alices: Client) -> None:
    care, sales = make_assistant(name="Care"), make_assistant(name="Sales")
    draft, live = care.environments.order_by("pk")
    record("in-draft", environment=draft)
    record("in-live", environment=live)
    record("in-sales", assistant=sales)

    def found(where: str) -> list[str]:
        page = shown(alices, where=where)
        return [target for target in ("in-draft", "in-live", "in-sales") if target in page]

    assert found("") == ["in-draft", "in-live", "in-sales"]
    assert found(f"assistant-{care.pk}") == ["in-draft", "in-live"]
    assert found(place(live)) == ["in-live"]


def test_one_action_can_be_shown_alone_and_is_named_in_words(alices: Client) -> None:
    record("first", "connection.paused")
    record("second", "ingest_key.revoked")
    page = shown(alices, action="ingest_key.revoked")
    assert '<option value="ingest_key.revoked" selected>Ingest key revoked</option>' in page
    assert "second" in page
    assert "first" not in page


def test_place_and_action_hold_together(alices: Client) -> None:
    draft, live = make_assistant().environments.order_by("pk")
    record("here", environment=draft)
    record("other-action", "connection.resumed", environment=draft)
    record("other-place", environment=live)
    page = shown(alices, where=place(draft), action="connection.paused")
    assert "here" in page
    assert "other-action" not in page
    assert "other-place" not in page


def test_a_filter_that_nothing_matches_offers_the_way_back(alices: Client) -> None:
    environment = make_environment()
    record("elsewhere")
    page = shown(alices, where=place(environment))
    assert "No entry matches" in page
    assert '<a class="button" href="?">Show every entry</a>' in page


@pytest.mark.parametrize(
    ("field", "value"),
    [("where", "assistant-999999"), ("where", "x"), ("action", "no.action"), ("before", "x"), ("before", str(2**63))],
)
def test_a_question_with_errors_is_answered_422_and_shows_no_entries(alices: Client, field: str, value: str) -> None:
    record("hidden entry")
    response = alices.get("/audit/", {field: value})
    assert response.status_code == 422
    assert f'href="#id_{field}"' in response.content.decode()
    assert "hidden entry" not in response.content.decode()


def test_fifty_entries_make_a_page_and_older_ones_keep_the_filter(alices: Client) -> None:
    environment = make_environment()
    AuditEntry.objects.all().delete()
    entries = [record(f"entry-{number:02}", environment=environment) for number in range(53)]
    page = shown(alices, where=place(environment))
    assert "entry-52" in page
    assert "entry-03" in page
    assert "entry-02" not in page
    assert f'href="?where={place(environment)}&amp;before={entries[3].pk}"' in page
    older = shown(alices, where=place(environment), before=entries[3].pk)
    assert "entry-02" in older
    assert "entry-03" not in older
    assert f'href="?where={place(environment)}"' in older


def test_the_page_takes_few_queries(alices: Client, django_assert_max_num_queries: Callable[..., object]) -> None:
    for _ in range(10):
        record("entry", environment=make_environment())
    alices.get("/audit/")
    with django_assert_max_num_queries(7):
        alices.get("/audit/")
