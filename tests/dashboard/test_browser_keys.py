"""The page of a browser key: its text, its origins, how to use it."""

from html import unescape

import pytest
from django.contrib.auth.models import User
from django.test import Client

from assistants import keys
from assistants.models import AuditEntry, IngestKey
from dashboard.views.snippets import page_snippets
from tests.dashboard.html import text_of
from tests.make import make_environment


@pytest.fixture
def key(db: None) -> IngestKey:
    return keys.create_browser_key(make_environment(), label="Shop", origins=["https://shop.example"], by=None)


@pytest.fixture
def path(key: IngestKey) -> str:
    return f"/environments/{key.environment.public_id}/keys/{key.public_id}/"


def test_the_page_shows_the_key_its_origins_and_how_to_use_it(alices: Client, key: IngestKey, path: str) -> None:
    page = unescape(alices.get(path).content.decode())

    assert ">https://shop.example</textarea>" in page.replace("\n", "")
    for snippet in page_snippets(key.browser_text):
        assert snippet.text in page
    assert f"{path}revoke/" in page


def test_origins_are_changed_and_audited(alices: Client, alice: User, key: IngestKey, path: str) -> None:
    response = alices.post(path, {"origins": "https://shop.example\nhttps://www.shop.example:443/"}, follow=True)

    key.refresh_from_db()
    assert response.redirect_chain == [(path, 302)]
    assert key.origins == ["https://shop.example", "https://www.shop.example"]
    assert "The key may now be used from 2 origins. It holds within two seconds." in text_of(response)
    entry = AuditEntry.objects.get(action="ingest_key.origins_changed")
    assert (entry.actor, entry.environment) == (alice, key.environment)


@pytest.mark.parametrize(
    ("origins", "told"),
    [
        ("", "The key may now be used everywhere."),
        ("https://other.example", "The key may now be used from https://other.example."),
    ],
)
def test_what_holds_now_is_told(alices: Client, key: IngestKey, path: str, origins: str, told: str) -> None:
    assert told in text_of(alices.post(path, {"origins": origins}, follow=True))


def test_saving_what_is_there_already_says_nothing(alices: Client, key: IngestKey, path: str) -> None:
    response = alices.post(path, {"origins": "https://shop.example"}, follow=True)

    assert "The key may now" not in text_of(response)
    assert not AuditEntry.objects.filter(action="ingest_key.origins_changed").exists()


def test_a_wrong_origin_is_named_and_everything_stays(alices: Client, key: IngestKey, path: str) -> None:
    response = alices.post(path, {"origins": "https://shop.example\nhttps://*.shop.example"})

    key.refresh_from_db()
    assert response.status_code == 422
    assert "“https://*.shop.example” has a *" in text_of(response)
    assert "https://*.shop.example</textarea>" in response.content.decode()
    assert key.origins == ["https://shop.example"]


def test_a_revoked_key_is_shown_as_such_and_stays_as_it_is(alices: Client, key: IngestKey, path: str) -> None:
    keys.revoke_ingest_key(key, by=None)

    page = alices.get(path)
    assert "It was revoked just now" in text_of(page)
    assert key.browser_text not in page.content.decode()
    alices.post(path, {"origins": ""})
    key.refresh_from_db()
    assert key.origins == ["https://shop.example"]


def test_a_server_key_has_no_such_page(alices: Client) -> None:
    environment = make_environment()
    keys.create_ingest_key(environment, label="", by=None)
    key = environment.ingest_keys.get()

    assert alices.get(f"/environments/{environment.public_id}/keys/{key.public_id}/").status_code == 404


def test_a_key_is_not_found_by_way_of_another_environment(alices: Client, key: IngestKey) -> None:
    other = make_environment()

    assert alices.get(f"/environments/{other.public_id}/keys/{key.public_id}/").status_code == 404
