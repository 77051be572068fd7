"""`manage.py import_rasa`: a file of events is stored once, however often it is imported, and faults are named."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from assistants import log
from assistants.intake.imports import LINES_PER_TRANSACTION, import_lines
from assistants.intake.setups import look_up
from assistants.models import Environment, Refusal, SourceTally
from assistants.sources.rasa import Rasa
from tests.assistants.sources.reading import load
from tests.make import make_assistant, make_environment

OPENING = load("rasa/opening.json").body
NAMES = [
    "Session Started",
    "Conversation Started",
    "Message Sent",
    "Action Started",
    "Action Invoked",
    "Action Completed",
    "Message Received",
    "Message Handled",
    "Component Loaded",
]


def written(path: Path, *lines: Any) -> str:
    file = path / "events.ndjson"
    file.write_bytes(
        b"".join((each if isinstance(each, bytes) else json.dumps(each).encode()) + b"\n" for each in lines)
    )
    return str(file)


def run(environment: Environment, file: str) -> str:
    out = StringIO()
    call_command("import_rasa", environment.assistant.name.upper(), "Draft", file, stdout=out)
    return out.getvalue()


def names(environment: Environment) -> list[str]:
    return [event.name for event in log.read(environment.pk, after=0, limit=10_000)]


@pytest.mark.django_db(transaction=True)
def test_a_file_is_stored_once_however_often_it_is_imported(tmp_path: Path) -> None:
    environment = make_environment()
    file = written(tmp_path, *OPENING)

    assert run(environment, file) == "Done: 8 lines, 9 new events.\n"
    assert run(environment, file) == "Done: 8 lines, 0 new events.\n"
    assert names(environment) == NAMES


@pytest.mark.django_db(transaction=True)
def test_lines_that_cannot_be_read_are_counted_and_do_not_spoil_their_neighbours(tmp_path: Path) -> None:
    environment = make_environment()
    file = written(tmp_path, OPENING[1], b"{", b"\xff", b"", {"event": "user"}, OPENING[3])

    assert run(environment, file) == (
        "Done: 5 lines, 3 new events. "
        "3 cannot be read, such as: The body is not valid JSON: Input data was truncated.\n"
    )
    assert names(environment) == NAMES[:3]
    assert sum(refusal.count for refusal in Refusal.objects.filter(source="rasa")) == 3


@pytest.mark.django_db(transaction=True)
def test_an_import_is_no_request_that_was_taken(tmp_path: Path) -> None:
    environment = make_environment()

    run(environment, written(tmp_path, OPENING[1], {**OPENING[1], "event": "dream"}))

    assert [tally.code for tally in SourceTally.objects.all()] == ["unknown_event"]


@pytest.mark.django_db(transaction=True)
def test_a_long_file_is_stored_in_many_transactions() -> None:
    environment = make_environment()
    setup = look_up(Rasa(), environment.pk)
    assert setup
    lines = [json.dumps({**OPENING[1], "timestamp": 1795304358 + n}).encode() for n in range(450)]

    imported = list(import_lines(lines, Rasa(), setup))

    assert [(each.lines, each.stored) for each in imported] == [(200, 200), (200, 200), (50, 50)]
    assert LINES_PER_TRANSACTION == 200


@pytest.mark.django_db(transaction=True)
def test_what_does_not_exist_is_named(tmp_path: Path) -> None:
    environment = make_environment(assistant=make_assistant(name="Care"))

    with pytest.raises(CommandError, match=r"missing\.log cannot be read: No such file or directory"):
        run(environment, str(tmp_path / "missing.log"))
    with pytest.raises(CommandError, match="No assistant is named 'Nobody'"):
        call_command("import_rasa", "Nobody", "draft", "x")
