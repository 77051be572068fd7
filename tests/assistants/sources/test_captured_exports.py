"""What the instrumentations really sent, and what is to be read of it: reviewed by eye, kept beside each capture."""

import pytest

from assistants.sources.adapter import Adapter
from assistants.sources.langfuse import Langfuse
from assistants.sources.otlp.adapter import Otlp
from tests.assistants.sources import exports

ADAPTERS: dict[str, Adapter] = {"otlp": Otlp(), "langfuse": Langfuse()}
NAMES = [*exports.names("otlp"), *exports.names("langfuse")]
OTLP = [name for name in NAMES if exports.payload(name)["request"]["path"].endswith(("traces", "logs"))]


@pytest.mark.parametrize("name", NAMES)
def test_a_captured_export_is_read_as_reviewed(name: str) -> None:
    adapter = ADAPTERS[name.partition("/")[0]]

    assert exports.told(adapter, adapter.read(exports.captured(name), exports.setup())) == exports.expected(name)


@pytest.mark.parametrize("name", OTLP)
def test_both_forms_of_an_export_hold_the_same(name: str) -> None:
    adapter = ADAPTERS[name.partition("/")[0]]
    as_json = adapter.read(exports.captured(name), exports.setup())
    as_protobuf = adapter.read(exports.as_protobuf(name), exports.setup())

    assert as_protobuf.parts == as_json.parts
    assert as_protobuf.notes == as_json.notes
    assert (as_json.answer.content_type, as_json.answer.body) == (b"application/json", b"{}")
    assert (as_protobuf.answer.content_type, as_protobuf.answer.body) == (b"application/x-protobuf", b"")


def test_no_capture_is_without_its_facts() -> None:
    captured = {file.name for folder in ("otlp", "langfuse") for file in (exports.PAYLOADS / folder).glob("*.json")}

    assert {f"{name.partition('/')[2]}.json" for name in NAMES} == {name for name in captured if ".facts." not in name}
    assert len(NAMES) == 20
