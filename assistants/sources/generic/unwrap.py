"""Unwrap a request: the pieces in it, each with what identifies it, whatever the sender has put around them."""

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import unquote

import msgspec

from assistants.faults import Refused, read_json
from assistants.intake.answers import Answer, Unreadable
from assistants.intake.body import inflate
from assistants.sources.adapter import Note, Request
from assistants.sources.generic.config import (
    AtPath,
    CloudEvents,
    Firehose,
    JsonArray,
    NdJson,
    PubSubPush,
    Wrapping,
)
from assistants.sources.generic.conversions import ExpressionFailed, as_json, as_timestamp
from assistants.sources.generic.expressions import compile_expression
from assistants.sources.pieces import (
    BadPiece,
    Piece,
    check_text,
    items,
    lines,
    read_piece,
    value_of,
    whole,
    within_limit,
)

MILLISECOND = timedelta(milliseconds=1)
# What the compressed records of one request may hold together.
MAX_INFLATED_BYTES = 5_000_000
GZIP_MAGIC = b"\x1f\x8b"


@dataclass
class Unwrapped:
    """What was in a request; with an `answer` where the wrapping asks for one of its own."""

    pieces: list[Piece | BadPiece]
    notes: list[Note] = field(default_factory=list)
    answer: Answer | None = None


def unwrap(wrapping: Wrapping, request: Request) -> Unwrapped:
    """Take a request apart. Raises Unreadable where the body as a whole is not what the wrapping says."""
    if not (isinstance(wrapping, CloudEvents) and "ce-type" in request.headers):
        check_text(request.body)
    unwrapped = _unwrap(wrapping, request)
    unwrapped.pieces = within_limit(unwrapped.pieces)
    return unwrapped


def _unwrap(wrapping: Wrapping, request: Request) -> Unwrapped:
    match wrapping:
        case JsonArray():
            return Unwrapped(items(request.body))
        case NdJson():
            return Unwrapped(lines(request.body))
        case CloudEvents():
            return Unwrapped(list(_cloud_events(request)))
        case AtPath(path=path):
            return _at_path(path, request.body)
        case PubSubPush():
            return Unwrapped([_pushed(whole(request.body))])
        case Firehose():
            return _firehose(request)
        case _:
            return Unwrapped([whole(request.body)])


def _at_path(path: str, body: bytes) -> Unwrapped:
    try:
        found = compile_expression(path).find(value_of(body))
        if found is None:
            return Unwrapped([], [Note("nothing_at_path", f"There was nothing at {path}.")])
        values = found if isinstance(found, list) else [found]
        return Unwrapped([Piece(value, as_json(value)) for value in values])
    except ExpressionFailed as error:
        return Unwrapped([BadPiece(Refused("path_failed", f"The path {path} failed: {error}"), body)])


def _cloud_events(request: Request) -> Iterator[Piece | BadPiece]:
    """Read CloudEvents in whichever of the three modes the request is.

    Source: CloudEvents HTTP protocol binding 1.0.2, section 3; JSON event format 1.0.2. The content type is not relied
    upon: senders get it wrong, while a binary event is known by its headers and a batch by being a list.
    """
    is_json_event = request.headers.get("content-type", "").startswith("application/cloudevents")
    if "ce-type" in request.headers and not is_json_event:
        yield _binary_event(request.headers, request.body)
        return
    for piece in items(request.body):
        yield piece if isinstance(piece, BadPiece) else _cloud_event(piece.value, piece.raw)


def _binary_event(headers: Mapping[str, str], body: bytes) -> Piece | BadPiece:
    event: dict[str, Any] = {
        name.removeprefix("ce-"): unquote(value) for name, value in headers.items() if name.startswith("ce-")
    }
    if "content-type" in headers:
        event["datacontenttype"] = headers["content-type"]
    return _cloud_event({**event, "data": _data(body)}, body)


def _cloud_event(event: Any, raw: bytes) -> Piece | BadPiece:
    if not isinstance(event, dict) or not isinstance(event.get("type"), str):
        return BadPiece(Refused("not_a_cloudevent", "A CloudEvent is an object with a text “type”; this is not."), raw)
    if isinstance(event.get("data_base64"), str):
        data = _unbase64(event["data_base64"])
        if isinstance(data, Refused):
            return BadPiece(data, raw)
        event = {**event, "data": _data(data)}
    id_ = f"{event.get('source', '')} {event['id']}" if isinstance(event.get("id"), str) else ""
    at = event.get("time")
    return Piece(event, raw, id_, at if isinstance(at, str) else "")


def _data(raw: bytes) -> Any:
    """Return JSON where it is, else a text, else nothing."""
    value = read_json(raw)
    return raw.decode(errors="replace") if isinstance(value, Refused) else value


def _pushed(wrapper: Piece | BadPiece) -> Piece | BadPiece:
    """Read what Pub/Sub has put into its wrapper. Source: Google Cloud, Push subscriptions."""
    if isinstance(wrapper, BadPiece):
        return wrapper
    body, raw = wrapper.value, wrapper.raw
    message = body.get("message") if isinstance(body, dict) else None
    if not isinstance(message, dict) or not isinstance(message.get("data"), str):
        reason = "A push from Pub/Sub is an object with a “message” that has “data”; this is not."
        return BadPiece(Refused("not_a_push", reason), raw)
    data = _unbase64(message["data"])
    if isinstance(data, Refused):
        return BadPiece(data, raw)
    id_, at = message.get("messageId"), message.get("publishTime")
    return read_piece(data, id_=id_ if isinstance(id_, str) else "", at=at if isinstance(at, str) else "")


def _firehose(request: Request) -> Unwrapped:
    """Read the records of a delivery, and answer as Firehose wants to hear.

    Source: Amazon Data Firehose, HTTP endpoint delivery specifications.
    """
    body = value_of(request.body)
    records = body.get("records") if isinstance(body, dict) else None
    if not isinstance(records, list):
        raise Unreadable(400, "invalid_request", "A delivery from Firehose is an object with a list “records”.")
    unwrapped = Unwrapped([])
    left = MAX_INFLATED_BYTES
    for record in records:
        data = _record(record, left)
        if isinstance(data, Refused):
            unwrapped.pieces.append(BadPiece(data, msgspec.json.encode(record)))
            continue
        left -= len(data)
        _read_record(data, unwrapped)
    milliseconds = int(request.received_at.timestamp() * 1000)
    answer = {"requestId": str(body.get("requestId", "")), "timestamp": milliseconds}
    unwrapped.answer = Answer(200, msgspec.json.encode(answer))
    return unwrapped


def _record(record: Any, limit: int) -> bytes | Refused:
    data = record.get("data") if isinstance(record, dict) else None
    if not isinstance(data, str):
        return Refused("not_a_record", "A record of Firehose is an object with “data”; this is not.")
    raw = _unbase64(data)
    if isinstance(raw, Refused) or not raw.startswith(GZIP_MAGIC):
        return raw
    try:
        return inflate(raw, limit=max(limit, 0), too_large_status=413)
    except Unreadable as error:
        return Refused("unreadable_record", f"A record cannot be unpacked: {error}")


def _read_record(data: bytes, unwrapped: Unwrapped) -> None:
    """Add a record's pieces: the log events where it comes from CloudWatch, else its lines."""
    document = read_json(data)
    if isinstance(document, dict) and "logEvents" in document and "messageType" in document:
        if document["messageType"] == "DATA_MESSAGE" and isinstance(document["logEvents"], list):
            unwrapped.pieces += [_log_event(event) for event in document["logEvents"]]
        else:
            unwrapped.notes.append(Note("control_message", "CloudWatch asked whether the way to here is open."))
    elif isinstance(document, Refused):
        unwrapped.pieces += lines(data)
    else:
        unwrapped.pieces.append(Piece(document, data))


def _log_event(event: Any) -> Piece | BadPiece:
    """Read one entry of a CloudWatch log. Source: CloudWatch Logs, subscription filters."""
    message = event.get("message") if isinstance(event, dict) else None
    if not isinstance(message, str):
        reason = Refused("not_a_log_event", "A log event is an object with a text “message”; this is not.")
        return BadPiece(reason, msgspec.json.encode(event))
    id_, at = event.get("id"), event.get("timestamp")
    return read_piece(message.encode(), id_=id_ if isinstance(id_, str) else "", at=_log_time(at))


def _log_time(milliseconds: Any) -> str:
    try:
        return as_timestamp(milliseconds, unit=MILLISECOND)
    except ExpressionFailed:
        return ""


def _unbase64(text: str) -> bytes | Refused:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return Refused("invalid_base64", "What should be base64 is not.")
