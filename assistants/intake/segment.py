"""The Segment-compatible routes: what their bodies mean, and which messages they bring.

Source: Segment HTTP API; the routes and bodies that the official SDKs send. Those of pages and phones use short names.
"""

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import msgspec
from msgspec import Raw

from assistants.faults import MAX_MESSAGE_BYTES, Refused, find_fault, mark_lone_surrogates
from assistants.intake.answers import Unreadable
from assistants.items import TYPES, ItemReader
from assistants.messages import Message, merge_defaults, to_json

T = TypeVar("T")

MAX_BODY_BYTES = 512_000
MAX_BATCH_ITEMS = 2_500
# Items beyond the limit are refused one by one, and so listed in the answer. No sender's mistake comes to as many as
# these, and half a million bytes of "0,0,0,…" must not turn into an answer of many millions.
MAX_LISTED_ITEMS = 10_000
BATCH_PATHS = frozenset({"/v1/batch", "/v1/import", "/v1/b"})
_BEYOND_LIMIT = Refused("batch_too_long", f"A batch may hold {MAX_BATCH_ITEMS:,} items; this one is beyond that.")
# Path → the message type that it fixes.
SINGLE_PATHS = {f"/v1/{name}": type_ for type_ in TYPES for name in (type_, type_[0])}
# How fast a library works on the pages of others; taken, and not kept.
METRICS_PATH = "/v1/m"
PATHS = BATCH_PATHS | SINGLE_PATHS.keys() | {METRICS_PATH}


# A member that is null says as much as one that is not there.
_NULL = Raw(b"null")


class _Batch(msgspec.Struct):
    batch: list[Raw]
    writeKey: Raw = _NULL  # noqa: N815  Segment's own name
    context: Raw = _NULL
    integrations: Raw = _NULL


class _Keyed(msgspec.Struct):
    writeKey: Raw = _NULL  # noqa: N815  Segment's own name


class _Shape(msgspec.Struct):
    batch: Raw = _NULL


_batch_decoder = msgspec.json.Decoder(_Batch)
_keyed_decoder = msgspec.json.Decoder(_Keyed)
_shape_decoder = msgspec.json.Decoder(_Shape)
_text_decoder = msgspec.json.Decoder(str)


@dataclass(frozen=True)
class Request:
    """A body taken apart: its items in order, still raw, and what holds for all of them."""

    write_key: str
    items: list[bytes]
    fixed_type: str
    context: Raw | None
    integrations: Raw | None


@dataclass(frozen=True)
class Read:
    """What the items of a request turned out to be: messages, and refused ones with index and raw bytes.

    `size_bytes` is about what they take in memory; `is_faultless` as in ItemReader.
    """

    messages: list[Message]
    refused: list[tuple[int, Refused, bytes]]
    size_bytes: int
    is_faultless: bool


def basic_user(authorization: bytes) -> str:
    """Return the user name of a Basic Authorization header, which is the key; nothing for any other header.

    The colon is tolerated to be missing. Raises Unreadable where the header is not base64.
    """
    scheme, _, credentials = authorization.strip().partition(b" ")
    if scheme.lower() != b"basic":
        return ""
    try:
        decoded = base64.b64decode(credentials.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise Unreadable(400, "invalid_authorization", "The Basic Authorization header is not valid base64.") from None
    return decoded.partition(":")[0]


def take_apart(path: str, body: bytes, *, header_key: str) -> Request:
    """Read a body as far as all routes share it: JSON, an object, one key. Raises Unreadable with what is wrong."""
    try:
        return _take_apart(path.rstrip("/"), _as_text(body), header_key=header_key)
    except RecursionError:
        raise Unreadable(400, "too_deep", "The body is nested too deeply.") from None
    except msgspec.DecodeError as error:
        reason = str(error).removeprefix("JSON is malformed: ")
        raise Unreadable(400, "invalid_request", f"Malformed JSON: {reason}.") from None


def read_items(request: Request, *, received_at: datetime) -> Read:
    """Turn the items into messages, each on its own: a bad one is set aside, its neighbours stay."""
    messages: list[Message] = []
    refused: list[tuple[int, Refused, bytes]] = []
    reader = ItemReader(received_at=received_at, fixed_type=request.fixed_type)
    size_of_defaults = _size_of_defaults(request)
    for index, item in enumerate(request.items):
        result = reader.read(item) if index < MAX_BATCH_ITEMS else _BEYOND_LIMIT
        if size_of_defaults and isinstance(result, Message):
            result = _with_defaults(result, request)
        if isinstance(result, Message):
            messages.append(result)
        else:
            refused.append((index, result, item))
    size_bytes = sum(map(len, request.items)) + len(messages) * size_of_defaults
    return Read(messages, refused, size_bytes, is_faultless=reader.is_faultless)


def _with_defaults(message: Message, request: Request) -> Message | Refused:
    merged = merge_defaults(message, context=request.context, integrations=request.integrations)
    size = len(to_json(merged))
    if size > MAX_MESSAGE_BYTES:
        limit = f"the limit is {MAX_MESSAGE_BYTES:,}"
        return Refused(
            "message_too_large", f"With the batch's context and integrations the item has {size:,} bytes; {limit}."
        )
    return merged


def _size_of_defaults(request: Request) -> int:
    return sum(len(bytes(raw)) for raw in (request.context, request.integrations) if raw is not None)


def _as_text(body: bytes) -> bytes:
    """Return the body if it is UTF-8 and not empty."""
    if not body.strip():
        raise Unreadable(400, "invalid_request", "The body is empty.")
    try:
        body.decode()
    except UnicodeDecodeError as error:
        raise Unreadable(400, "invalid_request", f"The body is not UTF-8: byte {error.start} is wrong.") from None
    return body


def _take_apart(path: str, body: bytes, *, header_key: str) -> Request:
    if path in SINGLE_PATHS:
        keyed, item = _read_single(body)
        return Request(_one_key(header_key, keyed.writeKey), [item], SINGLE_PATHS[path], None, None)
    batch = _read_batch(body)
    return Request(
        write_key=_one_key(header_key, batch.writeKey),
        items=_items(batch),
        fixed_type="",
        context=_object(batch.context, "context"),
        integrations=_object(batch.integrations, "integrations"),
    )


def _read_batch(body: bytes) -> _Batch:
    try:
        return _decode(_batch_decoder, body)[0]
    except msgspec.ValidationError:
        raise _wrong_shape(body) from None


def _read_single(body: bytes) -> tuple[_Keyed, bytes]:
    try:
        keyed, readable = _decode(_keyed_decoder, body)
    except msgspec.ValidationError:
        raise Unreadable(400, "invalid_request", "The body must be a JSON object.") from None
    return keyed, readable.strip()


def _decode(decoder: msgspec.json.Decoder[T], body: bytes) -> tuple[T, bytes]:
    """Decode a body and return it as it could be read: a lone surrogate is the fault of one item, not of the body."""
    try:
        return decoder.decode(body), body
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        marked = mark_lone_surrogates(body)
        return decoder.decode(marked), marked


def _items(batch: _Batch) -> list[bytes]:
    if not batch.batch:
        raise Unreadable(400, "empty_batch", "The batch holds no items.")
    if len(batch.batch) > MAX_LISTED_ITEMS:
        raise Unreadable(
            400, "batch_too_long", f"A batch may hold {MAX_BATCH_ITEMS:,} items, not {len(batch.batch):,}."
        )
    return [bytes(raw) for raw in batch.batch]


def _one_key(header_key: str, named: Raw) -> str:
    """Return the one key that header and body name. Raises Unreadable where there is none, or two."""
    body_key = _key_text(named)
    if header_key and body_key and header_key != body_key:
        raise Unreadable(400, "key_mismatch", "The Authorization header and writeKey name different keys.")
    key = header_key or body_key
    if not key:
        raise Unreadable(
            400,
            "invalid_write_key",
            "An invalid write key was provided: give an ingest key of this Sluice as Basic user name or as writeKey.",
        )
    return key


def _key_text(raw: Raw) -> str:
    if bytes(raw) == b"null":
        return ""
    try:
        return _text_decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Unreadable(400, "invalid_request", "writeKey must be a text.") from None


def _object(raw: Raw, name: str) -> Raw | None:
    """Return what holds for all items, looked through once as each item is."""
    if bytes(raw) == b"null":
        return None
    fault = find_fault(bytes(raw))
    if fault:
        raise Unreadable(400, fault.code, f"The batch's {name}: {fault.message}")
    return raw


def _wrong_shape(body: bytes) -> Unreadable:
    """Say how the body differs from {"batch": […]}."""
    try:
        shape, _ = _decode(_shape_decoder, body)
    except msgspec.ValidationError:
        return Unreadable(400, "invalid_request", "The body must be a JSON object with a list “batch”.")
    if bytes(shape.batch) == b"null":
        return Unreadable(400, "invalid_request", "The body has no “batch”.")
    return Unreadable(400, "invalid_request", "“batch” must be a list.")
