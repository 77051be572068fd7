"""The pages of sources: the list, one source with its guide, settings and key, payloads, and the vocabulary."""

import json
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from assistants import encryption, keys, lifecycle, sources
from assistants.models import AuditEntry, Environment, IngestKey, Source, SourcePayload, SourceTally
from assistants.sources import setup
from assistants.sources.payloads import compress
from tests.assistants.sources.parrot import TOO_LOUD, Parrot
from tests.dashboard.html import tag_with, text_of, ticked, value_of
from tests.dashboard.people import make_bob, signed_in
from tests.make import make_environment

pytestmark = pytest.mark.django_db

SECRET = "a made-up secret for tests"
WATSON_FLAGS = (
    "stateless",
    "steps_as_objects",
    "device_from_user_agent",
    "hash_user_ids",
    "web_chat_ids_are_anonymous",
)


@pytest.fixture(params=["alice", "bob"])
def somebody(request: pytest.FixtureRequest) -> Client:
    """An admin's browser, and a member's: both set up sources."""
    client: Client = request.getfixturevalue("alices") if request.param == "alice" else signed_in(make_bob())
    return client


@pytest.fixture
def parrot(monkeypatch: pytest.MonkeyPatch) -> Parrot:
    """A source without a guide of its own, in the registry beside the others."""
    adapter = Parrot()
    monkeypatch.setitem(sources._ADAPTERS, adapter.kind, adapter)
    return adapter


def page_of(environment: Environment, kind: str = "", action: str = "") -> str:
    path = f"/environments/{environment.public_id}/sources/"
    return path + "".join(f"{part}/" for part in (kind, action) if part)


def set_up(environment: Environment, kind: str, *, secret: str | None = SECRET, **options: Any) -> Source:
    adapter = sources.find(kind)
    assert adapter is not None
    return setup.save(environment, adapter, options=options, secret=secret, by=None)


def tally(environment: Environment, kind: str, code: str, count: int = 1, detail: str = "") -> None:
    now = timezone.now()
    SourceTally.objects.create(
        environment=environment,
        kind=kind,
        code=code,
        hour=now.replace(minute=0, second=0, microsecond=0),
        count=count,
        last_at=now,
        detail=detail,
    )


def make_payload(environment: Environment, kind: str = "custom", body: object = None, **columns: Any) -> SourcePayload:
    raw = body if isinstance(body, bytes) else json.dumps(body or {"hello": "world"}).encode()
    values = {"received_at": timezone.now(), "headers": {}, "events": 1, **columns}
    return SourcePayload.objects.create(environment=environment, kind=kind, body=compress(raw), **values)


def sent(client: Client, environment: Environment, kind: str, **values: Any) -> Any:
    """Send the settings of a source as its page has them, with other values."""
    form = {"seen": setup.fingerprint(setup.find(environment, kind)), **values}
    return client.post(page_of(environment, kind, "settings"), form)


# --- The list ---


def test_nothing_is_in_use_at_first_and_every_kind_is_offered(somebody: Client) -> None:
    environment = make_environment()

    page = somebody.get(page_of(environment))

    words = text_of(page)
    assert "Nothing is connected yet" in words
    assert "In use" not in words
    for adapter in sources.adapters():
        assert f'href="{page_of(environment, adapter.kind)}"' in page.content.decode()
        assert adapter.description in words
    assert "Segment libraries" in words


def test_the_list_tells_state_last_seen_and_count(alices: Client) -> None:
    environment = make_environment()
    set_up(environment, "watson")
    Source.objects.create(environment=environment, kind="rasa", last_seen_at=timezone.now() - timedelta(minutes=3))
    tally(environment, "rasa", "taken", 1234)
    tally(environment, "rasa", "unknown_event", 7)
    Source.objects.create(environment=environment, kind="chatwoot", last_seen_at=timezone.now() - timedelta(days=4))
    tally(environment, "intercom", "wrong_signature", 2)

    words = text_of(alices.get(page_of(environment)))

    assert "IBM watsonx Assistant Set up, nothing came yet Never 0" in words
    assert "Rasa Receiving 3 min ago" in words
    assert "1,234" in words
    assert "Chatwoot Silent for 4 days 4 days ago 0" in words
    assert "Intercom 2 warnings in 24 h Never 0" in words
    assert "Connect another" in words


def test_the_list_asks_the_database_as_often_for_ten_sources_as_for_one(alices: Client) -> None:
    environment = make_environment()
    first, *others = sources.adapters()
    tally(environment, first.kind, "taken")
    alices.get(page_of(environment))
    with CaptureQueriesContext(connection) as with_one:
        alices.get(page_of(environment))
    for adapter in others:
        Source.objects.create(environment=environment, kind=adapter.kind, last_seen_at=timezone.now())
        tally(environment, adapter.kind, "taken")
        tally(environment, adapter.kind, "wrong_signature")
    with CaptureQueriesContext(connection) as with_ten:
        alices.get(page_of(environment))
    assert len(with_ten) == len(with_one)


def test_environment_and_assistant_lead_to_the_sources(alices: Client) -> None:
    environment = make_environment()
    set_up(environment, "watson")

    own = alices.get(f"/environments/{environment.public_id}/")
    assert f'href="{page_of(environment)}"' in own.content.decode()
    assert "IBM watsonx Assistant Set up, nothing came yet" in text_of(own)
    assistant = alices.get(f"/assistants/{environment.assistant_id}/").content.decode()
    assert f'href="{page_of(environment)}"' in assistant


@pytest.mark.parametrize("path", ["nothing/settings/", "segment/settings/", "watson/rules/", "nothing/key/"])
def test_what_is_not_there_is_not_found(alices: Client, path: str) -> None:
    environment = make_environment()
    assert alices.get(f"{page_of(environment)}nothing/").status_code == 404
    assert alices.post(f"{page_of(environment)}{path}").status_code == 404
    assert not Source.objects.exists()
    assert not IngestKey.objects.exists()


def test_a_deleted_environment_has_no_pages_of_sources(alices: Client) -> None:
    environment = make_environment()
    payload = make_payload(environment)
    lifecycle.delete_assistant(environment.assistant, by=None)

    for path in ("", "watson/", "custom/rules/", "names/", f"custom/payloads/{payload.pk}/"):
        assert alices.get(f"{page_of(environment)}{path}").status_code == 404


# --- One source ---


@pytest.mark.parametrize("kind", ["segment", *(adapter.kind for adapter in sources.adapters())])
def test_each_source_says_how_to_connect_it_and_how_it_was_tested(alices: Client, kind: str) -> None:
    environment = make_environment()

    page = alices.get(page_of(environment, kind))

    assert page.status_code == 200
    words = text_of(page)
    assert "Connect it" in words
    assert "How it was tested" in words
    assert "Not set up" in words
    adapter = sources.find(kind)
    if adapter is not None:
        assert adapter.proof in words
        address = f"{settings.SLUICE_BASE_URL}{setup.path_of(adapter, environment)}"
        told = unescape(page.content.decode())
        assert address in told or address.replace("://", "://sluice:YOUR_PASSWORD@") in told


def test_every_source_has_a_guide_of_its_own() -> None:
    guides = settings.BASE_DIR / "templates" / "sources" / "guides"
    kinds = {"any", "segment", *(adapter.kind for adapter in sources.adapters())}
    assert {guide.stem for guide in guides.iterdir()} == kinds


def test_a_source_without_a_guide_says_what_holds_for_all(alices: Client, parrot: Parrot) -> None:
    environment = make_environment()
    page = alices.get(page_of(environment, "parrot"))
    assert f"{settings.SLUICE_BASE_URL}/sources/parrot/{environment.public_id}" in page.content.decode()
    assert "Enter under Settings the secret" in text_of(page)


def test_counts_warnings_and_payloads_are_shown_with_what_to_know(alices: Client) -> None:
    environment = make_environment()
    Source.objects.create(environment=environment, kind="custom", last_seen_at=timezone.now())
    tally(environment, "custom", "taken", 4321)
    tally(environment, "custom", "wrong_signature", 3, "From 203.0.113.0/24.")
    tally(environment, "custom", "no_rule", 5, "No rule matched a piece.")
    make_payload(environment, events=2)
    make_payload(environment, events=0, error="The body is not JSON.")
    make_payload(environment, "rasa", events=9)

    page = alices.get(page_of(environment, "custom"))

    words = text_of(page)
    assert "3 warnings in 24 h" in words
    assert "4,321" in words
    assert "Wrong signature From 203.0.113.0/24. 3 3" in words
    assert "No rule No rule matched a piece. 5 5" in words
    assert "Became events 2" in words
    assert "Could not be read The body is not JSON. 0" in words
    assert page.content.decode().count("/payloads/") == 2


def test_settings_are_made_from_the_adapters_options(alices: Client, parrot: Parrot) -> None:
    environment = make_environment()

    page = alices.get(page_of(environment, "parrot"))

    assert ticked(page, "option-voice") == ["loud"]
    assert "checked" in tag_with(page, 'name="option-shouts"')
    assert value_of(page, "secret") == ""
    for words in ("In capitals", "Whether it shouts.", "Softly", "What it knows.", "Where it lives.", "Call"):
        assert words in text_of(page)

    answer = sent(
        alices, environment, "parrot", **{"option-voice": "soft", "option-words": " hello \n\n bye ", "secret": SECRET}
    )

    assert answer.headers["Location"] == page_of(environment, "parrot")
    row = Source.objects.get()
    assert row.options == {"shouts": False, "voice": "soft", "words": ["hello", "bye"], "cage": ""}
    assert encryption.decrypt(row.secret, context=row.secret_context) == SECRET
    assert AuditEntry.objects.get(action="source.added").actor_name == "alice@example.com"


def test_what_does_not_fit_is_said_and_changes_nothing(alices: Client, parrot: Parrot) -> None:
    environment = make_environment()
    values = {"option-shouts": "on", "option-voice": "soft", "option-cage": "kitchen", "secret": SECRET}

    page = sent(alices, environment, "parrot", **values)

    assert page.status_code == 422
    assert TOO_LOUD in text_of(page)
    assert ticked(page, "option-voice") == ["soft"]
    assert value_of(page, "option-cage") == "kitchen"
    assert SECRET not in page.content.decode()
    assert not Source.objects.exists()


def test_a_member_sets_up_what_an_admin_does(somebody: Client) -> None:
    environment = make_environment()
    assert sent(somebody, environment, "watson", secret=SECRET).status_code == 302
    assert Source.objects.get().options == dict.fromkeys(WATSON_FLAGS, False)


def test_a_secret_is_never_shown_again_and_an_empty_field_keeps_it(alices: Client) -> None:
    environment = make_environment()
    sent(alices, environment, "watson", secret=SECRET)
    token = Source.objects.get().secret

    page = alices.get(page_of(environment, "watson"))
    assert "A secret is set." in text_of(page)
    assert SECRET not in page.content.decode()
    assert token not in page.content.decode()
    assert value_of(page, "secret") == ""

    sent(alices, environment, "watson", **{"option-stateless": "on"})
    row = Source.objects.get()
    assert (row.secret, row.options["stateless"]) == (token, True)
    assert SECRET not in alices.get("/audit/").content.decode()


def test_a_form_made_before_somebody_elses_change_changes_nothing(alices: Client) -> None:
    environment = make_environment()
    seen = setup.fingerprint(None)
    set_up(environment, "watson", stateless=True)

    page = sent(alices, environment, "watson", seen=seen, secret="another made-up secret")

    assert page.status_code == 422
    assert "Somebody else changed this source in the meantime." in text_of(page)
    row = Source.objects.get()
    assert row.options["stateless"]
    assert encryption.decrypt(row.secret, context=row.secret_context) == SECRET


def test_the_first_set_up_in_live_needs_no_reason_a_later_change_does(alices: Client) -> None:
    live = make_environment("live")
    assert sent(alices, live, "watson", secret=SECRET).status_code == 302

    refused = sent(alices, live, "watson", **{"option-stateless": "on"})
    assert refused.status_code == 422
    assert "Say why: changes in live keep their reason." in text_of(refused)
    assert not Source.objects.get().options["stateless"]

    assert sent(alices, live, "watson", **{"option-stateless": "on", "reason": "New client"}).status_code == 302
    assert AuditEntry.objects.get(action="source.changed").reason == "New client"


def test_the_secret_is_removed_on_a_page_that_asks(alices: Client) -> None:
    environment = make_environment()
    set_up(environment, "watson")
    path = page_of(environment, "watson", "secret")
    assert path in alices.get(page_of(environment, "watson")).content.decode()
    assert "nothing that is signed with it is taken any more" in text_of(alices.get(path))
    assert Source.objects.get().secret

    assert alices.post(path, {"reason": "It leaked"}).status_code == 302
    assert Source.objects.get().secret == ""


def test_in_live_the_secret_goes_only_with_a_reason_and_the_name_typed(alices: Client) -> None:
    live = make_environment("live")
    set_up(live, "watson")
    path = page_of(live, "watson", "secret")

    for values in ({}, {"reason": "It leaked"}, {"reason": "It leaked", "confirmation": "Draft"}):
        assert alices.post(path, values).status_code == 422
    assert Source.objects.get().secret
    assert alices.post(path, {"reason": "It leaked", "confirmation": "Live"}).status_code == 302
    assert Source.objects.get().secret == ""


def test_a_new_key_stands_in_all_that_is_to_be_pasted_and_once(alices: Client) -> None:
    environment = make_environment()
    before = unescape(alices.get(page_of(environment, "otlp")).content.decode())
    assert "authorization=Bearer%20YOUR_INGEST_KEY" in before

    page = alices.post(page_of(environment, "otlp", "key"))

    key = IngestKey.objects.get()
    told = unescape(page.content.decode())
    text = "slu_draft_" + told.split("slu_draft_")[1].split("<")[0]
    assert bytes(key.digest) == keys.digest(text)
    assert (key.label, key.environment) == ("OpenTelemetry", environment)
    assert f"authorization=Bearer%20{text}" in told
    assert "YOUR_INGEST_KEY" not in told
    assert page.headers["Cache-Control"] == "no-store"
    assert "slu_draft_" not in alices.get(page_of(environment, "otlp")).content.decode()
    assert "Draft has 1 active key : OpenTelemetry." in text_of(alices.get(page_of(environment, "otlp")))


@pytest.mark.parametrize("action", ["settings", "key"])
def test_what_changes_something_takes_a_post(alices: Client, action: str) -> None:
    assert alices.get(page_of(make_environment(), "watson", action)).status_code == 405


def test_a_source_by_rules_sums_them_up(alices: Client) -> None:
    environment = make_environment()

    page = alices.get(page_of(environment, "twilio"))
    words = text_of(page)
    assert "Rules As shipped" in words
    assert "Basic authorization, with the secret as password" in words
    assert "Conversation Started Message Sent Message Received Conversation Ended" in words
    assert page_of(environment, "twilio", "rules") in page.content.decode()

    set_up(environment, "twilio", config={"verify": {"kind": "none"}, "rules": []})
    words = text_of(alices.get(page_of(environment, "twilio")))
    assert "Rules Your own" in words
    assert "No event yet: there is no rule" in words
    assert "The rules were changed. What follows is for the rules as they are shipped." in words


# --- Payloads ---


def test_a_payload_is_shown_whole_with_its_headers_and_what_became_of_it(somebody: Client) -> None:
    environment = make_environment()
    payload = make_payload(environment, body={"text": "<b>Grüße</b>"}, headers={"ce-type": "message"}, events=2)

    page = somebody.get(page_of(environment, "custom", f"payloads/{payload.pk}"))

    assert '{\n  "text": "<b>Grüße</b>"\n}' in unescape(page.content.decode())
    assert "<b>Grüße" not in page.content.decode()
    words = text_of(page)
    assert "Became events" in words
    assert "2 events came of it." in words
    assert "ce-type message" in words


@pytest.mark.parametrize(
    ("body", "shown"),
    [(b"no JSON \xff at all", "no JSON \N{REPLACEMENT CHARACTER} at all"), (b"", ""), (b"[" * 100_000, "[[[[")],
)
def test_a_payload_that_is_no_json_is_shown_as_it_is(alices: Client, body: bytes, shown: str) -> None:
    environment = make_environment()
    payload = make_payload(environment, body=body, events=0, error="The body is not valid JSON.")

    page = alices.get(page_of(environment, "custom", f"payloads/{payload.pk}"))

    assert page.status_code == 200
    assert shown in unescape(page.content.decode())
    assert "Could not be read The body is not valid JSON." in text_of(page)


def test_a_very_long_payload_is_cut(alices: Client) -> None:
    environment = make_environment()
    payload = make_payload(environment, body={"text": "x" * 300_000})
    page = alices.get(page_of(environment, "custom", f"payloads/{payload.pk}"))
    assert "Only the beginning is shown." in text_of(page)
    assert len(page.content) < 230_000


def test_a_payload_is_found_only_where_it_belongs(alices: Client) -> None:
    environment, other = make_environment(), make_environment()
    payload = make_payload(environment)

    assert alices.get(page_of(environment, "custom", f"payloads/{payload.pk}")).status_code == 200
    assert alices.get(page_of(other, "custom", f"payloads/{payload.pk}")).status_code == 404
    assert alices.get(page_of(environment, "rasa", f"payloads/{payload.pk}")).status_code == 404
    assert alices.get(page_of(environment, "custom", f"payloads/{payload.pk + 1}")).status_code == 404


def test_a_stranger_sees_neither_payloads_nor_sources(client: Client) -> None:
    environment = make_environment()
    payload = make_payload(environment)
    for path in ("", "watson/", "custom/rules/", f"custom/payloads/{payload.pk}/"):
        answer = client.get(f"{page_of(environment)}{path}")
        assert answer.url == f"/sign-in/?next={page_of(environment)}{path}"


# --- Names of derived events ---


def test_the_page_of_names_explains_each_choice(alices: Client) -> None:
    environment = make_environment()

    page = alices.get(reverse("sources:vocabulary", args=[environment.public_id]))

    assert ticked(page, "vocabulary") == ["native"]
    words = text_of(page)
    assert "The assistant answers Message Handled Message Received" in words
    assert "The customer writes the first message – Conversation Started, Message Sent" in words
    assert "IBM watsonx Assistant IBM watsonx Assistant OpenTelemetry AI copilot" in words


def test_names_are_chosen_in_draft_at_once(somebody: Client) -> None:
    environment = make_environment()
    path = reverse("sources:vocabulary", args=[environment.public_id])

    answer = somebody.post(path, {"vocabulary": "both"})

    assert answer.headers["Location"] == page_of(environment)
    environment.refresh_from_db()
    assert environment.vocabulary == "both"
    assert "Both. What comes through Segment's libraries or by rules" in text_of(somebody.get(page_of(environment)))


def test_names_in_live_change_with_a_reason_and_the_name_typed(alices: Client) -> None:
    live = make_environment("live")
    path = reverse("sources:vocabulary", args=[live.public_id])

    for values in ({}, {"reason": "New reports"}, {"confirmation": "Live"}):
        assert alices.post(path, {"vocabulary": "ibm", **values}).status_code == 422
    live.refresh_from_db()
    assert live.vocabulary == "native"
    alices.post(path, {"vocabulary": "ibm", "reason": "New reports", "confirmation": "Live"})
    live.refresh_from_db()
    assert live.vocabulary == "ibm"
    assert AuditEntry.objects.get(action="environment.vocabulary_chosen").reason == "New reports"


def test_an_unknown_vocabulary_changes_nothing(alices: Client) -> None:
    environment = make_environment()
    path = reverse("sources:vocabulary", args=[environment.public_id])
    assert alices.post(path, {"vocabulary": "klingon"}).status_code == 422
    environment.refresh_from_db()
    assert environment.vocabulary == "native"
