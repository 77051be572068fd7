"""What the vendors' systems send: the payloads of the tests as often as asked for, each under IDs of its own."""

import base64
import hashlib
import hmac
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jwt
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans

from tests.assistants.sources.exports import PROTOBUF, as_protobuf

PAYLOADS = Path(__file__).resolve().parent.parent / "tests" / "payloads"
SECRET = "a-secret-for-measuring-only-0123456789"
# Rows of `apply` that let each source be called with the secret above.
SETUPS: dict[str, dict[str, Any]] = {
    "watson": {"secret": SECRET},
    "chatwoot": {"secret": SECRET},
    "twilio": {"secret": SECRET},
    "intercom": {"secret": SECRET},
}


@dataclass(frozen=True)
class Sent:
    """One request to a source: its body and what its head says beside the usual."""

    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Sender:
    """A vendor's system: where it sends, and the request with a number.

    `{id}` in the path is the environment, `{key}` an ingest key. A good answer ends with `answer_end`.
    """

    kind: str
    path: str
    request: Callable[[int], Sent]
    # So many that what happens once a second, such as the sweep, weighs little.
    requests: int = 3_000
    sends_key: bool = False
    answer_end: bytes = b"}"


def payload(name: str) -> Any:
    """Return the body of a payload of the tests."""
    read = json.loads((PAYLOADS / name).read_text())
    return read.get("body", read) if isinstance(read, dict) else read


def renumbered(text: str, pattern: str, number: int) -> str:
    """Give every ID that matches a number of its own in place of its last eight characters."""
    return re.sub(pattern, lambda found: f"{found[0][:-8]}{number:08x}", text)


def watson(number: int) -> Sent:
    text = json.dumps(payload("watson/message_logged_turn2_action_started_live.json"))
    # Ten messages a session.
    text = text.replace("fcb3c1a0-9e0d-4d75-b6f4-2b8d6a3f2f10", f"session-{number // 10:08x}")
    text = renumbered(text, r"5b6f3a0e-[0-9a-f-]{27}", number)
    return Sent(text.encode(), {"authorization": jwt.encode({}, SECRET, algorithm="HS256")})


def chatwoot(number: int) -> Sent:
    message = payload("chatwoot/message_incoming.json") | {"id": number + 1}
    message["conversation"] = message["conversation"] | {"id": number // 10 + 1}
    body = json.dumps(message).encode()
    stamp = str(int(time.time()))
    digest = hmac.new(SECRET.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    signed = {"x-chatwoot-timestamp": stamp, "x-chatwoot-signature": f"sha256={digest}"}
    return Sent(body, {**signed, "x-chatwoot-delivery": f"delivery-{number}"})


def rasa(number: int) -> Sent:
    events = payload("rasa/opening.json")
    pieces = [
        {**event, "sender_id": f"conversation-{number}-{copy}", "timestamp": event["timestamp"] + number + copy}
        for copy in range(20)
        for event in events
    ]
    return Sent(json.dumps(pieces).encode())


def traces(name: str, copies: int) -> Callable[[int], Sent]:
    """Return requests with so many traces each, as OTLP exporters send them."""
    captured = ExportTraceServiceRequest.FromString(as_protobuf(name).body)

    def request(number: int) -> Sent:
        export = ExportTraceServiceRequest()
        for copy in range(copies):
            own = (number * copies + copy).to_bytes(4, "big")
            export.resource_spans.extend(captured.resource_spans)
            _renumber(export.resource_spans[-1], own)
        return Sent(export.SerializeToString(), {"content-type": PROTOBUF})

    return request


def _renumber(resource: ResourceSpans, own: bytes) -> None:
    """Give a trace, its spans and its conversation IDs that end with a number of its own."""
    for span in (span for scope in resource.scope_spans for span in scope.spans):
        span.trace_id = span.trace_id[:-4] + own
        span.span_id = span.span_id[:-4] + own
        if span.parent_span_id:
            span.parent_span_id = span.parent_span_id[:-4] + own
        for attribute in span.attributes:
            if attribute.key in ("gen_ai.conversation.id", "session.id"):
                attribute.value.string_value = f"conversation-{own.hex()}"


def twilio(number: int) -> Sent:
    added = next(each for each in payload("twilio/conversation.json") if each["type"].endswith("message.added"))
    pieces = [
        {
            **added,
            "id": f"NO{number:08x}{copy:04x}",
            "data": {**added["data"], "ConversationSid": f"CH{number:08x}", "MessageSid": f"IM{number:08x}{copy:04x}"},
        }
        for copy in range(50)
    ]
    user = base64.b64encode(f"sink:{SECRET}".encode()).decode()
    return Sent(
        json.dumps(pieces).encode(),
        {"authorization": f"Basic {user}", "content-type": "application/cloudevents-batch+json"},
    )


def dialogflow(number: int) -> Sent:
    push = payload("dialogflow/message_of_user.json")
    inner = json.loads(base64.b64decode(push["message"]["data"]))
    inner["newMessagePayload"]["name"] += f"-{number}"
    data = base64.b64encode(json.dumps(inner).encode()).decode()
    return Sent(
        json.dumps({**push, "message": {**push["message"], "data": data, "messageId": str(number + 1)}}).encode()
    )


def intercom(number: int) -> Sent:
    text = json.dumps(payload("intercom/reply_of_user.json") | {"id": f"notif_{number:08x}"})
    body = text.replace('"id": "39"', f'"id": "{number + 1}"').encode()
    return Sent(body, {"x-hub-signature": f"sha1={hmac.new(SECRET.encode(), body, hashlib.sha1).hexdigest()}"})


def helloworld(number: int) -> Sent:
    return Sent(json.dumps({"say": "Hello", "conversation": f"c-{number // 10}", "id": f"h-{number}"}).encode())


EMPTY = b"\r\n\r\n"
SENDERS = (
    Sender("watson", "/sources/watson/{id}", watson),
    Sender("otlp", "/otlp/v1/traces", traces("otlp/pydantic_ai", 10), 1_000, sends_key=True, answer_end=EMPTY),
    Sender(
        "langfuse",
        "/api/public/otel/v1/traces",
        traces("langfuse/v5_traces", 10),
        1_000,
        sends_key=True,
        answer_end=EMPTY,
    ),
    Sender("rasa", "/sources/rasa/{id}/{key}", rasa, 400),
    Sender("chatwoot", "/sources/chatwoot/{id}", chatwoot),
    Sender("twilio", "/sources/twilio/{id}", twilio, 1_000),
    Sender("dialogflow", "/sources/dialogflow/{id}/{key}", dialogflow),
    Sender("intercom", "/sources/intercom/{id}", intercom),
    Sender("helloworld", "/sources/helloworld/{id}/{key}", helloworld),
)
