"""Segment messages as Sluice keeps them, and the rules by which one item of a request becomes a message or is refused."""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from msgspec import UNSET, Raw, UnsetType

MAX_MESSAGE_BYTES = 32_768
MAX_DEPTH = 32
# No double holds an integer with more digits: a reader would see infinity.
MAX_NUMBER_DIGITS = 308
TYPES = frozenset({"track", "identify", "page", "screen", "group", "alias"})
# A timestamp further ahead than this is a broken clock, not an event of the future.
MAX_AHEAD = timedelta(days=366)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_STRINGS = ("type", "event", "userId", "anonymousId", "groupId", "previousId", "name", "category", "messageId", "timestamp")
_IDS = frozenset({"userId", "anonymousId", "groupId", "previousId", "messageId"})
_OBJECTS = ("properties", "traits", "context", "integrations")
# The key is the request's business, and `sentAt` is written afresh with each attempt.
_NOT_KEPT = ("writeKey", "sentAt")
_DIGITS_TO_ZERO = bytes(0x30 if 0x30 <= byte <= 0x39 else byte for byte in range(256))


class Message(msgspec.Struct, rename="camel", kw_only=True, omit_defaults=True):
    """One Segment message. Objects stay raw JSON, so that what was checked is exactly what is sent.

    `extra` holds every other top-level member: unknown ones, and known ones of an unusable type.
    """

    type: str
    event: str | UnsetType = UNSET
    user_id: str | UnsetType = UNSET
    anonymous_id: str | UnsetType = UNSET
    group_id: str | UnsetType = UNSET
    previous_id: str | UnsetType = UNSET
    name: str | UnsetType = UNSET
    category: str | UnsetType = UNSET
    message_id: str
    timestamp: str
    properties: Raw | UnsetType = UNSET
    traits: Raw | UnsetType = UNSET
    context: Raw | UnsetType = UNSET
    integrations: Raw | UnsetType = UNSET
    extra: dict[str, Raw] | UnsetType = UNSET


class Event(msgspec.Struct, frozen=True):
    """One message at its position in the log; without a message where the person was erased."""

    position: int
    received_at: datetime
    source: str
    message: Message | None

    @property
    def name(self) -> str:
        """What people call it: the event's name, the page's name, or the type."""
        if self.message is None:
            return "Erased"
        return self.message.event or self.message.name or self.message.type.capitalize()

    @property
    def user(self) -> str:
        """The user ID, else the anonymous ID, else nothing."""
        if self.message is None:
            return ""
        return self.message.user_id or self.message.anonymous_id or ""


@dataclass(frozen=True)
class Refused:
    """Why an item of a request was not taken: a code for programs, a message for people."""

    code: str
    message: str


class _Incoming(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """An item of the usual shape; anything unusual takes the slower way through its members."""

    type: str | None = None
    event: str | None = None
    user_id: str | None = None
    anonymous_id: str | None = None
    group_id: str | None = None
    previous_id: str | None = None
    name: str | None = None
    category: str | None = None
    message_id: str | None = None
    timestamp: str | None = None
    properties: Raw | UnsetType = UNSET
    traits: Raw | UnsetType = UNSET
    context: Raw | UnsetType = UNSET
    integrations: Raw | UnsetType = UNSET
    write_key: Any = None
    sent_at: Any = None


_incoming = msgspec.json.Decoder(_Incoming)
_members = msgspec.json.Decoder(dict[str, Raw])
_anything = msgspec.json.Decoder()
_encoder = msgspec.json.Encoder()


def read_message(raw: bytes | Raw, *, received_at: datetime, fixed_type: str = "") -> Message | Refused:
    """Turn one JSON item into a message, or say why it cannot be taken.

    `fixed_type` is the type that a route like /v1/track fixes. Numeric IDs become strings, null members are dropped, a
    missing message ID is made up, and a missing or unusable timestamp becomes the time of receipt.
    """
    item = bytes(raw)
    fault = find_fault(item)
    if fault:
        return fault
    try:
        incoming = _incoming.decode(item)
    except msgspec.ValidationError:
        members = dict(_members.decode(item))
        incoming, extra = _sort_members(members)
    else:
        extra = {}
    type_ = fixed_type or incoming.type or ""
    if type_ not in TYPES:
        return Refused("unknown_type", _type_message(incoming.type))
    return _message(incoming, type_, extra, received_at)


def find_fault(item: bytes) -> Refused | None:
    """Look for what no store and no reader downstream can be trusted with, the same on every database.

    A lone surrogate comes here as bytes that are not UTF-8: JSON's escapes allow it, but no text can hold it.
    """
    if not item.startswith(b"{"):
        return Refused("not_an_object", f"An item must be a JSON object, not {_excerpt(item)}.")
    if len(item) > MAX_MESSAGE_BYTES:
        return Refused("message_too_large", f"The item has {len(item):,} bytes; the limit is {MAX_MESSAGE_BYTES:,}.")
    try:
        value = _anything.decode(item)
    except RecursionError:
        return _too_deep()
    except msgspec.ValidationError:
        return Refused("number_out_of_range", "A number is too large for any reader to hold.")
    except UnicodeDecodeError:
        return Refused("lone_surrogate", "A key or a text contains half of a surrogate pair (\\ud800 to \\udfff).")
    except msgspec.DecodeError as error:
        return Refused("invalid_json", f"The item is not valid JSON: {error}.")
    if b"\\u0000" in item and _any_text(value, "\0"):
        return Refused("nul_character", "A key or a text contains the NUL character (\\u0000).")
    if b"0" * (MAX_NUMBER_DIGITS + 1) in item.translate(_DIGITS_TO_ZERO) and _has_huge_integer(value):
        return Refused("number_out_of_range", "A number is too large for any reader to hold.")
    if item.count(b"{") + item.count(b"[") > MAX_DEPTH and _depth(value) > MAX_DEPTH:
        return _too_deep()
    return None


def merge_defaults(message: Message, *, context: Raw | None, integrations: Raw | None) -> Message:
    """Fill in what a batch says for all of its items; the item's own members win."""
    if context is not None:
        message.context = _merged(context, message.context)
    if integrations is not None:
        message.integrations = _merged(integrations, message.integrations)
    return message


def to_json(message: Message) -> bytes:
    """Write the message as Segment expects it: one flat JSON object."""
    if message.extra is UNSET:
        return _encoder.encode(message)
    members = _members.decode(_encoder.encode(message))
    del members["extra"]
    return _encoder.encode({**message.extra, **members})


def pretty_json(message: Message) -> str:
    """Write the message for people to read."""
    return msgspec.json.format(to_json(message), indent=2).decode()


def new_message_id() -> str:
    """Make a message ID for an item that came without one."""
    return f"sluice-{uuid.uuid4()}"


def _sort_members(members: dict[str, Raw]) -> tuple[_Incoming, dict[str, Raw]]:
    """Split the members of an unusual item into those of the usual shape and the rest."""
    for name in _NOT_KEPT:
        members.pop(name, None)
    incoming = _Incoming()
    for name in _STRINGS:
        if name in members:
            text = _as_text(bytes(members[name]), is_id=name in _IDS)
            if text is not None:
                del members[name]
                setattr(incoming, _attribute(name), text)
    for name in _OBJECTS:
        if name in members:
            setattr(incoming, name, members.pop(name))
    extra = {name: raw for name, raw in members.items() if bytes(raw) != b"null"}
    return incoming, extra


def _attribute(member: str) -> str:
    return "".join(f"_{char.lower()}" if char.isupper() else char for char in member)


def _as_text(raw: bytes, *, is_id: bool) -> str | None:
    """Read a text; of an ID also a number, digit for digit. None for anything else."""
    if raw.startswith(b'"'):
        text: str = _anything.decode(raw)
        return text
    if is_id and raw[:1] in b"-0123456789":
        return raw.decode()
    return None


def _message(incoming: _Incoming, type_: str, extra: dict[str, Raw], received_at: datetime) -> Message:
    timestamp = _usable_timestamp(incoming.timestamp, received_at)
    if timestamp is None:
        timestamp = received_at.isoformat(timespec="milliseconds")
        if incoming.timestamp:
            extra = {**extra, "originalTimestamp": Raw(_encoder.encode(incoming.timestamp))}
    return Message(
        type=type_,
        event=incoming.event or UNSET,
        user_id=incoming.user_id or UNSET,
        anonymous_id=incoming.anonymous_id or UNSET,
        group_id=incoming.group_id or UNSET,
        previous_id=incoming.previous_id or UNSET,
        name=incoming.name or UNSET,
        category=incoming.category or UNSET,
        message_id=incoming.message_id or new_message_id(),
        timestamp=timestamp,
        properties=_unless_null(incoming.properties),
        traits=_unless_null(incoming.traits),
        context=_unless_null(incoming.context),
        integrations=_unless_null(incoming.integrations),
        extra=extra or UNSET,
    )


def _usable_timestamp(text: str | None, received_at: datetime) -> str | None:
    """Return the timestamp as it was sent if it is ISO 8601 and between 1970 and a year ahead; else None."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return text if EPOCH <= moment <= received_at + MAX_AHEAD else None


def _unless_null(raw: Raw | UnsetType) -> Raw | UnsetType:
    return UNSET if raw is UNSET or bytes(raw) == b"null" else raw


def _merged(defaults: Raw, own: Raw | UnsetType) -> Raw:
    if own is UNSET:
        return defaults
    if not bytes(own).startswith(b"{"):
        return own
    return Raw(_encoder.encode({**_members.decode(defaults), **_members.decode(own)}))


def _any_text(value: Any, part: str) -> bool:
    """Whether any key or text within a decoded JSON value contains `part`."""
    if isinstance(value, str):
        return part in value
    if isinstance(value, dict):
        return any(part in key or _any_text(member, part) for key, member in value.items())
    return isinstance(value, list) and any(_any_text(member, part) for member in value)


def _has_huge_integer(value: Any) -> bool:
    if isinstance(value, int):
        return abs(value) >= 10**MAX_NUMBER_DIGITS
    if isinstance(value, dict):
        return any(_has_huge_integer(member) for member in value.values())
    return isinstance(value, list) and any(_has_huge_integer(member) for member in value)


def _depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(_depth, value), default=0)
    return 0


def _too_deep() -> Refused:
    return Refused("too_deep", f"The item is nested more than {MAX_DEPTH} levels deep.")


def _type_message(given: str | None) -> str:
    known = ", ".join(sorted(TYPES))
    if not given:
        return f"The item has no type; it must be one of {known}."
    return f"The type {_excerpt(given.encode())} is not one of {known}."


def _excerpt(raw: bytes) -> str:
    text = raw[:40].decode(errors="replace")
    return f"“{text}…”" if len(raw) > 40 else f"“{text}”"
