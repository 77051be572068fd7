"""The Segment-compatible routes: what their bodies mean, and which messages they bring.

Source: Segment HTTP API; the routes and bodies that the official server SDKs send.
"""

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Raw

from assistants.intake.answers import Unreadable
from assistants.messages import TYPES, Message, Refused, merge_defaults, read_message

MAX_BODY_BYTES = 512_000
MAX_BATCH_ITEMS = 2_500
BATCH_PATHS = frozenset({"/v1/batch", "/v1/import"})
# Path → the message type that it fixes.
SINGLE_PATHS = {f"/v1/{type_}": type_ for type_ in TYPES}
PATHS = BATCH_PATHS | SINGLE_PATHS.keys()


class _Batch(msgspec.Struct):
    batch: list[Raw]
    writeKey: Any = None  # noqa: N815  Segment's own name
    context: Raw | None = None
    integrations: Raw | None = None


class _Keyed(msgspec.Struct):
    writeKey: Any = None  # noqa: N815  Segment's own name


_batch_decoder = msgspec.json.Decoder(_Batch)
_keyed_decoder = msgspec.json.Decoder(_Keyed)
_anything = msgspec.json.Decoder()


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
    """What the items of a request turned out to be: messages, and refused ones with index and raw bytes."""

    messages: list[Message]
    refused: list[tuple[int, Refused, bytes]]


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
        return _take_apart(path, body, header_key=header_key)
    except RecursionError:
        raise Unreadable(400, "too_deep", "The body is nested too deeply.") from None


def read_items(request: Request, *, received_at: datetime) -> Read:
    """Turn the items into messages, each on its own: a bad one is set aside, its neighbours stay."""
    messages: list[Message] = []
    refused: list[tuple[int, Refused, bytes]] = []
    for index, raw in enumerate(request.items):
        result = _read_item(index, raw, request, received_at)
        if isinstance(result, Refused):
            refused.append((index, result, raw))
        else:
            messages.append(result)
    return Read(messages, refused)


def _read_item(index: int, raw: bytes, request: Request, received_at: datetime) -> Message | Refused:
    if index >= MAX_BATCH_ITEMS:
        return Refused("batch_too_long", f"A batch may hold {MAX_BATCH_ITEMS:,} items; this one is beyond that.")
    message = read_message(raw, received_at=received_at, fixed_type=request.fixed_type)
    if isinstance(message, Message) and (request.context or request.integrations):
        return merge_defaults(message, context=request.context, integrations=request.integrations)
    return message


def _take_apart(path: str, body: bytes, *, header_key: str) -> Request:
    if not body.strip():
        raise Unreadable(400, "invalid_request", "The body is empty.")
    try:
        body.decode()
    except UnicodeDecodeError as error:
        raise Unreadable(400, "invalid_request", f"The body is not UTF-8: byte {error.start} is wrong.") from None
    path = path.rstrip("/")
    if path in BATCH_PATHS:
        batch, items = _read_batch(body)
        key = _one_key(header_key, batch.writeKey)
        return Request(key, items, "", _object(batch.context, "context"), _object(batch.integrations, "integrations"))
    keyed, item = _read_single(body)
    return Request(_one_key(header_key, keyed.writeKey), [item], SINGLE_PATHS[path], None, None)


def _read_batch(body: bytes) -> tuple[_Batch, list[bytes]]:
    try:
        batch = _batch_decoder.decode(body)
    except msgspec.ValidationError:
        raise _wrong_shape(body) from None
    except msgspec.DecodeError:
        parsed = _parse_with_surrogates(body)
        if not isinstance(parsed, dict) or not isinstance(parsed.get("batch"), list):
            raise _wrong_shape(body) from None
        items = [_dump(item) for item in parsed.pop("batch")]
        batch = _batch_decoder.decode(_head(parsed))
    else:
        items = [bytes(raw) for raw in batch.batch]
    if not items:
        raise Unreadable(400, "empty_batch", "The batch holds no items.")
    return batch, items


def _read_single(body: bytes) -> tuple[_Keyed, bytes]:
    try:
        return _keyed_decoder.decode(body), body.strip()
    except msgspec.ValidationError:
        raise Unreadable(400, "invalid_request", "The body must be a JSON object.") from None
    except msgspec.DecodeError:
        parsed = _parse_with_surrogates(body)
        if not isinstance(parsed, dict):
            raise Unreadable(400, "invalid_request", "The body must be a JSON object.") from None
        return _keyed_decoder.decode(_head(parsed)), _dump(parsed)


def _parse_with_surrogates(body: bytes) -> Any:
    """Parse what the strict decoder stopped at: a lone surrogate is one item's fault, the rest is the whole body's."""
    try:
        return json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Unreadable(400, "invalid_request", f"Malformed JSON: {error}.") from None


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _dump(item: Any) -> bytes:
    """Write an item again, marking one that holds a lone surrogate by bytes that are not UTF-8."""
    return json.dumps(item, ensure_ascii=False).encode(errors="surrogatepass")


def _head(parsed: dict[str, Any]) -> bytes:
    """Write what a body holds beside its items again. Raises Unreadable where the lone surrogate is there."""
    head = {name: parsed[name] for name in ("writeKey", "context", "integrations") if name in parsed}
    try:
        return json.dumps({**head, "batch": []}, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise Unreadable(400, "lone_surrogate", "A text outside the items holds a lone surrogate.") from None


def _one_key(header_key: str, body_key: Any) -> str:
    """Return the one key that header and body name. Raises Unreadable where there is none, or two."""
    if body_key is not None and not isinstance(body_key, str):
        raise Unreadable(400, "invalid_request", "writeKey must be a text.")
    if header_key and body_key and header_key != body_key:
        raise Unreadable(400, "key_mismatch", "The Authorization header and writeKey name different keys.")
    key = header_key or body_key or ""
    if not key:
        raise Unreadable(
            400,
            "invalid_write_key",
            "An invalid write key was provided: give an ingest key of this Sluice as the Basic user name or as writeKey.",
        )
    return key


def _object(raw: Raw | None, name: str) -> Raw | None:
    if raw is None or bytes(raw) == b"null":
        return None
    if not bytes(raw).startswith(b"{"):
        raise Unreadable(400, "invalid_request", f"The batch's {name} must be a JSON object.")
    return raw


def _wrong_shape(body: bytes) -> Unreadable:
    """Say how the body differs from {"batch": […]}; only syntax is known to be right."""
    parsed = _anything.decode(body)
    if not isinstance(parsed, dict):
        return Unreadable(400, "invalid_request", "The body must be a JSON object with a list “batch”.")
    if "batch" not in parsed:
        return Unreadable(400, "invalid_request", "The body has no “batch”.")
    return Unreadable(400, "invalid_request", "“batch” must be a list.")
