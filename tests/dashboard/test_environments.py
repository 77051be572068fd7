"""One environment: ingest keys, how to send, what was refused; renaming and deleting further ones."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from assistants import keys, lifecycle, log
from assistants.models import AuditEntry, Environment, IngestKey, LogHead, Refusal
from dashboard.views.snippets import page_snippets, snippets
from integrations.models import Connection
from tests.make import append, make_assistant, make_connection, make_environment, make_message


def make_further(name: str = "staging") -> Environment:
    return lifecycle.add_environment(make_assistant(), name=name, by=None)


def make_refusal(environment: Environment, code: str = "unknown_type", **columns: object) -> Refusal:
    now = timezone.now()
    return Refusal.objects.create(
        **{
            "environment": environment,
            "source": "segment",
            "code": code,
            "hour": now.replace(minute=0, second=0, microsecond=0),
            "message": "Told why.",
            "sample": "{}",
            "count": 1,
            "last_at": now,
            **columns,
        }
    )


def test_a_created_key_is_shown_once_and_only_its_hash_is_kept(alices: Client, alice: User) -> None:
    environment = make_environment()
    response = alices.post(f"/environments/{environment.public_id}/keys/", {"label": "Web chat", "kind": "server"})
    key = IngestKey.objects.get()
    text = response.content.decode().split("slu_draft_")[1].split("<")[0]
    assert response.status_code == 200
    assert keys.digest(f"slu_draft_{text}") == bytes(key.digest)
    assert (key.environment, key.label, key.created_by) == (environment, "Web chat", alice)
    assert f"export SLUICE_INGEST_KEY=slu_draft_{text}" in response.content.decode()
    assert "slu_draft_" not in alices.get(f"/environments/{environment.public_id}/").content.decode()


def test_a_page_with_a_key_is_kept_nowhere(alices: Client) -> None:
    environment = make_environment()
    response = alices.post(f"/environments/{environment.public_id}/keys/", {"label": "Web chat", "kind": "server"})
    assert response.headers["Cache-Control"] == "no-store"
    assert "slu_draft_" not in str(alices.session.items())


def test_htmx_gets_the_keys_alone(alices: Client) -> None:
    environment = make_environment()
    path = f"/environments/{environment.public_id}/keys/"
    response = alices.post(path, {"label": "Web chat", "kind": "server"}, headers={"HX-Request": "true"})
    assert response.content.decode().lstrip().startswith('<section class="section" id="keys"')
    assert "slu_draft_" in response.content.decode()
    refused = alices.post(path, {"label": "", "kind": "server"}, headers={"HX-Request": "true"})
    assert refused.status_code == 422
    assert 'id="id_label_error"' in refused.content.decode()
    assert IngestKey.objects.count() == 1


@pytest.mark.parametrize(
    ("label", "message"), [(" ", "This field is required."), ("x" * 101, "at most 100 characters (it has 101)")]
)
def test_a_bad_label_creates_no_key(alices: Client, label: str, message: str) -> None:
    environment = make_environment()
    response = alices.post(f"/environments/{environment.public_id}/keys/", {"label": label, "kind": "server"})
    assert response.status_code == 422
    assert message in response.content.decode()
    assert not IngestKey.objects.exists()


def test_a_browser_key_is_created_with_its_origins_and_can_be_looked_at_again(alices: Client, alice: User) -> None:
    environment = make_environment()
    origins = "https://Shop.example/\r\nhttp://localhost:3000"
    sent = {"label": "Shop", "kind": "browser", "origins": origins}
    response = alices.post(f"/environments/{environment.public_id}/keys/", sent)
    key = IngestKey.objects.get()
    assert response.status_code == 200
    assert (key.label, key.created_by) == ("Shop", alice)
    assert key.origins == ["https://shop.example", "http://localhost:3000"]
    address = f"/environments/{environment.public_id}/keys/{key.public_id}/"
    assert key.browser_text in response.content.decode()
    assert f'href="{address}"' in response.content.decode()
    assert key.browser_text in alices.get(address).content.decode()


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        ({"kind": "browser", "origins": "shop.example"}, "“shop.example” does not begin with https:// (or http://)."),
        ({"kind": "browser", "origins": "https://a.example https://b.example/x"}, "“https://b.example/x” is more than"),
        ({"kind": "phone"}, "Select a valid choice. phone is not one of the available choices."),
        ({}, "This field is required."),
    ],
)
def test_a_wrong_origin_or_kind_creates_no_key(alices: Client, sent: dict[str, str], message: str) -> None:
    environment = make_environment()
    response = alices.post(f"/environments/{environment.public_id}/keys/", {"label": "Shop", **sent})
    assert response.status_code == 422
    assert message in unescape(response.content.decode())
    assert not IngestKey.objects.exists()


def test_a_server_key_has_no_origins_whatever_stands_in_their_field(alices: Client) -> None:
    environment = make_environment()
    sent = {"label": "Backend", "kind": "server", "origins": "not an origin"}
    response = alices.post(f"/environments/{environment.public_id}/keys/", sent)
    assert response.status_code == 200
    assert (IngestKey.objects.get().origins, IngestKey.objects.get().is_browser_key) == ([], False)


def test_the_list_says_from_where_a_browser_key_may_be_used(alices: Client) -> None:
    environment = make_environment()
    for origins in ([], ["https://one.example"], ["https://two.example", "https://three.example"]):
        keys.create_browser_key(environment, label="", origins=origins, by=None)
    keys.create_ingest_key(environment, label="", by=None)
    page = alices.get(f"/environments/{environment.public_id}/").content.decode()
    for told in ("from everywhere", "from https://one.example", "from 2 origins"):
        assert page.count(f"Browser key, {told}") == 1


def test_the_snippets_for_pages_hold_the_newest_browser_key_that_is_active(alices: Client) -> None:
    environment = make_environment()
    path = f"/environments/{environment.public_id}/"
    for snippet in page_snippets(""):
        assert settings.SLUICE_BASE_URL in snippet.text
        assert "YOUR_BROWSER_KEY" in snippet.text
        assert snippet.text in unescape(alices.get(path).content.decode())
    older, newer, revoked = (keys.create_browser_key(environment, label="", origins=[], by=None) for _ in range(3))
    keys.revoke_ingest_key(revoked, by=None)
    page = unescape(alices.get(path).content.decode())
    for snippet in page_snippets(newer.browser_text):
        assert snippet.text in page
    assert older.browser_text not in page
    assert revoked.browser_text not in page


def test_keys_are_listed_with_label_public_id_last_use_and_state(alices: Client) -> None:
    environment = make_environment()
    for label in ("Old one", "Web chat"):
        keys.create_ingest_key(environment, label=label, by=None)
    old, web = environment.ingest_keys.order_by("pk")
    keys.revoke_ingest_key(old, by=None)
    IngestKey.objects.filter(pk=web.pk).update(last_used_at=timezone.now() - timedelta(minutes=3))
    page = alices.get(f"/environments/{environment.public_id}/").content.decode()
    assert page.index("Web chat</th>") < page.index("Old one</th>")
    assert f"<code>…_{web.public_id}_…</code>" in page
    assert "3 min ago" in page
    assert "Revoked" in page
    assert f"keys/{web.public_id}/revoke/" in page
    assert f"keys/{old.public_id}/revoke/" not in page


def test_a_key_is_revoked_only_by_the_button_on_the_page_that_asks(alices: Client) -> None:
    environment = make_environment()
    keys.create_ingest_key(environment, label="Web chat", by=None)
    key = environment.ingest_keys.get()
    path = f"/environments/{environment.public_id}/keys/{key.public_id}/revoke/"
    assert "gets the answer 401 from now on" in alices.get(path).content.decode()
    key.refresh_from_db()
    assert key.is_active
    response = alices.post(path, {"reason": "Found in a log"})
    key.refresh_from_db()
    assert response.headers["Location"] == f"/environments/{environment.public_id}/"
    assert not key.is_active
    assert AuditEntry.objects.get(action="ingest_key.revoked").reason == "Found in a log"


def test_a_revoked_key_offers_no_button_and_is_not_audited_again(alices: Client) -> None:
    environment = make_environment()
    keys.create_ingest_key(environment, label="", by=None)
    key = environment.ingest_keys.get()
    path = f"/environments/{environment.public_id}/keys/{key.public_id}/revoke/"
    for _ in range(2):
        alices.post(path)
    assert AuditEntry.objects.filter(action="ingest_key.revoked").count() == 1
    assert "Revoke key</button>" not in alices.get(path).content.decode()


def test_a_key_cannot_be_revoked_by_way_of_another_environment(alices: Client) -> None:
    environment, other = make_environment(), make_environment()
    keys.create_ingest_key(environment, label="", by=None)
    key = environment.ingest_keys.get()
    assert alices.post(f"/environments/{other.public_id}/keys/{key.public_id}/revoke/").status_code == 404
    key.refresh_from_db()
    assert key.is_active


def test_a_long_reason_is_told_and_the_key_stays(alices: Client) -> None:
    environment = make_environment()
    keys.create_ingest_key(environment, label="", by=None)
    key = environment.ingest_keys.get()
    path = f"/environments/{environment.public_id}/keys/{key.public_id}/revoke/"
    response = alices.post(path, {"reason": "x" * 501})
    key.refresh_from_db()
    assert response.status_code == 422
    assert 'id="id_reason_error"' in response.content.decode()
    assert key.is_active


def test_the_snippets_send_to_this_installation_and_hold_no_key(alices: Client) -> None:
    environment = make_environment()
    page = unescape(alices.get(f"/environments/{environment.public_id}/").content.decode())
    for snippet in snippets():
        assert settings.SLUICE_BASE_URL in snippet.text
        assert "SLUICE_INGEST_KEY" in snippet.text
        assert snippet.text in page


def test_refusals_are_added_up_by_reason_with_the_latest_sample(alices: Client) -> None:
    environment = make_environment()
    now = timezone.now()
    make_refusal(environment, hour=now - timedelta(hours=2), count=1_200, sample="first sample")
    make_refusal(environment, hour=now - timedelta(hours=1), count=34, sample='{"type": "<trakc>"}', message="No type.")
    make_refusal(environment, "invalid_json", sample="{oops")
    page = alices.get(f"/environments/{environment.public_id}/").content.decode()
    assert page.count("<code>unknown_type</code>") == 1
    assert "1,234" in page
    assert "{&quot;type&quot;: &quot;&lt;trakc&gt;&quot;}" in page
    assert "No type." in page
    assert "first sample" not in page
    assert "{oops" in page


def test_refusals_of_other_environments_and_of_long_ago_are_not_shown(alices: Client) -> None:
    environment = make_environment()
    make_refusal(make_environment(), "of_another")
    make_refusal(environment, "of_old", last_at=timezone.now() - timedelta(days=8))
    page = alices.get(f"/environments/{environment.public_id}/").content.decode()
    assert "of_another" not in page
    assert "of_old" not in page
    assert "Everything was taken" in page


def test_the_state_of_the_connection_is_shown_with_its_cause(alices: Client) -> None:
    connection = make_connection()
    Connection.objects.filter(pk=connection.pk).update(
        status=Connection.Status.NEEDS_ATTENTION, attention="Segment answered 403"
    )
    page = alices.get(f"/environments/{connection.environment.public_id}/").content.decode()
    assert f'href="/connections/{connection.pk}/"' in page
    assert "Segment answered 403" in page


def test_where_the_events_go_is_named(alices: Client) -> None:
    connection = make_connection()
    Connection.objects.filter(pk=connection.pk).update(source_name="Care (draft)")
    page = alices.get(f"/environments/{connection.environment.public_id}/").content.decode()
    assert "Care (draft) · Sandbox (built into Sluice)" in page


def test_an_environment_without_connection_leads_to_the_integrations(alices: Client) -> None:
    environment = make_environment()
    page = alices.get(f"/environments/{environment.public_id}/").content.decode()
    assert f'<a href="/assistants/{environment.assistant_id}/integrations/">Connect it' in page


def test_renaming_changes_the_name_alone(alices: Client) -> None:
    environment = make_further()
    append(environment, make_message(), make_message())
    path = f"/environments/{environment.public_id}/"
    response = alices.post(f"{path}rename/", {"name": "Pre-Live", "position": "0", "public_id": "x", "kind": "live"})
    before = (environment.public_id, environment.kind, 2)
    environment.refresh_from_db()
    assert response.headers["Location"] == path
    assert environment.name == "pre-live"
    assert (environment.public_id, environment.kind, log.head(environment.pk)) == before


def test_a_stale_form_that_renames_an_environment_does_not_move_its_logs_head(alices: Client) -> None:
    environment = make_further()
    stale = Environment.objects.select_related("log_head").get(pk=environment.pk)
    assert stale.log_head.position == 0
    append(environment, make_message(), make_message(), at=datetime.now(UTC))
    lifecycle.rename_environment(stale, name="late", by=None)
    assert LogHead.objects.get(environment=environment).position == 2


@pytest.mark.parametrize(
    ("name", "message"), [("live", "named “live” already"), ("a b", "Enter a valid"), ("", "This field is required.")]
)
def test_a_bad_name_renames_nothing(alices: Client, name: str, message: str) -> None:
    environment = make_further()
    response = alices.post(f"/environments/{environment.public_id}/rename/", {"name": name})
    environment.refresh_from_db()
    assert response.status_code == 422
    assert message in response.content.decode()
    assert "<h1>Rename staging</h1>" in response.content.decode()
    assert environment.name == "staging"


def test_deleting_a_further_environment_takes_its_name_typed(alices: Client) -> None:
    environment = make_further()
    keys.create_ingest_key(environment, label="", by=None)
    path = f"/environments/{environment.public_id}/delete/"
    assert alices.post(path, {"confirmation": "Staging"}).status_code == 422
    assert environment.ingest_keys.get().is_active
    response = alices.post(path, {"confirmation": "staging"})
    assert response.headers["Location"] == f"/assistants/{environment.assistant_id}/"
    assert not environment.ingest_keys.get().is_active
    assert alices.get(f"/environments/{environment.public_id}/").status_code == 404


@pytest.mark.parametrize("kind", ["draft", "live"])
@pytest.mark.parametrize("action", ["rename", "delete"])
def test_draft_and_live_can_be_neither_renamed_nor_deleted(alices: Client, kind: str, action: str) -> None:
    environment = make_environment(kind)
    path = f"/environments/{environment.public_id}/"
    assert alices.post(f"{path}{action}/", {"name": "other", "confirmation": kind}).status_code == 404
    assert f"{path}{action}/" not in alices.get(path).content.decode()
    environment.refresh_from_db()
    assert (environment.name, environment.deleted_at) == (kind, None)


def test_keys_are_not_created_by_looking(alices: Client) -> None:
    assert alices.get(f"/environments/{make_environment().public_id}/keys/").status_code == 405


def test_the_page_of_an_environment_takes_few_queries(
    alices: Client, django_assert_max_num_queries: Callable[..., object]
) -> None:
    connection = make_connection()
    for number in range(8):
        keys.create_ingest_key(connection.environment, label=f"key {number}", by=None)
        make_refusal(connection.environment, f"code_{number}")
    alices.get(f"/environments/{connection.environment.public_id}/")
    with django_assert_max_num_queries(22):
        alices.get(f"/environments/{connection.environment.public_id}/")
