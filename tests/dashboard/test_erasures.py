"""The page on which a person is erased: typed twice, audited, and how far it is."""

import pytest
from django.test import Client
from django.utils import timezone

from assistants import erasure
from assistants.models import AuditEntry, Environment, Erasure
from integrations import erase
from tests.dashboard.html import text_of
from tests.make import append, make_environment, make_message

pytestmark = pytest.mark.django_db


def path_of(environment: Environment) -> str:
    return f"/environments/{environment.public_id}/erase/"


def ask(client: Client, environment: Environment, **form: str) -> str:
    return text_of(client.post(path_of(environment), form, follow=True))


def test_the_environments_page_leads_there(alices: Client) -> None:
    environment = make_environment()

    page = alices.get(f"/environments/{environment.public_id}/").content.decode()

    assert f'href="{path_of(environment)}"' in page
    assert "Nobody was erased" in text_of(alices.get(path_of(environment)))


def test_a_request_is_taken_and_shown_without_the_id(alices: Client) -> None:
    environment = make_environment("live")
    append(environment, make_message(user_id=" Ann 7 "))

    words = ask(alices, environment, user_id=" Ann 7 ", repeated=" Ann 7 ", reason="She asked")

    name = erasure.fingerprint(" Ann 7 ")
    assert f"The user {name} will be erased within minutes." in words
    assert f"{name} just now alice@example.com 0 Under way 0 % of the log" in words
    assert "Ann" not in words
    entry = AuditEntry.objects.get(action="environment.erasure_requested")
    assert (entry.actor_name, entry.reason, entry.details) == (
        "alice@example.com",
        "She asked",
        {"fingerprint": name},
    )
    erase.run(Erasure.objects.get(), timezone.now())
    assert f"{name} just now alice@example.com 1 Erased" in text_of(alices.get(path_of(environment)))


@pytest.mark.parametrize(
    ("kind", "form", "words"),
    [
        ("draft", {"user_id": "u-1", "repeated": "u-2"}, "This does not match."),
        ("draft", {"user_id": "u-1", "repeated": "U-1"}, "This does not match."),
        ("draft", {"user_id": "u-1"}, "This field is required."),
        ("draft", {"user_id": "", "repeated": ""}, "This field is required."),
        ("live", {"user_id": "u-1", "repeated": "u-1"}, "Say why"),
    ],
)
def test_what_is_not_meant_erases_nobody(alices: Client, kind: str, form: dict[str, str], words: str) -> None:
    environment = make_environment(kind)
    answer = alices.post(path_of(environment), form)

    assert answer.status_code == 422
    assert words in text_of(answer)
    assert not Erasure.objects.exists()
