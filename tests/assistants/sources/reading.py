"""Reads payload files with an adapter, and says in plain JSON what comes of them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from assistants.derive import derive
from assistants.derive_events import Terms, families
from assistants.sources.adapter import Adapter, AssistantIdentity, Reading, Request, Setup

PAYLOADS = Path(__file__).parent.parent.parent / "payloads"
# Five seconds behind the time at which the signed samples were signed.
RECEIVED_AT = datetime.fromtimestamp(1795302005, UTC)


@dataclass(frozen=True)
class Payload:
    """A payload file: what is posted, with which headers."""

    body: Any
    headers: Mapping[str, str]
    raw_body: str = ""

    @property
    def bytes(self) -> bytes:
        return self.raw_body.encode() if self.raw_body else msgspec.json.encode(self.body)


def names(*kinds: str) -> list[str]:
    """Return the payload files of kinds, as paths below the folder of payloads."""
    paths = [path for kind in kinds for path in sorted((PAYLOADS / kind).glob("*.json"))]
    return [str(path.relative_to(PAYLOADS)) for path in paths if ".expected" not in path.name]


@cache
def load(name: str) -> Payload:
    """Load a payload file; the placeholders that stand for a signature are left out."""
    file = json.loads((PAYLOADS / name).read_text())
    headers = file.get("request", {}).get("headers", {})
    given = {name.lower(): value for name, value in headers.items() if not ("<" in value and value.endswith(">"))}
    return Payload(file["body"], given, file.get("raw_body", ""))


def expected(name: str) -> Any:
    """Return what is kept beside a payload file: what should come of it."""
    return json.loads((PAYLOADS / name.replace(".json", ".expected.json")).read_text())


def request(body: bytes, headers: Mapping[str, str] | None = None) -> Request:
    return Request(path="", headers=headers or {}, body=body, received_at=RECEIVED_AT)


def setup(**settings: Any) -> Setup:
    """Return a source that is set up in an environment; a valid ingest key came with the request."""
    return Setup(**{"environment_id": 1, "environment_name": "draft", "is_keyed": True, **settings})


def outcome(adapter: Adapter, readings: Sequence[Reading]) -> dict[str, Any]:
    """Return what requests that follow one another become: messages in order, notes and refusals by their codes."""
    terms = Terms(adapter.kind, families("native", adapter.vocabulary), adapter.has_turns, "draft", AssistantIdentity())
    states: dict[str, bytes] = {}
    messages: list[bytes] = []
    for reading in readings:
        derived = derive(reading.facts, states, terms)
        states |= derived.states
        messages += [*derived.messages, *reading.messages]
    return {
        "messages": [json.loads(message) for message in messages],
        "notes": [note.code for reading in readings for note in reading.notes],
        "refused": [reason.code for reading in readings for reason, _raw in reading.refused],
    }
