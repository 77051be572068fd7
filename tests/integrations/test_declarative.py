"""The declarative set-up: what a file makes stand, that applying twice changes nothing, and what it refuses."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import CommandError, call_command

from assistants import catalog, sources
from assistants.encryption import decrypt
from assistants.models import Assistant, AuditEntry, Environment, Source
from assistants.sources import setup
from integrations.declarative_file import FileError, read_file
from integrations.models import Connection

FILE = """\
assistants:
  - name: Customer Care
    language: en
    account_id: "a1b2"
    environments:
      draft:
        segment:
          write_key: {env: KEY_DRAFT}
          region: eu
          events: [Message Handled, identify]
      live:
        segment:
          write_key: plain-key
          region: https://collect.example.com/
          source_name: Care (live)
          events: all
"""

pytestmark = pytest.mark.django_db


@pytest.fixture
def apply(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("KEY_DRAFT", "draft-key")

    def run(text: str) -> Any:
        file = tmp_path / "sluice.yaml"
        file.write_text(text)
        call_command("apply", str(file))
        return json.loads(capsys.readouterr().out)

    return run


def source_urls(environment: Environment) -> dict[str, str]:
    kinds = ("watson", "rasa", "chatwoot", "twilio", "dialogflow", "intercom", "custom", "helloworld")
    return {"otlp": "/otlp"} | {kind: f"/sources/{kind}/{environment.public_id}" for kind in kinds}


def test_a_file_makes_assistants_environments_and_connections(apply: Any) -> None:
    standing = apply(FILE)
    assistant = Assistant.objects.get()
    draft, live = (assistant.environments.get(name=name) for name in ("draft", "live"))
    assert standing == {
        "assistants": [
            {
                "name": "Customer Care",
                "environments": {
                    "draft": {
                        "public_id": draft.public_id,
                        "source_urls": source_urls(draft),
                        "segment": {"status": "active", "version": 1},
                    },
                    "live": {
                        "public_id": live.public_id,
                        "source_urls": source_urls(live),
                        "segment": {"status": "active", "version": 1},
                    },
                },
            }
        ]
    }
    assert (assistant.language, assistant.account_id, assistant.service_instance) == ("en", "a1b2", "")
    connection = draft.connections.get()
    assert decrypt(connection.write_key, context=connection.secret_context) == "draft-key"
    assert connection.settings == {"region": "eu"}
    assert connection.versions.get().selection == [["identify", ""], ["track", "Message Handled"]]
    own = live.connections.get()
    assert (own.settings, own.source_name) == (
        {"region": "custom", "endpoint": "https://collect.example.com"},
        "Care (live)",
    )
    assert own.versions.get().selection == sorted(list(entry.key) for entry in catalog.entries())
    assert ["track", "Live Chat Message Sent"] in own.versions.get().selection
    assert {type_ for type_, _ in own.versions.get().selection} == {"track"}


def test_applying_twice_changes_nothing(apply: Any) -> None:
    first = apply(FILE)
    entries = AuditEntry.objects.count()
    assert apply(FILE) == first
    assert AuditEntry.objects.count() == entries


def test_a_changed_file_changes_what_it_names_and_leaves_the_rest(apply: Any) -> None:
    apply(FILE)
    live = Connection.objects.get(environment__name="live")
    changed = """\
assistants:
  - name: customer care
    environments:
      draft:
        segment: {write_key: new-key, region: us, events: [Session Started]}
"""
    standing = apply(changed)
    assert standing["assistants"][0]["environments"]["draft"]["segment"] == {"status": "active", "version": 2}
    draft = Connection.objects.get(environment__name="draft")
    assert decrypt(draft.write_key, context=draft.secret_context) == "new-key"
    assert Assistant.objects.get().language == "en"
    assert Connection.objects.get(pk=live.pk).settings == live.settings


def test_an_export_can_be_applied_and_holds_no_key(
    apply: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = apply(FILE)
    call_command("export")
    exported = capsys.readouterr().out
    assert "draft-key" not in exported
    assert "plain-key" not in exported
    segment = yaml.safe_load(exported)["assistants"][0]["environments"]["live"]["segment"]
    assert segment["write_key"] == {"env": "SEGMENT_KEY_CUSTOMER_CARE_LIVE"}
    monkeypatch.setenv("SEGMENT_KEY_CUSTOMER_CARE_DRAFT", "draft-key")
    monkeypatch.setenv("SEGMENT_KEY_CUSTOMER_CARE_LIVE", "plain-key")
    entries = AuditEntry.objects.count()
    assert apply(exported) == first
    assert AuditEntry.objects.count() == entries


def test_live_without_draft_names_the_line_and_changes_nothing(apply: Any) -> None:
    text = """\
assistants:
  - name: Care
    environments:
      live:
        segment:
          write_key: k
          events: all
"""
    with pytest.raises(CommandError, match=r"line 6: live of “Care” cannot be connected before draft") as error:
        apply(text)
    assert "Nothing was changed." in str(error.value)
    assert Assistant.objects.count() == 0


def with_segment(members: str) -> str:
    """A file whose fifth line is the segment section of a draft environment."""
    return f"assistants:\n- name: A\n  environments:\n    draft:\n      segment: {{{members}}}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: the file is empty"),
        ("assistants: [", "line 1: this is not YAML: expected the node content, but found '<stream end>'"),
        ("assistant: []", "line 1: the file has no “assistant”; known are assistants"),
        ("assistants: {}", "line 1: “assistants” must be a list"),
        ("assistants:\n- language: en", "line 2: an assistant needs a name"),
        (
            "assistants:\n- name: A\n  colour: red",
            "line 3: an assistant has no “colour”; known are account_id, environments, language, name, "
            "service_instance, vendor_assistant_id",
        ),
        (
            "assistants:\n- name: A\n  environments:\n    dr aft: {}",
            "line 4: “dr aft” is no name for an environment: use letters, digits, - and _",
        ),
        (with_segment("events: all"), "line 5: segment needs a write_key"),
        (with_segment("write_key: k"), "line 5: segment needs events: a list, or all"),
        (with_segment("write_key: k, events: []"), "line 5: select at least one event"),
        (with_segment("write_key: k, events: [Nope]"), "line 5: the catalog has no event “Nope”"),
        (with_segment("write_key: k k, events: all"), "line 5: write_key must not be empty or contain spaces"),
        (with_segment("write_key: {env: NOPE}, events: all"), "line 5: the environment variable NOPE is not set"),
        (
            with_segment("write_key: k, region: mars, events: all"),
            "line 5: “mars” is no region; known are us, eu, sandbox, or a URL",
        ),
        ("assistants:\n- name: A\n  name: B", "line 3: “name” is there twice"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str, message: str) -> None:
    with pytest.raises(FileError) as error:
        read_file(text, environ={})
    assert str(error.value) == message


def test_the_sandbox_needs_no_key() -> None:
    segment = read_file(with_segment("region: sandbox, events: all"), environ={})[0].environments[0].segment
    assert segment is not None
    assert (segment.write_key, segment.settings) == ("sandbox", {"region": "sandbox"})


SOURCES = """\
assistants:
  - name: Care
    environments:
      draft:
        vocabulary: both
        sources:
          watson: {secret: {env: WATSON_SECRET}, stateless: true}
          otlp:
            feedback_names: [thumbs, stars]
          rasa:
          custom:
            secret: a made-up secret
            config:
              verify: {kind: header, header: X-API-Key}
              unwrap: {kind: array}
              rules:
                - when: type == 'message'
                  event: Message Sent
                  fields: {conversationId: conversation, messageId: id, timestamp: at}
                  types: {timestamp: epoch_s}
"""
WATSON_DEFAULTS = {
    "stateless": False,
    "steps_as_objects": False,
    "device_from_user_agent": False,
    "hash_user_ids": False,
    "web_chat_ids_are_anonymous": False,
}


@pytest.fixture
def _watson_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATSON_SECRET", "another made-up secret")


def options_by_kind() -> dict[str, Any]:
    rows = [(row, sources.find(row.kind)) for row in Source.objects.all()]
    return {row.kind: setup.saved_options(adapter, row) for row, adapter in rows if adapter}


@pytest.mark.usefixtures("_watson_secret")
def test_a_file_sets_up_sources_and_the_vocabulary(apply: Any) -> None:
    standing = apply(SOURCES)

    draft = Environment.objects.get(name="draft")
    assert standing["assistants"][0]["environments"]["draft"]["source_urls"] == source_urls(draft)
    assert draft.vocabulary == "both"
    kept = options_by_kind()
    assert set(kept) == {"watson", "otlp", "rasa", "custom"}
    assert kept["watson"].items() >= {**WATSON_DEFAULTS, "stateless": True}.items()
    assert kept["otlp"]["feedback_names"] == ["thumbs", "stars"]
    assert kept["custom"]["config"] == {
        "verify": {"kind": "header", "header": "X-API-Key"},
        "unwrap": {"kind": "array"},
        "rules": [
            {
                "when": "type == 'message'",
                "event": "Message Sent",
                "fields": {"conversationId": "conversation", "messageId": "id", "timestamp": "at"},
                "types": {"timestamp": "epoch_s"},
            }
        ],
    }
    secrets = {row.kind: decrypt(row.secret, context=row.secret_context) for row in Source.objects.exclude(secret="")}
    assert secrets == {"watson": "another made-up secret", "custom": "a made-up secret"}
    assert AuditEntry.objects.filter(action="source.added").count() == 4


@pytest.mark.usefixtures("_watson_secret")
def test_sources_applied_twice_change_nothing(apply: Any) -> None:
    first = apply(SOURCES)
    entries = AuditEntry.objects.count()
    tokens = set(Source.objects.values_list("secret", flat=True))

    assert apply(SOURCES) == first

    assert AuditEntry.objects.count() == entries
    assert set(Source.objects.values_list("secret", flat=True)) == tokens


@pytest.mark.usefixtures("_watson_secret")
def test_what_a_file_does_not_name_of_a_source_stays(apply: Any) -> None:
    apply(SOURCES)
    token = Source.objects.get(kind="watson").secret
    apply(with_sources("watson: {hash_user_ids: true}", name="Care"))

    watson = Source.objects.get(kind="watson")
    assert watson.options.items() >= {**WATSON_DEFAULTS, "stateless": True, "hash_user_ids": True}.items()
    assert watson.secret == token
    assert Environment.objects.get(name="draft").vocabulary == "both"
    assert set(options_by_kind()) == {"watson", "otlp", "rasa", "custom"}


@pytest.mark.usefixtures("_watson_secret")
def test_an_export_of_sources_can_be_applied_and_holds_no_secret(
    apply: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    apply(SOURCES)
    before = options_by_kind()
    Source.objects.create(environment=Environment.objects.get(name="draft"), kind="chatwoot")
    call_command("export")
    exported = capsys.readouterr().out

    assert "made-up" not in exported
    draft = yaml.safe_load(exported)["assistants"][0]["environments"]["draft"]
    assert draft["vocabulary"] == "both"
    assert draft["sources"]["watson"]["secret"] == {"env": "WATSON_SECRET_CARE_DRAFT"}
    assert "chatwoot" not in draft["sources"]
    monkeypatch.setenv("WATSON_SECRET_CARE_DRAFT", "another made-up secret")
    monkeypatch.setenv("CUSTOM_SECRET_CARE_DRAFT", "a made-up secret")
    entries = AuditEntry.objects.count()
    apply(exported)
    assert AuditEntry.objects.count() == entries
    assert {kind: options for kind, options in options_by_kind().items() if kind != "chatwoot"} == before


def with_sources(members: str, *, name: str = "A") -> str:
    """A file whose sixth line is one source of a draft environment."""
    return f"assistants:\n- name: {name}\n  environments:\n    draft:\n      sources:\n        {members}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            with_sources("parrot: {}"),
            "line 6: there is no source “parrot”; known are watson, otlp, langfuse, rasa, chatwoot, twilio, "
            "dialogflow, intercom, custom, helloworld",
        ),
        (with_sources("rasa: {secret: x}"), "line 6: source rasa has no “secret”; known are pause_is_handover"),
        (with_sources("watson: {stateless: perhaps}"), "line 6: “stateless” must be true or false"),
        (with_sources("watson: {secret: {env: NOPE}}"), "line 6: the environment variable NOPE is not set"),
        (with_sources("otlp: {feedback_names: thumbs}"), "line 6: “feedback_names” must be a list"),
        (
            "assistants:\n- name: A\n  environments:\n    draft:\n      vocabulary: klingon",
            "line 5: “vocabulary” must be one of native, ibm, copilot, both",
        ),
    ],
)
def test_what_is_wrong_with_sources_is_said_with_its_line(text: str, message: str) -> None:
    with pytest.raises(FileError) as error:
        read_file(text, environ={})
    assert str(error.value) == message


def test_rules_that_cannot_be_used_name_the_line_and_the_place_and_change_nothing(apply: Any) -> None:
    rules = "{rules: [{event: Message Sent, fields: {messageId: 'nope('}}]}"

    with pytest.raises(CommandError, match=r"line 6: source custom: rule 1, field messageId: is not complete\."):
        apply(with_sources(f"custom: {{config: {rules}}}"))

    assert not Source.objects.exists()
    assert not Assistant.objects.exists()
