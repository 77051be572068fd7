"""Exports that nobody ever sent: whatever comes, a source reads it or refuses it, and what it reads can be derived."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assistants.derive import derive
from assistants.derive_events import COPILOT, IBM, Terms
from assistants.faults import Refused
from assistants.intake.answers import Unreadable
from assistants.items import read_message
from assistants.sources.adapter import Adapter, AssistantIdentity, Denied, Request
from assistants.sources.langfuse import Langfuse
from assistants.sources.otlp.adapter import Otlp
from tests.assistants.sources import exports
from tests.assistants.sources.mutations import EXPORTS_THROUGH_INTAKE, changed, mutations

TERMS = Terms("otlp", frozenset({IBM, COPILOT}), False, "live", AssistantIdentity())
OPTIONS: dict[str, Any] = {"conversation_attribute": "app.chat", "spans_are_tools": True}
OFTEN = settings(
    max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
ADAPTERS: dict[str, Adapter] = {"otlp": Otlp(), "langfuse": Langfuse()}
NAMES = [*exports.names("otlp"), *exports.names("langfuse")]
BINARY = [name for name in NAMES if exports.payload(name)["request"]["path"].endswith(("traces", "logs"))]


def read(name: str, request: Request) -> None:
    """Read a request and derive what it holds; refusing it is fine, failing is not."""
    adapter, told = ADAPTERS[name.partition("/")[0]], exports.setup(**OPTIONS)
    try:
        reading = adapter.read(request, told)
    except (Denied, Unreadable):
        return
    assert reading.answer.status in (200, 207)
    for facts in exports.facts_by_whole(adapter, [reading], told).values():
        raw = msgspec.msgpack.encode(facts)
        assert msgspec.msgpack.decode(raw, type=type(facts)) is not None
        assert len({fact.source_id for fact in facts}) == len(facts)
        for message in derive(facts, {}, TERMS).messages:
            assert not isinstance(read_message(message, received_at=exports.RECEIVED_AT), Refused)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in EXPORTS_THROUGH_INTAKE])
def test_a_changed_document_is_read_or_refused(name: str) -> None:
    found = exports.payload(name)

    @OFTEN
    @given(changes=mutations(found["body"]))
    def check(changes: list[Any]) -> None:
        body = json.dumps(changed(found["body"], changes)).encode()
        read(name, exports.request(found["request"]["path"], body))

    check()


@pytest.mark.parametrize("name", BINARY)
def test_changed_bytes_are_read_or_refused(name: str) -> None:
    request = exports.as_protobuf(name)
    body = request.body

    @OFTEN
    @given(
        edits=st.lists(st.tuples(st.integers(0, len(body) - 1), st.integers(0, 255)), max_size=6),
        end=st.integers(0, len(body)) | st.just(len(body)),
    )
    def check(edits: list[tuple[int, int]], end: int) -> None:
        raw = bytearray(body)
        for place, byte in edits:
            raw[place] = byte
        read(name, exports.request(request.path, bytes(raw[:end]), exports.PROTOBUF))

    check()
