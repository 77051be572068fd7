"""Read OTLP's protobuf form."""

from collections.abc import Iterable
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1 import trace_pb2

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

TRACE_ID_BYTES = 16
SPAN_ID_BYTES = 8


def read_traces(body: bytes, wanted: Wanted) -> Export:
    """Read an ExportTraceServiceRequest. Raises Malformed."""
    request = ExportTraceServiceRequest()
    _parse(request, body)
    export = Export()
    for resource_spans in request.resource_spans:
        _note_environment(export, resource_spans.resource)
        for scope_spans in resource_spans.scope_spans:
            for span in scope_spans.spans:
                _add_span(export, span, wanted)
    return export


def read_logs(body: bytes, wanted: Wanted) -> Export:
    """Read an ExportLogsServiceRequest. Raises Malformed."""
    request = ExportLogsServiceRequest()
    _parse(request, body)
    export = Export()
    for resource_logs in request.resource_logs:
        _note_environment(export, resource_logs.resource)
        for scope_logs in resource_logs.scope_logs:
            export.records.extend(_record(record, wanted) for record in scope_logs.log_records)
    return export


def _parse(request: ExportTraceServiceRequest | ExportLogsServiceRequest, body: bytes) -> None:
    try:
        request.ParseFromString(body)
    except DecodeError as error:
        raise Malformed(f"The body is not an OTLP request in protobuf: {error}.") from None


def _note_environment(export: Export, resource: Resource) -> None:
    attributes = (_value(pair.value, 0) for pair in resource.attributes if pair.key in ENVIRONMENT)
    export.environments.update(str(value) for value in attributes if value)


def _add_span(export: Export, span: trace_pb2.Span, wanted: Wanted) -> None:
    trace, own = span.trace_id, span.span_id
    trace_id, span_id = trace.hex(), own.hex()
    if not (_is_id(trace, TRACE_ID_BYTES) and _is_id(own, SPAN_ID_BYTES)):
        refuse_span(export, name=span.name, trace_id=trace_id, span_id=span_id)
        return
    export.spans.append(
        Span(
            trace_id=trace_id,
            span_id=span_id,
            parent_id=span.parent_span_id.hex(),
            name=span.name,
            start_ns=span.start_time_unix_nano,
            end_ns=span.end_time_unix_nano,
            attributes=_attributes(span.attributes, wanted),
            is_error=span.status.code == trace_pb2.Status.STATUS_CODE_ERROR,
            events=tuple(
                [
                    Record(trace_id, span_id, event.name, event.time_unix_nano, _attributes(event.attributes, wanted))
                    for event in span.events
                    if wanted[event.name]
                ]
            ),
        )
    )


def _record(record: LogRecord, wanted: Wanted) -> Record:
    attributes = _attributes(record.attributes, wanted)
    return Record(
        trace_id=record.trace_id.hex() if _is_id(record.trace_id, TRACE_ID_BYTES) else "",
        span_id=record.span_id.hex() if _is_id(record.span_id, SPAN_ID_BYTES) else "",
        event=record.event_name or str(attributes.get("event.name") or ""),
        at_ns=record.time_unix_nano or record.observed_time_unix_nano,
        attributes=attributes,
        body=_value(record.body, 0),
    )


def _is_id(given: bytes, length: int) -> bool:
    return len(given) == length and any(given)


def _attributes(pairs: Iterable[KeyValue], wanted: Wanted) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for pair in pairs:
        key = pair.key
        if wanted[key]:
            value = pair.value
            # Most are texts, and to ask for that costs less than to ask what it is.
            found[key] = value.string_value or _value(value, 0)
    return found


def _value(given: AnyValue, depth: int) -> Any:
    kind = given.WhichOneof("value")
    if kind is None or kind == "bytes_value" or depth > MAX_VALUE_DEPTH:
        return None
    if kind == "array_value":
        return [_value(item, depth + 1) for item in given.array_value.values]
    if kind == "kvlist_value":
        return {pair.key: _value(pair.value, depth + 1) for pair in given.kvlist_value.values}
    return getattr(given, kind)
