"""Logged exchanges of a watsonx assistant for the tests, and what becomes of them."""

import json
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jwt
import msgspec

from assistants.derive import derive
from assistants.intake.derivation import terms_of
from assistants.sources.adapter import AssistantIdentity, Reading, Request, Setup
from assistants.sources.watson import Watson

PAYLOADS = Path(__file__).parent.parent.parent / "payloads" / "watson"
RECEIVED_AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
SECRET = "a secret of at least 32 characters"
IDENTITY = AssistantIdentity(
    name="Care",
    language="en",
    account_id="c41400d63d91741a749091dc63574c2c",
    service_instance="b696c1e5-7316-4fb0-a61c-664438397e91",
    vendor_assistant_id="e344fcfe-506c-449f-a182-ebdefe4356ad",
)
# What an environment in which nothing is entered says of the assistant.
NOBODY = AssistantIdentity()
SESSION = "s-1"


def payload(name: str) -> Any:
    return json.loads((PAYLOADS / f"{name}.json").read_text())


def setup(*, assistant: AssistantIdentity = IDENTITY, environment: str = "live", **options: Any) -> Setup:
    return Setup(7, environment, assistant, secret=SECRET, options=options)


def token(claims: Mapping[str, Any] | None = None, *, secret: str = SECRET, algorithm: str = "HS256") -> str:
    return jwt.encode(dict(claims or {}), secret, algorithm=algorithm)


def request(body: Any, **headers: str) -> Request:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    given = headers or {"authorization": token()}
    return Request(path="", headers=given, body=content, received_at=RECEIVED_AT)


def read(body: Any, **options: Any) -> Reading:
    return Watson().read(request(body), setup(**options))


def logged(log: Mapping[str, Any]) -> dict[str, Any]:
    """Put an item of the log into the webhook's envelope."""
    return {"event": {"name": "message_logged"}, "payload": log}


def turn(number: int = 1, *events: Mapping[str, Any], **members: Any) -> dict[str, Any]:
    """Return an exchange of a session: its turn's number and events; further members replace those made up."""
    context = {"global": {"session_id": SESSION, "system": {"user_id": "u-1", "turn_count": number}}}
    log = {
        "log_id": f"log-{number}",
        "request": {"input": {"text": f"question {number}"}, "context": context, "user_id": "u-1"},
        "response": {
            "output": {"generic": [], "debug": {"turn_events": list(events)}},
            "context": deepcopy(context),
            "user_id": "u-1",
        },
        "session_id": SESSION,
        "snapshot": "4",
        "request_timestamp": f"2026-11-22T10:0{number}:00.000Z",
        "response_timestamp": f"2026-11-22T10:0{number}:01.000Z",
        "language": "en",
    }
    return {**log, **members}


def event(
    name: str, action: str = "action_1", *, reason: str = "", start: str = "10:01", **source: str
) -> dict[str, Any]:
    """Return an event of a turn; `start` tells the runs of an action apart, and may be left out as ""."""
    found: dict[str, Any] = {"event": name, "source": {"action": action, **source}}
    if start:
        found["action_start_time"] = f"2026-11-22T{start}:00.500Z"
    return {**found, "reason": reason} if reason else found


def step(number: int, action: str = "action_1", *, start: str = "10:01") -> dict[str, Any]:
    return event("step_visited", action, start=start, step=f"step_{number:03}")


class Session:
    """What becomes of exchanges one after the other, with what is remembered between them."""

    def __init__(self, *, vocabulary: str = "native", **options: Any) -> None:
        self.setup = replace(setup(**options), vocabulary=vocabulary)
        self.states: dict[str, bytes] = {}

    def take(self, *logs: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the events of these exchanges, as messages."""
        new: list[dict[str, Any]] = []
        for log in logs:
            reading = Watson().read(request(logged(log)), self.setup)
            derived = derive(reading.facts, self.states, terms_of(Watson(), self.setup))
            self.states |= derived.states
            new += [msgspec.json.decode(message) for message in derived.messages]
        return new
