"""The declarative set-up: what a file makes stand, that applying twice changes nothing, and what it refuses."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import CommandError, call_command

from assistants.encryption import decrypt
from assistants.models import Assistant, AuditEntry
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
                        "source_urls": {},
                        "segment": {"status": "active", "version": 1},
                    },
                    "live": {
                        "public_id": live.public_id,
                        "source_urls": {},
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
    assert own.versions.get().selection == [
        ["track", "Action Completed"],
        ["track", "Action Started"],
        ["track", "Message Handled"],
        ["track", "Session Started"],
    ]


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
