"""Webhooks that nobody ever sent: whatever comes is read or refused, and what is read can be stored."""

import base64
import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assistants.derive import derive
from assistants.derive_events import COPILOT, IBM, Terms
from assistants.intake.answers import Unreadable
from assistants.intake.derivation import sort_facts
from assistants.items import read_message
from assistants.sources.adapter import AssistantIdentity, Denied
from tests.assistants.sources.mutations import WEBHOOKS_THROUGH_INTAKE, changed, mutations
from tests.assistants.sources.reading import PAYLOADS, RECEIVED_AT, load, names
from tests.assistants.sources.recipes import is_series, read_bytes

TERMS = Terms("any", frozenset({IBM, COPILOT}), False, "live", AssistantIdentity())
OFTEN = settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
NAMES = names("rasa", "chatwoot", "twilio", "dialogflow", "intercom", "recipes")


def base64_of(inner: Any) -> str:
    return base64.b64encode(json.dumps(inner).encode()).decode()


def gzip_of(inner: Any) -> str:
    return base64.b64encode(gzip.compress(json.dumps(inner).encode())).decode()


# What a wrapping hides from a change of the document: under which name a payload file shows it, and how it is wrapped.
HIDDEN: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "dialogflow/message_of_user.json": (
        "decoded_data",
        lambda inner: {"message": {"data": base64_of(inner), "messageId": "1"}},
    ),
    "recipes/amazon_lex.json": (
        "decoded_record",
        lambda inner: {"requestId": "r", "records": [{"data": base64_of(inner)}]},
    ),
    "recipes/amazon_lex_turns.json": (
        "decoded_records",
        lambda inner: {"requestId": "r", "records": [{"data": gzip_of(inner)}]},
    ),
}


def read(name: str, body: bytes) -> None:
    """Read a body as its sender would post it; refusing it is fine, failing is not."""
    try:
        reading = read_bytes(name, body)
    except (Denied, Unreadable):
        return
    facts, unusable = sort_facts(reading.facts)
    assert (reading.answer.status, unusable) == (200, [])
    assert len({(fact.source_id, fact.kind) for fact in facts}) == len({fact.source_id for fact in facts})
    for message in [*derive(facts, {}, TERMS).messages, *reading.messages]:
        read_message(message, received_at=RECEIVED_AT)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in WEBHOOKS_THROUGH_INTAKE])
def test_a_changed_document_is_read_or_refused(name: str) -> None:
    body = load(name).body

    @OFTEN
    @given(changes=mutations(body))
    def check(changes: list[Any]) -> None:
        document = changed(body, changes)
        for each in document if is_series(name) and isinstance(document, list) else [document]:
            read(name, json.dumps(each).encode())

    check()


@pytest.mark.parametrize("name", HIDDEN)
def test_a_change_inside_of_a_wrapping_is_read_or_refused(name: str) -> None:
    member, wrap = HIDDEN[name]
    inner = json.loads((PAYLOADS / name).read_text())[member]

    @OFTEN
    @given(changes=mutations(inner))
    def check(changes: list[Any]) -> None:
        read(name, json.dumps(wrap(changed(inner, changes))).encode())

    check()


@pytest.mark.parametrize("name", ["rasa/form.json", "chatwoot/message_of_bot.json", "recipes/cloudevents_batch.json"])
def test_changed_bytes_are_read_or_refused(name: str) -> None:
    body = json.dumps(load(name).body).encode()

    @OFTEN
    @given(
        edits=st.lists(st.tuples(st.integers(0, len(body) - 1), st.integers(0, 255)), max_size=6),
        end=st.integers(0, len(body)) | st.just(len(body)),
    )
    def check(edits: list[tuple[int, int]], end: int) -> None:
        raw = bytearray(body)
        for place, byte in edits:
            raw[place] = byte
        read(name, bytes(raw[:end]))

    check()
