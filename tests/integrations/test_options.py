"""A connection's options: in files, in the audit trail, and in words."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import call_command

from assistants.models import AuditEntry
from integrations import connections, options
from integrations.declarative_file import FileError, read_file
from integrations.models import Connection
from integrations.terms import compose_terms
from tests.make import make_connection

FILE = """\
assistants:
  - name: Care
    environments:
      draft:
        segment:
          region: sandbox
          events: all
          options:
            message_body: true
            steps_as_objects: false
"""

pytestmark = pytest.mark.django_db


def apply(text: str, folder: Path) -> Any:
    file = folder / "sluice.yaml"
    file.write_text(text)
    call_command("apply", str(file))
    return connections.version_in_force(Connection.objects.get()).options


def test_a_file_sets_the_options_that_it_names(tmp_path: Path) -> None:
    assert apply(FILE, tmp_path) == {"message_body": True, "steps_as_objects": False}
    assert apply(FILE.replace("message_body: true", "ab_names: true"), tmp_path) == {
        "message_body": True,
        "steps_as_objects": False,
        "ab_names": True,
    }
    assert apply(FILE.partition("          options:")[0], tmp_path)["message_body"] is True


def test_the_option_that_stood_beside_the_events_is_still_taken_there(tmp_path: Path) -> None:
    flat = FILE.replace("          options:", "          anonymous_sessions: true\n          options:")

    assert apply(flat, tmp_path)["anonymous_sessions"] is True


def test_what_is_exported_can_be_applied_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = apply(FILE, tmp_path)
    capsys.readouterr()
    call_command("export")
    exported = capsys.readouterr().out

    segment = yaml.safe_load(exported)["assistants"][0]["environments"]["draft"]["segment"]
    assert segment["options"] == before
    key = "SEGMENT_KEY_CARE_DRAFT"
    (plan,) = read_file(exported, environ={key: "sandbox"})
    assert plan.environments[0].segment is not None
    assert plan.environments[0].segment.options == before


def test_events_that_go_once_are_named_in_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    once = FILE.replace("steps_as_objects: false", "once: [Message Sent, conversion triggered]")

    assert apply(once, tmp_path)["once"] == [["track", "Message Sent"], ["track", "Conversion Triggered"]]
    capsys.readouterr()
    call_command("export")
    segment = yaml.safe_load(capsys.readouterr().out)["assistants"][0]["environments"]["draft"]["segment"]
    assert segment["options"]["once"] == ["Message Sent", "Conversion Triggered"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("message_text: true", "options has no “message_text”"),
        ("message_body: perhaps", "“message_body” must be true or false"),
        ("once: Message Sent", "“once” must be a list"),
        ("once: [Message Sung]", "the catalog has no event “Message Sung”"),
    ],
)
def test_an_option_that_cannot_be_is_named_with_its_line(line: str, message: str) -> None:
    with pytest.raises(FileError, match="line 9: ") as error:
        read_file(FILE.replace("message_body: true", line))

    assert message in str(error.value)


def test_options_that_change_are_in_the_audit_trail() -> None:
    connection = make_connection(message_body=True, ab_names=True)

    connections.select_events(
        connection,
        connections.selection_of(connection),
        by=None,
        options={"message_body": False, "ab_names": True, "steps_as_objects": True},
    )

    entry = AuditEntry.objects.get(action="connection.events_selected")
    assert json.loads(json.dumps(entry.details)) == {
        "version": 2,
        "switched_on": [],
        "switched_off": [],
        "options": {"message_body": False, "steps_as_objects": True},
    }


def test_composing_follows_the_options_of_a_version() -> None:
    connection = make_connection(message_body=True, leave_out_schema_faults=True)
    terms = compose_terms(connection, connections.version_in_force(connection))

    assert terms.leave_out_schema_faults
    assert ("track", "Live Chat Message Sent") not in terms.shapes
    assert ("track", "Message Handled") in terms.shapes


def test_an_option_reads_either_way() -> None:
    words = {standing.option.name: standing.words for standing in options.standings({"message_body": True})}

    assert words["message_body"] == "Message texts are sent"
    assert words["steps_as_objects"] == "Steps are sent as texts"
    assert list(words)[: len(options.NAMES)] == list(options.NAMES)
