"""Assistants: create, change, delete, and further environments; what is refused changes nothing."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection as database
from django.test import Client

from assistants import keys, log
from assistants.models import Assistant, AuditEntry, Environment
from dashboard.assistant_forms import read_crn
from tests.make import append, make_assistant, make_connection, make_environment, make_message

CRN = "crn:v1:bluemix:public:conversation:us-south:a/0a1b2c:5d6e-7f80::"


def test_creating_an_assistant_makes_draft_and_live_and_is_audited(alices: Client, alice: User) -> None:
    response = alices.post("/assistants/new/", {"name": "  Customer Care ", "language": "pt-BR"})
    assistant = Assistant.objects.get()
    assert response.headers["Location"] == f"/assistants/{assistant.pk}/"
    assert (assistant.name, assistant.language, assistant.account_id) == ("Customer Care", "pt-BR", "")
    assert [environment.name for environment in assistant.environments.all()] == ["draft", "live"]
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.target, entry.actor) == ("assistant.created", "Customer Care", alice)


def test_a_service_crn_fills_in_the_account_and_the_instance(alices: Client) -> None:
    alices.post("/assistants/new/", {"name": "Care", "service_crn": f" {CRN} ", "account_id": "is replaced"})
    assistant = Assistant.objects.get()
    assert (assistant.account_id, assistant.service_instance) == ("0a1b2c", "5d6e-7f80")


def test_a_service_crn_is_read_by_its_parts() -> None:
    assert read_crn(CRN) == ("0a1b2c", "5d6e-7f80")


BAD_VALUES = [
    ("name", "", "This field is required."),
    ("name", "x" * 101, "Ensure this value has at most 100 characters (it has 101)."),
    ("name", "a\0b", "Null characters are not allowed."),
    ("name", "CARE", "An assistant named “CARE” exists already."),
    ("language", "en_US", "“en_US” is not a language tag."),
    ("service_crn", "urn:x", "A service CRN begins with “crn:”"),
    ("service_crn", CRN.rstrip(":"), "A service CRN has 10 parts with colons between them; this one has 8."),
    ("service_crn", CRN.replace("a/0a1b2c", "0a1b2c"), "The seventh part of the CRN should be the account"),
    ("service_crn", CRN.replace("a/0a1b2c", "a/"), "The seventh part of the CRN should be the account"),
    ("service_crn", CRN.replace("5d6e-7f80", ""), "The eighth part of the CRN, the service instance, is empty."),
    ("account_id", "x" * 201, "Ensure this value has at most 200 characters (it has 201)."),
]


@pytest.mark.parametrize(("field", "value", "message"), BAD_VALUES)
def test_bad_values_are_told_at_their_field_and_nothing_is_created(
    alices: Client, field: str, value: str, message: str
) -> None:
    make_assistant(name="Care")
    entries = AuditEntry.objects.count()
    response = alices.post("/assistants/new/", {"name": "New", "vendor_assistant_id": "kept", field: value})
    page = response.content.decode()
    assert response.status_code == 422
    assert message in page.split(f'id="id_{field}_error"')[1]
    assert 'value="kept"' in page
    assert [assistant.name for assistant in Assistant.objects.all()] == ["Care"]
    assert AuditEntry.objects.count() == entries


def test_the_name_of_a_deleted_assistant_is_free_again(alices: Client) -> None:
    old = make_assistant(name="Care")
    alices.post(f"/assistants/{old.pk}/delete/", {"confirmation": "Care"})
    assert alices.post("/assistants/new/", {"name": "Care"}).status_code == 302


def test_a_name_that_is_taken_while_the_form_is_on_its_way_is_told_at_the_field(alices: Client) -> None:
    def somebody_is_faster(
        execute: Callable[..., Any], sql: str, params: Sequence[Any], many: bool, context: Any
    ) -> Any:
        if sql.startswith('INSERT INTO "assistants_assistant"') and "Care" in params:
            Assistant.objects.bulk_create([Assistant(name="CARE")])
        return execute(sql, params, many, context)

    with database.execute_wrapper(somebody_is_faster):
        response = alices.post("/assistants/new/", {"name": "Care"})
    assert response.status_code == 422
    assert "Somebody has taken this name a moment ago." in response.content.decode()
    assert not AuditEntry.objects.exists()


def test_an_assistant_shows_its_settings_and_leads_to_its_environments(alices: Client) -> None:
    assistant = make_assistant(name="Care", language="de", service_instance="5d6e")
    page = alices.get(f"/assistants/{assistant.pk}/").content.decode()
    assert "<dd>de</dd>" in page
    assert "<code>5d6e</code>" in page
    assert page.count("<dd>Not given</dd>") == 2
    assert f'href="/assistants/{assistant.pk}/integrations/"' in page
    for environment in assistant.environments.all():
        assert f'href="/environments/{environment.public_id}/"' in page


def test_changing_settings_is_audited_by_the_names_of_what_changed(alices: Client) -> None:
    assistant = make_assistant(name="Care", language="de")
    response = alices.post(
        f"/assistants/{assistant.pk}/edit/", {"name": "Care EU", "language": "de", "account_id": "7"}
    )
    assert response.headers["Location"] == f"/assistants/{assistant.pk}/"
    assistant.refresh_from_db()
    assert (assistant.name, assistant.language, assistant.account_id) == ("Care EU", "de", "7")
    entry = AuditEntry.objects.get(action="assistant.changed")
    assert entry.details == {"changed": ["name", "account_id"]}


def test_an_assistant_may_keep_its_name_but_not_take_anothers(alices: Client) -> None:
    care, _ = make_assistant(name="Care"), make_assistant(name="Sales")
    assert alices.post(f"/assistants/{care.pk}/edit/", {"name": "care"}).status_code == 302
    response = alices.post(f"/assistants/{care.pk}/edit/", {"name": "sales"})
    care.refresh_from_db()
    assert response.status_code == 422
    assert care.name == "care"
    assert "<h1>Edit care</h1>" in response.content.decode()


def test_deleting_says_what_stops(alices: Client) -> None:
    connection = make_connection()
    keys.create_ingest_key(connection.environment, label="one", by=None)
    append(connection.environment, make_message(), make_message())
    page = alices.get(f"/assistants/{connection.environment.assistant_id}/delete/").content.decode()
    assert "1 ingest key stops working." in page
    assert "The connection of Draft to Segment ends." in page
    assert "<strong>2 events</strong> that wait to be sent" in page


@pytest.mark.parametrize("typed", ["", "care", "Care!", "Car"])
def test_nothing_is_deleted_unless_the_name_is_typed(alices: Client, typed: str) -> None:
    assistant = make_assistant(name="Care")
    key = keys.create_ingest_key(assistant.environments.get(kind="draft"), label="", by=None)
    response = alices.post(f"/assistants/{assistant.pk}/delete/", {"confirmation": typed})
    assistant.refresh_from_db()
    assert response.status_code == 422
    assert 'id="id_confirmation_error"' in response.content.decode()
    assert assistant.deleted_at is None
    assert assistant.environments.get(kind="draft").ingest_keys.get().is_active
    assert key not in response.content.decode()


def test_deleting_ends_the_keys_at_once_and_the_pages_are_gone(alices: Client) -> None:
    assistant = make_assistant(name="Care")
    environment = assistant.environments.get(kind="draft")
    keys.create_ingest_key(environment, label="", by=None)
    response = alices.post(f"/assistants/{assistant.pk}/delete/", {"confirmation": "Care", "reason": "Project ended"})
    assert response.headers["Location"] == "/"
    assert not environment.ingest_keys.get().is_active
    assert AuditEntry.objects.get(action="assistant.deleted").reason == "Project ended"
    for path in (f"/assistants/{assistant.pk}/", f"/environments/{environment.public_id}/"):
        assert alices.get(path).status_code == 404


def test_adding_an_environment_gives_it_an_empty_log(alices: Client) -> None:
    assistant = make_assistant()
    response = alices.post(f"/assistants/{assistant.pk}/environments/new/", {"name": "Staging"})
    environment = assistant.environments.get(kind=Environment.Kind.OTHER)
    assert environment.name == "staging"
    assert response.headers["Location"] == f"/environments/{environment.public_id}/"
    assert log.head(environment.pk) == 0


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "This field is required."),
        ("two words", "Enter a valid “slug” consisting of letters, numbers, underscores or hyphens."),
        ("Draft", "This assistant has an environment named “draft” already."),
        ("x" * 51, "Ensure this value has at most 50 characters (it has 51)."),
    ],
)
def test_a_bad_name_adds_no_environment(alices: Client, name: str, message: str) -> None:
    assistant = make_assistant()
    response = alices.post(f"/assistants/{assistant.pk}/environments/new/", {"name": name})
    assert response.status_code == 422
    assert message in response.content.decode()
    assert assistant.environments.count() == 2


def test_two_assistants_may_have_environments_of_the_same_name(alices: Client) -> None:
    for assistant in (make_assistant(), make_assistant()):
        alices.post(f"/assistants/{assistant.pk}/environments/new/", {"name": "staging"})
    assert Environment.objects.filter(name="staging").count() == 2


@pytest.mark.parametrize("number", [999_999, 10**30])
@pytest.mark.parametrize("page", ["", "edit/", "delete/", "environments/new/"])
def test_an_assistant_that_does_not_exist_has_no_pages(alices: Client, page: str, number: int) -> None:
    assert alices.get(f"/assistants/{number}/{page}").status_code == 404
    assert alices.post(f"/assistants/{number}/{page}").status_code == (404 if page else 405)


def test_the_page_of_an_assistant_takes_few_queries(
    alices: Client, django_assert_max_num_queries: Callable[..., object]
) -> None:
    environment = make_environment()
    for name in ("one", "two", "three"):
        alices.post(f"/assistants/{environment.assistant_id}/environments/new/", {"name": name})
    with django_assert_max_num_queries(12):
        alices.get(f"/assistants/{environment.assistant_id}/")
