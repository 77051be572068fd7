"""What a sender of OTLP hears: in the form in which it asked, so that its exporter can read why something failed.

Source: open-telemetry/opentelemetry-proto, docs/specification.md, “OTLP/HTTP Response”.
"""

import msgspec
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from assistants.intake.answers import Answer, Unreadable

PROTOBUF = "application/x-protobuf"
JSON = "application/json"
# google.rpc.Code
INVALID_ARGUMENT = 3


def taken(content_type: str, *, signal: str, refused: int = 0, why: str = "") -> Answer:
    """Say that everything is stored but for `refused` spans or records, and why those are not."""
    if content_type == JSON:
        body = {"partialSuccess": {_refused_member(signal): str(refused), "errorMessage": why}} if refused else {}
        return _answer(200, content_type, msgspec.json.encode(body))
    if not refused:
        return _answer(200, content_type, b"")
    if signal == "logs":
        logs = ExportLogsServiceResponse()
        logs.partial_success.rejected_log_records = refused
        logs.partial_success.error_message = why
        return _answer(200, content_type, logs.SerializeToString())
    traces = ExportTraceServiceResponse()
    traces.partial_success.rejected_spans = refused
    traces.partial_success.error_message = why
    return _answer(200, content_type, traces.SerializeToString())


class Unusable(Unreadable):
    """A request that is not OTLP; its exporter drops it instead of trying again."""

    def __init__(self, status: int, code: str, message: str, *, content_type: str) -> None:
        super().__init__(status, code, message)
        if content_type == PROTOBUF:
            body = Status(code=INVALID_ARGUMENT, message=message).SerializeToString()
        else:
            body = msgspec.json.encode({"code": INVALID_ARGUMENT, "message": message})
        self.answer = _answer(status, content_type, body)


def _refused_member(signal: str) -> str:
    return "rejectedLogRecords" if signal == "logs" else "rejectedSpans"


def _answer(status: int, content_type: str, body: bytes) -> Answer:
    return Answer(status, body, content_type=content_type.encode())
