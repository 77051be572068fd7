"""The libraries that teams have: what each one sends is in the log of its environment, message by message, in order."""

import contextlib
import gzip
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from rudderstack.analytics.client import Client as RudderClient
from segment.analytics.client import Client as SegmentClient

from tests.clients import node
from tests.clients.driven import drives
from tests.services import HOST
from tests.system.stack import Connected, Stack

EVENTS = 500
NODE_CALLS: list[tuple[str, dict[str, Any]]] = [
    ("identify", {"userId": "user-1", "traits": {"plan": "plus"}}),
    (
        "track",
        {"userId": "user-1", "event": "Message Sent", "properties": {"conversationId": "c1", "role": "customer"}},
    ),
    ("track", {"anonymousId": "visitor-1", "event": "Message Received", "properties": {"message_body": "Où est 🚚?"}}),
    ("page", {"anonymousId": "visitor-1", "name": "Orders", "properties": {"path": "/orders"}}),
    ("screen", {"userId": "user-1", "name": "Cart"}),
    ("group", {"userId": "user-1", "groupId": "team-9", "traits": {"name": "Nine"}}),
    ("alias", {"userId": "user-1", "previousId": "visitor-1"}),
    ("track", {"userId": "user-2", "event": "Feedback Submitted", "properties": {"rating": 4.5}}),
]


@dataclass
class Log:
    """The log of one environment, read by a test for what came since the test before it."""

    stack: Stack
    connected: Connected
    seen: int = 0

    def news(self) -> list[dict[str, Any]]:
        stored = self.stack.stored(self.connected)
        news, self.seen = stored[self.seen :], len(stored)
        return news


@pytest.fixture(scope="module")
def log(stack: Stack) -> Log:
    return Log(stack, stack.connect("sandbox"))


def without_null_ids(message: dict[str, Any]) -> dict[str, Any]:
    """Take off the IDs that a library gives as null: they say as much as none."""
    return {name: value for name, value in message.items() if value is not None}


@contextlib.contextmanager
def flushed(sdk: Any, failures: list[object]) -> Iterator[Any]:
    yield sdk
    sdk.shutdown()
    assert failures == []


@drives("segment-analytics-python")
@pytest.mark.parametrize("is_compressed", [False, True], ids=["plain", "gzip"])
def test_segments_library_for_python(stack: Stack, log: Log, is_compressed: bool) -> None:
    failures: list[object] = []
    sdk = SegmentClient(
        log.connected.key,
        host=stack.url,
        gzip=is_compressed,
        on_error=lambda error, batch: failures.append(error),
    )
    with flushed(sdk, failures):
        sent = [
            sdk.track(f"customer-{number}", "Message Sent", {"conversationId": "c1"})[1] for number in range(EVENTS)
        ]
        sent.append(sdk.page(name="Orders", anonymous_id="visitor-4")[1])

    stored = log.news()
    assert stored == [without_null_ids(message) for message in sent]
    assert "userId" not in stored[-1]


@drives("rudder-sdk-python")
@pytest.mark.parametrize("is_compressed", [True, False], ids=["gzip", "plain"])
def test_the_library_of_rudderstack_for_python(stack: Stack, log: Log, is_compressed: bool) -> None:
    failures: list[object] = []
    sdk = RudderClient(
        log.connected.key,
        host=stack.url,
        gzip=is_compressed,
        on_error=lambda error, batch: failures.append(error),
    )
    with flushed(sdk, failures):
        sent = [
            sdk.track(f"customer-{number}", "Message Sent", {"conversationId": "c1"})[1] for number in range(EVENTS)
        ]
        sent.append(sdk.identify("customer-1", {"plan": "plus"})[1])
        sent.append(sdk.screen(name="Cart", anonymous_id="visitor-4")[1])

    stored = log.news()
    assert stored == [without_null_ids(message) for message in sent]
    assert {message["channel"] for message in stored} == {"server"}


@drives("@segment/analytics-node")
def test_segments_library_for_node(stack: Stack, log: Log) -> None:
    calls = [
        (method, {**message, "messageId": f"node-{turn}-{number}"})
        for turn in range(50)
        for number, (method, message) in enumerate(NODE_CALLS)
    ]
    told = node.run("send_with_analytics_node.mjs", {"host": stack.url, "writeKey": log.connected.key, "calls": calls})

    assert told["failures"] == []
    assert {request["url"] for request in told["requests"]} == {f"{stack.url}/v1/batch"}
    batches = [request["body"]["batch"] for request in told["requests"]]
    stored = log.news()
    # The library does not wait for one batch before it sends the next: each is in order, and whole.
    arrived = sorted(batches, key=lambda batch: message_ids(stored).index(batch[0]["messageId"]))
    assert stored == [message for batch in arrived for message in batch]
    assert sorted(message_ids(stored)) == sorted(message["messageId"] for _, message in calls)


def message_ids(messages: list[dict[str, Any]]) -> list[str]:
    return [message["messageId"] for message in messages]


@drives("@opentelemetry/exporter-trace-otlp-http")
def test_opentelemetrys_exporter_for_node_sends_in_chunks(stack: Stack, log: Log) -> None:
    said = {
        "gen_ai.operation.name": "chat",
        "gen_ai.conversation.id": "c-otlp",
        "gen_ai.input.messages": spoken("user", "Where is my order?"),
        "gen_ai.output.messages": spoken("assistant", "On its way."),
    }
    told = node.run(
        "send_with_otlp_exporter.mjs",
        {
            "url": f"{stack.url}/otlp/v1/traces",
            "headers": {"authorization": f"Bearer {log.connected.key}"},
            "spans": [{"name": "chat model-1", "attributes": said}],
        },
    )

    assert told["failures"] == []
    arrived: list[dict[str, Any]] = []

    def has_arrived() -> bool:
        arrived.extend(log.news())
        return bool(arrived) and arrived[-1].get("event") == "Message Received"

    stack.wait_until(has_arrived, "the events of the trace")
    tracks = [message for message in arrived if message["type"] == "track"]
    assert [(message["event"], message["properties"].get("message_body")) for message in tracks] == [
        ("Conversation Started", None),
        ("Message Sent", "Where is my order?"),
        ("Message Received", "On its way."),
    ]
    assert {message["properties"]["conversationId"] for message in tracks} == {"c-otlp"}


def spoken(role: str, text: str) -> str:
    """Write one message as a span's attribute holds it."""
    return json.dumps([{"role": role, "parts": [{"type": "text", "content": text}]}])


def test_a_phone_sends_chunks_of_compressed_text_with_a_public_key_in_the_body(stack: Stack, log: Log) -> None:
    """Analytics-Kotlin speaks https only, so this is what it sends, byte by byte, over a socket of our own.

    Source: Analytics-Kotlin's HTTPClient.
    """
    key = stack.browser_key(log.connected)
    batch = [
        {
            "type": "track",
            "event": "Message Sent",
            "messageId": f"kotlin-{number}",
            "anonymousId": "9c1f",
            "userId": "",
            "timestamp": "2026-11-22T10:00:00.000Z",
            "properties": {"conversationId": "c1"},
            "context": {"library": {"name": "analytics-kotlin", "version": "1.19.0"}},
            "integrations": {},
            "_metadata": {"bundled": [], "unbundled": [], "bundledIds": []},
        }
        for number in range(50)
    ]
    body = gzip.compress(json.dumps({"batch": batch, "sentAt": "2026-11-22T10:00:01.000Z", "writeKey": key}).encode())
    head = (
        f"POST /v1/b HTTP/1.1\r\nHost: {HOST}:{stack.port}\r\nContent-Type: text/plain\r\nContent-Encoding: gzip\r\n"
        "User-Agent: analytics-kotlin/1.19.0\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    )
    with socket.create_connection((HOST, stack.port), timeout=30) as phone:
        phone.sendall(head.encode())
        for start in range(0, len(body), 100):
            part = body[start : start + 100]
            phone.sendall(b"%x\r\n%s\r\n" % (len(part), part))
        phone.sendall(b"0\r\n\r\n")
        answer = b"".join(iter(lambda: phone.recv(4_096), b""))

    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b'\r\n\r\n{"success":true}')
    assert log.news() == [{name: value for name, value in message.items() if name != "userId"} for message in batch]
