"""Read OTLP's JSON form: IDs in hexadecimal, 64-bit integers as texts or numbers, unknown members ignored.

Source: open-telemetry/opentelemetry-proto, docs/specification.md, “JSON Protobuf Encoding”. Base64 IDs and named enums,
which that section forbids, are read as well: plain protobuf libraries write them.
"""

import base64
import binascii
import re
from typing import Any

from assistants.sources.otlp.loose_json import Unclear, read_loosely
from assistants.sources.otlp.wire import (
    ENVIRONMENT,
    MAX_VALUE_DEPTH,
    Export,
    Malformed,
    Record,
    Span,
    Wanted,
    refuse_span,
)

TRACE_ID_DIGITS = 32
SPAN_ID_DIGITS = 16
ERROR = (2, "2", "STATUS_CODE_ERROR")

_HEX = re.compile(r"[0-9a-fA-F]+")
_INTEGER = re.compile(r"-?[0-9]{1,19}")


def read_traces(body: bytes, wanted: Wanted) -> Export:
    """Read an ExportTraceServiceRequest. Raises Malformed."""
    export = Export()
    for resource_spans in _listed(_read(body), "resourceSpans"):
        _note_environment(export, resource_spans)
        for scope_spans in _listed(resource_spans, "scopeSpans"):
            for span in _listed(scope_spans, "spans"):
                _add_span(export, span, wanted)
    return export


def read_logs(body: bytes, wanted: Wanted) -> Export:
    """Read an ExportLogsServiceRequest. Raises Malformed."""
    export = Export()
    for resource_logs in _listed(_read(body), "resourceLogs"):
        _note_environment(export, resource_logs)
        for scope_logs in _listed(resource_logs, "scopeLogs"):
            export.records.extend(_record(record, wanted) for record in _listed(scope_logs, "logRecords"))
    return export


def _read(body: bytes) -> dict[str, Any]:
    try:
        request = read_loosely(body)
    except Unclear as error:
        raise Malformed(f"The body is not JSON: {error}.") from None
    if not isinstance(request, dict):
        raise Malformed("The body is JSON, but no object; an OTLP request is one.")
    return request


def _note_environment(export: Export, holder: dict[str, Any]) -> None:
    resource = holder.get("resource")
    if isinstance(resource, dict):
        pairs = _objects(resource, "attributes")
        attributes = (_value(pair.get("value"), 0) for pair in pairs if pair.get("key") in ENVIRONMENT)
        export.environments.update(str(value) for value in attributes if value)


def _add_span(export: Export, span: dict[str, Any], wanted: Wanted) -> None:
    trace_id, span_id = _id(span.get("traceId"), TRACE_ID_DIGITS), _id(span.get("spanId"), SPAN_ID_DIGITS)
    if not trace_id or not span_id:
        refuse_span(
            export,
            name=_text(span.get("name")),
            trace_id=_text(span.get("traceId")),
            span_id=_text(span.get("spanId")),
        )
        return
    status = span.get("status")
    export.spans.append(
        Span(
            trace_id=trace_id,
            span_id=span_id,
            parent_id=_id(span.get("parentSpanId"), SPAN_ID_DIGITS),
            name=_text(span.get("name")),
            start_ns=_integer(span.get("startTimeUnixNano")),
            end_ns=_integer(span.get("endTimeUnixNano")),
            attributes=_attributes(span, wanted),
            is_error=isinstance(status, dict) and status.get("code") in ERROR,
            events=tuple(
                Record(
                    trace_id,
                    span_id,
                    _text(event.get("name")),
                    _integer(event.get("timeUnixNano")),
                    _attributes(event, wanted),
                )
                for event in _objects(span, "events")
                if wanted[_text(event.get("name"))]
            ),
        )
    )


def _record(record: dict[str, Any], wanted: Wanted) -> Record:
    attributes = _attributes(record, wanted)
    return Record(
        trace_id=_id(record.get("traceId"), TRACE_ID_DIGITS),
        span_id=_id(record.get("spanId"), SPAN_ID_DIGITS),
        event=_text(record.get("eventName")) or _text(attributes.get("event.name")),
        at_ns=_integer(record.get("timeUnixNano")) or _integer(record.get("observedTimeUnixNano")),
        attributes=attributes,
        body=_value(record.get("body"), 0),
    )


def _listed(holder: dict[str, Any], member: str) -> list[dict[str, Any]]:
    """Return the objects of which a request is built; what stands there and is none would be lost without a word."""
    items = holder.get(member)
    if items is None:
        return []
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise Malformed(f"“{member}” must be a list of objects.")
    return items


def _objects(holder: dict[str, Any], member: str) -> list[dict[str, Any]]:
    items = holder.get(member)
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _text(given: Any) -> str:
    return given if isinstance(given, str) else ""


def _integer(given: Any) -> int:
    if isinstance(given, str) and _INTEGER.fullmatch(given):
        return int(given)
    return int(given) if isinstance(given, int | float) and abs(given) < 2**63 else 0


def _id(given: Any, digits: int) -> str:
    """Return an ID in lower-case hexadecimal, or nothing where it is none."""
    if not isinstance(given, str) or not given:
        return ""
    if len(given) == digits and _HEX.fullmatch(given):
        found = given.lower()
    else:
        try:
            found = base64.b64decode(given, validate=True).hex()
        except (binascii.Error, ValueError):
            return ""
    return found if len(found) == digits and found.strip("0") else ""


def _attributes(holder: dict[str, Any], wanted: Wanted) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for pair in _objects(holder, "attributes"):
        key = pair.get("key")
        if isinstance(key, str) and wanted[key]:
            found[key] = _value(pair.get("value"), 0)
    return found


def _value(given: Any, depth: int) -> Any:
    if not isinstance(given, dict) or depth > MAX_VALUE_DEPTH:
        return None
    for member in ("stringValue", "boolValue", "doubleValue"):
        if member in given:
            return given[member]
    if "intValue" in given:
        return _integer(given["intValue"])
    array, kvlist = given.get("arrayValue"), given.get("kvlistValue")
    if isinstance(array, dict):
        return [_value(item, depth + 1) for item in _objects(array, "values")]
    if isinstance(kvlist, dict):
        return {
            pair["key"]: _value(pair.get("value"), depth + 1)
            for pair in _objects(kvlist, "values")
            if isinstance(pair.get("key"), str)
        }
    return None
