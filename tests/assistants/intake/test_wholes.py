"""Parts are held until their whole is complete, and then become events: once, all of them or none, whoever derives."""

import json
import logging
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction

from assistants import log
from assistants.derive_events import families
from assistants.held import LONGEST_HOLD
from assistants.intake import derivation, wholes
from assistants.intake.derivation import Derivation, Terms
from assistants.intake.wholes import derive_due
from assistants.lifecycle import delete_assistant
from assistants.log import Append
from assistants.models import Conversation, Environment, HeldPart, LogHead, Refusal, SourceTally
from assistants.sources import find
from assistants.sources.adapter import AssistantIdentity, Fact, Kind, Part, Setup
from tests.assistants.intake.conftest import Sender, stored
from tests.assistants.intake.outages import hidden_table
from tests.assistants.logs import in_threads
from tests.assistants.sources import exports
from tests.make import make_environment

AT = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
# A source that holds parts, as far as these tests go: what it reads from them is said below.
KIND = "helloworld"
HOLD_SECONDS = 2.0
KEEP = timedelta(seconds=60)


@pytest.fixture(autouse=True)
def source_that_holds(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the smallest source read a whole as one message in and one out: the words of its parts, joined."""
    adapter = find(KIND)
    assert adapter
    monkeypatch.setattr(type(adapter), "read_whole", read_whole)


def read_whole(_: Any, parts: Sequence[Part], setup: Setup) -> list[Fact]:
    words = [json.loads(part.body)["word"] for part in parts]
    if "break" in words:
        raise KeyError("word")
    common = {"conversation_id": parts[0].whole_id, "at": "2026-11-22T10:00:00Z", "user_id": "u"}
    facts = [Fact(kind=Kind.MESSAGE_IN, source_id=f"{parts[0].whole_id} in", text=words[0], **common)]
    if len(words) > 1:
        text = f"{setup.environment_name}: {' '.join(words)}"
        facts.append(Fact(kind=Kind.MESSAGE_OUT, source_id=f"{parts[0].whole_id} {len(words)}", text=text, **common))
    return facts


def hold(environment: Environment, whole: str, *words: str, at: datetime = AT, seconds: float | None = None) -> None:
    parts = [Part(whole, f"{whole} {word}", json.dumps({"word": word}).encode(), seconds) for word in words]
    brought = Derivation(
        environment.pk,
        Terms(KIND, families("copilot", "copilot"), False, environment.name, AssistantIdentity()),
        at,
        parts=parts,
        hold_seconds=HOLD_SECONDS,
    )
    with transaction.atomic():
        derivation.append([Append(environment.pk, KIND, at, [])], [brought])


def texts(environment: Environment) -> list[str]:
    """The texts of the messages in the log, in order."""
    events = log.read(environment.pk, after=0, limit=1000)
    found = [json.loads(bytes(event.message.properties)) for event in events if event.message]  # type: ignore[arg-type]
    return [properties["message_body"] for properties in found if "message_body" in properties]


def due(whole_rows: Any = None) -> set[timedelta]:
    return {row.due_at - AT for row in whole_rows or HeldPart.objects.all()}


def test_a_whole_waits_for_more_parts_and_is_derived_once_it_rests() -> None:
    environment = make_environment()
    hold(environment, "w", "one")
    hold(environment, "w", "two", "three", at=AT + SECOND)

    assert due() == {3 * SECOND}
    assert derive_due(AT + 2.9 * SECOND) == 0
    assert derive_due(AT + 3 * SECOND) == 1

    assert texts(environment) == ["one", "draft: one two three"]
    assert {event.source for event in log.read(environment.pk, after=0, limit=10)} == {KIND}


def test_wholes_wait_each_for_itself() -> None:
    environment, other = make_environment(), make_environment()
    hold(environment, "a", "one", "two")
    hold(environment, "b", "three", at=AT + SECOND)
    hold(other, "a", "four")

    assert derive_due(AT + 2 * SECOND) == 2
    assert (texts(environment), texts(other)) == (["one", "draft: one two"], ["four"])
    assert derive_due(AT + 3 * SECOND) == 1
    assert texts(environment) == ["one", "draft: one two", "three"]


def test_a_part_that_comes_again_is_held_once_and_moves_nothing() -> None:
    environment = make_environment()
    hold(environment, "w", "one", "one")
    hold(environment, "w", "one", at=AT + SECOND)

    assert HeldPart.objects.count() == 1
    assert due() == {2 * SECOND}
    assert SourceTally.objects.get().count == 2


def test_a_whole_that_never_rests_is_derived_after_the_longest_hold() -> None:
    environment = make_environment()
    for number in range(40):
        hold(environment, "w", f"word {number}", at=AT + number * SECOND)
        if number < 29:
            assert due() == {(number + 2) * SECOND if number < 28 else LONGEST_HOLD}
        derive_due(AT + number * SECOND)

    assert texts(environment)[0] == "word 0"
    # Derived for the first time after thirty seconds, with what there was.
    assert texts(environment)[1].endswith("word 29 word 30")


def test_a_part_may_ask_for_a_time_of_its_own() -> None:
    environment = make_environment()
    hold(environment, "w", "one", seconds=8.0)
    assert due() == {8 * SECOND}
    hold(environment, "w", "two", seconds=0.5)
    assert due() == {0.5 * SECOND}
    hold(environment, "later", "one", seconds=3600.0)

    assert derive_due(AT + 0.5 * SECOND) == 1
    assert due(HeldPart.objects.exclude(due_at__lte=AT + 100 * SECOND)) == {timedelta(hours=1)}


def test_what_comes_late_is_read_together_with_all_before_it() -> None:
    environment = make_environment()
    hold(environment, "w", "one", "two")
    derive_due(AT + 2 * SECOND)

    hold(environment, "w", "three", at=AT + 40 * SECOND)
    assert due() == {42 * SECOND}
    assert derive_due(AT + 42 * SECOND) == 1

    # What was told of before is not told again.
    assert texts(environment) == ["one", "draft: one two", "draft: one two three"]


def test_a_whole_goes_when_nothing_comes_any_more() -> None:
    environment = make_environment()
    hold(environment, "w", "one", "two")
    derive_due(AT + 2 * SECOND)

    assert due() == {KEEP}
    assert derive_due(AT + KEEP - SECOND) == 0
    assert HeldPart.objects.count() == 1
    assert derive_due(AT + KEEP) == 0
    assert HeldPart.objects.count() == 0
    assert len(texts(environment)) == 2


def test_a_sweep_that_was_away_for_long_derives_and_lets_go_at_once() -> None:
    environment = make_environment()
    hold(environment, "w", "one")

    assert derive_due(AT + timedelta(hours=1)) == 1

    assert (texts(environment), HeldPart.objects.count()) == (["one"], 0)


def test_what_cannot_be_read_is_said_and_keeps_nobody_waiting(caplog: pytest.LogCaptureFixture) -> None:
    environment = make_environment()
    hold(environment, "bad", "break")
    hold(environment, "good", "one")

    assert derive_due(AT + 2 * SECOND) == 2

    assert texts(environment) == ["one"]
    tally = SourceTally.objects.get(code="unreadable_whole")
    assert (tally.count, tally.detail) == (1, "What came in parts cannot be read together: KeyError.")
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR] == [
        "A whole of the source helloworld cannot be read."
    ]
    assert derive_due(AT + 3 * SECOND) == 0


def test_an_event_too_large_for_the_log_is_refused_by_itself() -> None:
    environment = make_environment()
    Environment.objects.filter(pk=environment.pk).update(vocabulary=Environment.Vocabulary.BOTH)
    hold(environment, "w" * 40_000, "one")

    derive_due(AT + 2 * SECOND)

    assert texts(environment) == []
    assert [(row.source, row.code, row.count) for row in Refusal.objects.all()] == [(KIND, "message_too_large", 2)]


def test_a_part_that_comes_again_beside_others_counts_once() -> None:
    environment = make_environment()
    hold(environment, "w", "one", "two")
    hold(environment, "w", "two", "three", at=AT + SECOND)

    assert derive_due(AT + 3 * SECOND) == 1
    assert texts(environment) == ["one", "draft: one two three"]


def test_a_whole_that_the_log_does_not_take_leaves_the_others_alone(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    environment = make_environment()
    for whole in ("a", "b", "c"):
        hold(environment, whole, "one", "two")
    sound = derivation.append

    def append(appends: Any, brought: Any, **options: Any) -> Any:
        if any(fact.conversation_id == "b" for each in brought for fact in each.facts):
            raise ZeroDivisionError
        return sound(appends, brought, **options)

    monkeypatch.setattr(derivation, "append", append)

    assert derive_due(AT + 2 * SECOND) == 2
    assert texts(environment) == ["one", "draft: one two", "one", "draft: one two"]
    assert "cannot be derived" in caplog.text
    assert derive_due(AT + 2 * SECOND) == 0


def test_what_is_held_for_nobody_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    gone, headless = make_environment(), make_environment()
    hold(gone, "w", "one")
    hold(headless, "w", "one")
    delete_assistant(gone.assistant, by=None)
    LogHead.objects.filter(environment=headless).delete()

    derive_due(AT + 2 * SECOND)

    assert HeldPart.objects.count() == 0


def test_parts_of_a_source_that_is_no_more_go() -> None:
    hold(make_environment(), "w", "one")
    HeldPart.objects.update(kind="forgotten")

    assert derive_due(AT + 2 * SECOND) == 0
    assert HeldPart.objects.count() == 0


def test_a_pass_derives_the_longest_due_first_and_no_more_than_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wholes, "WHOLES_PER_PASS", 2)
    environment = make_environment()
    for number in (3, 1, 2):
        hold(environment, f"w{number}", f"word {number}", at=AT + number * SECOND)

    assert derive_due(AT + 10 * SECOND) == 2
    assert texts(environment) == ["word 1", "word 2"]
    assert derive_due(AT + 10 * SECOND) == 1


def test_what_has_waited_goes_without_taking_a_share_of_the_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wholes, "WHOLES_PER_PASS", 2)
    environment = make_environment()
    for number in range(3):
        hold(environment, f"old {number}", f"old {number}")
    derive_due(AT + 2 * SECOND)
    derive_due(AT + 2 * SECOND)
    hold(environment, "new", "new", at=AT + KEEP)

    assert derive_due(AT + KEEP + 2 * SECOND) == 1
    assert [row.is_derived for row in HeldPart.objects.all()] == [True]
    assert texts(environment) == ["old 0", "old 1", "old 2", "new"]


def test_what_comes_late_makes_what_was_derived_due_again() -> None:
    environment = make_environment()
    hold(environment, "w", "one")
    derive_due(AT + 2 * SECOND)
    assert {row.is_derived for row in HeldPart.objects.all()} == {True}

    hold(environment, "w", "two", at=AT + 50 * SECOND)

    assert {(row.is_derived, row.due_at) for row in HeldPart.objects.all()} == {(False, AT + 52 * SECOND)}
    assert derive_due(AT + 52 * SECOND) == 1
    # The newest part says how long all of it stays.
    assert {(row.is_derived, row.due_at) for row in HeldPart.objects.all()} == {(True, AT + 50 * SECOND + KEEP)}


@pytest.mark.parametrize("table", ["assistants_block", "assistants_conversation", "assistants_eventkey"])
def test_an_outage_in_the_middle_stores_nothing_and_ends_by_itself(table: str) -> None:
    environment = make_environment()
    hold(environment, "w", "one")

    with hidden_table(table):
        # SQLite calls a missing table an outage, PostgreSQL a fault of the statement; there the parts are given up.
        if connection.vendor == "sqlite":
            with pytest.raises(OperationalError):
                derive_due(AT + 2 * SECOND)
            assert HeldPart.objects.count() == 1
        else:
            derive_due(AT + 2 * SECOND)

    assert (log.head(environment.pk), Conversation.objects.count()) == (0, 0)
    if connection.vendor == "sqlite":
        assert derive_due(AT + 2 * SECOND) == 1
        assert texts(environment) == ["one"]


def test_two_sweeps_at_once_derive_each_whole_once() -> None:
    environment = make_environment()
    for number in range(20):
        hold(environment, f"w{number}", f"word {number}")

    derived = in_threads(*[lambda: derive_due(AT + 2 * SECOND)] * 3)

    assert sorted(texts(environment)) == sorted(f"word {number}" for number in range(20))
    assert sum(int(str(count)) for count in derived) >= 20
    assert Conversation.objects.count() == 20


def test_parts_that_come_while_a_whole_is_derived_are_not_lost() -> None:
    environment = make_environment()
    stop = threading.Event()

    def send() -> None:
        for number in range(60):
            hold(environment, "w", f"word {number:02}", at=AT + number * SECOND)
        stop.set()

    def derive() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            derive_due(AT + number * SECOND)

    in_threads(send, derive)
    derive_due(AT + timedelta(minutes=1, seconds=15))

    assert HeldPart.objects.count() == 60
    assert texts(environment)[-1].split()[-1] == "59"


def test_spans_of_a_real_trace_become_events_when_it_rests(sender: Sender) -> None:
    document = exports.payload("otlp/pydantic_ai")

    response = sender.post("/otlp/v1/traces", document["body"], key="", Authorization=f"Bearer {sender.key}")

    assert response.status_code == 200
    assert stored(sender) == []
    assert derive_due(datetime.now(UTC) + LONGEST_HOLD) == 1
    names = [message.get("event") for message in stored(sender)]
    assert "Message Sent" in names
    assert "Message Received" in names
    again = sender.post("/otlp/v1/traces", document["body"], key="", Authorization=f"Bearer {sender.key}")
    assert again.content == response.content
    assert derive_due(datetime.now(UTC) + LONGEST_HOLD) == 0
    assert [message.get("event") for message in stored(sender)] == names
