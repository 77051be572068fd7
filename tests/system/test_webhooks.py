"""Senders of webhooks, as far as there are libraries of theirs: what they sign and wrap arrives in the log, once."""

import asyncio
import base64
import sys
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import httpx
import jwt
import pytest
import yaml
from cloudevents.core.bindings.http import to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent
from standardwebhooks.webhooks import Webhook

from tests.assistants.sources.reading import load
from tests.assistants.sources.recipes import recipes
from tests.clients.driven import drives
from tests.system.stack import ROOT, Connected, Stack

SECRET = "a-secret-of-the-tests-with-32-characters"
WEBHOOK_SECRET = "whsec_" + base64.b64encode(SECRET.encode()).decode()
BODY = b'{"type": "message.created", "timestamp": "2026-11-21T23:00:00Z", "data": {"conversationId": "c1"}}'


def set_up(stack: Stack, **sources: Any) -> tuple[Connected, str]:
    """Set up an assistant of its own with these sources; return it and the address of its draft's custom source."""
    name = f"Assistant {uuid.uuid4().hex[:8]}"
    file = stack.folder / "sources.yaml"
    file.write_text(yaml.safe_dump({"assistants": [{"name": name, "environments": {"draft": {"sources": sources}}}]}))
    standing = yaml.safe_load(stack.manage("apply", file))
    key = stack.manage("create_ingest_key", name, "draft").splitlines()[-1]
    urls = standing["assistants"][0]["environments"]["draft"]["source_urls"]
    return Connected(uuid.uuid4(), key, name), stack.url + urls["custom"]


def post(url: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, Any]:
    answer = httpx.post(url, content=body, headers=dict(headers))
    return answer.status_code, answer.json()


@drives("standardwebhooks")
def test_what_standard_webhooks_signs(stack: Stack) -> None:
    connected, url = set_up(stack, custom={"secret": WEBHOOK_SECRET, "config": recipes()["standard_webhooks"]})
    now = datetime.now(UTC)
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(WEBHOOK_SECRET).sign("msg_1", now, BODY.decode()),
    }

    assert post(url, BODY, headers) == post(url, BODY, headers) == (200, {})
    assert post(url, BODY + b" ", headers)[0] == 401
    assert [(each["event"], each["properties"]) for each in stack.stored(connected)] == [
        ("Message Sent", {"conversationId": "c1"})
    ]


@drives("cloudevents")
def test_what_cloudevents_wraps_in_each_of_its_modes(stack: Stack) -> None:
    connected, url = set_up(stack, custom={"config": recipes()["cloudevents"]})

    def event(number: int) -> CloudEvent:
        attributes = {
            "id": f"e-{number}",
            "source": "/bot",
            "type": "ai.conversation.message.sent",
            "specversion": "1.0",
            "time": datetime(2026, 11, 21, 23, tzinfo=UTC),
            "subject": f"conversation {number}",
            "datacontenttype": "application/json",
            "userid": "user-1",
        }
        return CloudEvent(attributes=attributes, data={"messageId": f"m-{number}"})

    structured, binary = to_structured_event(event(1)), to_binary_event(event(2))
    batched = to_structured_event(event(3)).body, to_structured_event(event(1)).body
    keyed = f"{url}/{connected.key}"

    assert post(keyed, structured.body, structured.headers) == (200, {})
    assert post(keyed, binary.body, binary.headers) == (200, {})
    batch = {"content-type": "application/cloudevents-batch+json"}
    assert post(keyed, b"[" + b",".join(batched) + b"]", batch) == (200, {})
    assert post(url, structured.body, structured.headers)[0] == 401
    assert [
        (each["properties"]["messageId"], each["properties"]["conversationId"]) for each in stack.stored(connected)
    ] == [
        ("m-1", "conversation 1"),
        ("m-2", "conversation 2"),
        ("m-3", "conversation 3"),
    ]


@drives("PyJWT")
def test_what_pyjwt_signs(stack: Stack) -> None:
    config = {"verify": {"kind": "jwt"}, "rules": [{"event": "Order Placed", "fields": {"userId": "user"}}]}
    connected, url = set_up(stack, custom={"secret": SECRET, "config": config})
    now = int(datetime.now(UTC).timestamp())
    good, late = (jwt.encode({"exp": now + seconds}, SECRET, "HS256") for seconds in (60, -120))

    assert post(url, b'{"user": "u-1"}', {"authorization": f"Bearer {good}"}) == (200, {})
    assert post(url, b'{"user": "u-2"}', {"authorization": f"Bearer {late}"})[0] == 401
    assert [(each["event"], each["userId"]) for each in stack.stored(connected)] == [("Order Placed", "u-1")]


@pytest.fixture
def broker_module(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Import the event broker as Rasa would, with a base class in the place of Rasa's."""
    base = ModuleType("rasa.core.brokers.broker")
    base.EventBroker = object  # type: ignore[attr-defined]
    for name in ("rasa", "rasa.core", "rasa.core.brokers"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, base.__name__, base)
    monkeypatch.syspath_prepend(ROOT / "docs" / "rasa")
    monkeypatch.delitem(sys.modules, "sluice_broker", raising=False)
    return __import__("sluice_broker")


def test_the_event_broker_for_rasa(stack: Stack, broker_module: ModuleType, tmp_path: Path) -> None:
    connected, url = set_up(stack)
    events = load("rasa/opening.json").body
    part = SimpleNamespace(url=url.replace("/custom/", "/rasa/"), token=connected.key, kwargs={})

    broker = asyncio.run(broker_module.SluiceEventBroker.from_endpoint_config(part))
    for event in [*events, *events]:
        broker.publish(event)
    asyncio.run(broker.close())

    assert broker.dropped == 0
    assert [each["event"] for each in stack.stored(connected)] == [
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
