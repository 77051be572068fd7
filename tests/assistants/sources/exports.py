"""Requests to the sources that hold parts: captured ones, in both of OTLP's forms, and what is read of them."""

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from assistants.sources.adapter import Adapter, AssistantIdentity, Fact, Part, Reading, Request, Setup

PAYLOADS = Path(__file__).parent.parent.parent / "payloads"
RECEIVED_AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
JSON, PROTOBUF = "application/json", "application/x-protobuf"
IDS = ("traceId", "spanId", "parentSpanId")


def payload(name: str) -> dict[str, Any]:
    """Return a captured request: origin, certainty, request, body."""
    found: dict[str, Any] = json.loads((PAYLOADS / f"{name}.json").read_text())
    return found


def expected(name: str) -> dict[str, Any]:
    """Return what is to be read of a captured request: the codes of the notes, and the facts of each whole."""
    found: dict[str, Any] = json.loads((PAYLOADS / f"{name}.facts.json").read_text())
    return found


def names(folder: str) -> list[str]:
    """Return the names of the captured requests in a folder."""
    return [
        f"{folder}/{file.name.removesuffix('.facts.json')}" for file in sorted(PAYLOADS.glob(f"{folder}/*.facts.json"))
    ]


def setup(**options: Any) -> Setup:
    return Setup(
        environment_id=7,
        environment_name="live",
        assistant=AssistantIdentity(name="Orders"),
        options=options,
        is_keyed=True,
    )


def request(path: str, body: bytes, content_type: str = JSON, **headers: str) -> Request:
    return Request(path=path, headers={"content-type": content_type, **headers}, body=body, received_at=RECEIVED_AT)


def captured(name: str) -> Request:
    """Return a captured request as JSON."""
    found = payload(name)
    return request(found["request"]["path"], json.dumps(found["body"]).encode())


def as_protobuf(name: str) -> Request:
    """Return a captured request as the bytes of its protobuf message."""
    found = payload(name)
    path = found["request"]["path"]
    message = ExportLogsServiceRequest() if path.endswith("logs") else ExportTraceServiceRequest()
    ParseDict(_with_base64_ids(found["body"]), message)
    return request(path, message.SerializeToString(), PROTOBUF)


def spans(*given: Mapping[str, Any], resource: Mapping[str, Any] | None = None) -> bytes:
    """Return an export of spans as JSON; of each, `attributes` may be plain values, and what is left out is made up."""
    listed = [_span(number, span) for number, span in enumerate(given)]
    body = {"resourceSpans": [{"resource": {"attributes": _pairs(resource or {})}, "scopeSpans": [{"spans": listed}]}]}
    return json.dumps(body).encode()


def records(*given: Mapping[str, Any]) -> bytes:
    """Return an export of log records as JSON, `attributes` and `body` being plain values."""
    listed = [
        {**record, "attributes": _pairs(record.get("attributes", {})), "body": _value(record.get("body"))}
        for record in given
    ]
    return json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": listed}]}]}).encode()


def facts_by_whole(adapter: Adapter, readings: Sequence[Reading], told: Setup) -> dict[str, list[Fact]]:
    """Return the facts of each whole, once all of these requests are in."""
    wholes: dict[str, dict[str, Part]] = {}
    for reading in readings:
        for part in reading.parts:
            # A repeat is held once.
            wholes.setdefault(part.whole_id, {}).setdefault(part.part_id, part)
    return {whole_id: adapter.read_whole(list(parts.values()), told) for whole_id, parts in wholes.items()}


def facts_of(adapter: Adapter, *requests: Request, **options: Any) -> list[Fact]:
    """Return the facts of all wholes in these requests."""
    told = setup(**options)
    wholes = facts_by_whole(adapter, [adapter.read(each, told) for each in requests], told)
    return [fact for facts in wholes.values() for fact in facts]


def told(adapter: Adapter, reading: Reading) -> dict[str, Any]:
    """Write what was read as the expected files have it."""
    wholes = facts_by_whole(adapter, [reading], setup())
    return {
        "notes": sorted({note.code for note in reading.notes}),
        "facts": {whole_id: msgspec.to_builtins(facts) for whole_id, facts in wholes.items() if facts},
    }


def _span(number: int, span: Mapping[str, Any]) -> dict[str, Any]:
    start_ns = 1_795_300_000_000_000_000 + number * 1_000_000_000
    made_up = {
        "traceId": "0af7651916cd43dd8448eb211c80319c",
        "spanId": f"{number + 1:016x}",
        "startTimeUnixNano": str(start_ns),
        "endTimeUnixNano": str(start_ns + 500_000_000),
    }
    events = [{**event, "attributes": _pairs(event["attributes"])} for event in span.get("events", [])]
    return {**made_up, **span, "attributes": _pairs(span.get("attributes", {})), "events": events}


def _pairs(attributes: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in attributes.items()]


def _value(value: Any) -> dict[str, Any]:
    match value:
        case None:
            return {}
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case str():
            return {"stringValue": value}
        case list():
            return {"arrayValue": {"values": [_value(item) for item in value]}}
    return {"kvlistValue": {"values": _pairs(value)}}


def _with_base64_ids(node: Any) -> Any:
    if isinstance(node, dict):
        return {
            key: base64.b64encode(bytes.fromhex(value)).decode() if key in IDS else _with_base64_ids(value)
            for key, value in node.items()
        }
    return [_with_base64_ids(item) for item in node] if isinstance(node, list) else node
