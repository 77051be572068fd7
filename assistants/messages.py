"""Segment messages as Sluice keeps them, and the rules by which one item of a request becomes a message."""

import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from msgspec import UNSET, Raw, UnsetType

from assistants.faults import Refused, excerpt, find_fault
from assistants.intake.printed_forms import is_suspicious, put_right

TYPES = frozenset({"track", "identify", "page", "screen", "group", "alias"})
# A timestamp further ahead than this is a broken clock, not an event of the future.
MAX_AHEAD = timedelta(days=366)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# An event may have 32,768 bytes; a text that would fill it is cut.
MAX_BODY_BYTES = 16_000

_STRINGS = (
    "type",
    "event",
    "userId",
    "anonymousId",
    "groupId",
    "previousId",
    "name",
    "category",
    "messageId",
    "timestamp",
)
_IDS = frozenset({"userId", "anonymousId", "groupId", "previousId", "messageId"})
_OBJECTS = ("properties", "traits", "context", "integrations")
# Texts that a message may lack: as members and as attributes.
_TEXTS_OF_NAMES = (
    ("event", "event"),
    ("userId", "user_id"),
    ("anonymousId", "anonymous_id"),
    ("groupId", "group_id"),
    ("previousId", "previous_id"),
    ("name", "name"),
    ("category", "category"),
)
_TEXTS = tuple(attribute for _, attribute in _TEXTS_OF_NAMES)
# The key is the request's business, and `sentAt` is written afresh with each attempt.
_NOT_KEPT = ("writeKey", "sentAt")
# The characters of a date and time: Python reads more than ISO 8601, such as any separator between the two.
_TIMESTAMP = re.compile(r"[0-9TtZW:., +-]+")


class Message(msgspec.Struct, rename="camel", kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One Segment message. Objects stay raw JSON, so that what was checked is exactly what is sent.

    `extra` holds every other top-level member: unknown ones, and known ones of an unusable type. An item as the
    official libraries write it has none, and can be decoded as a message at once.
    """

    type: str
    event: str | None = None
    user_id: str | None = None
    anonymous_id: str | None = None
    group_id: str | None = None
    previous_id: str | None = None
    name: str | None = None
    category: str | None = None
    message_id: str
    timestamp: str
    # Raw | None would read as None only.
    properties: Raw | UnsetType = UNSET
    traits: Raw | UnsetType = UNSET
    context: Raw | UnsetType = UNSET
    integrations: Raw | UnsetType = UNSET
    extra: dict[str, Raw] | UnsetType = UNSET


class Event(msgspec.Struct, frozen=True):
    """One message at its position in the log; without a message where the person was erased.

    The message is missing as well where the block cannot be read any more; then `is_readable` is false.
    """

    position: int
    received_at: datetime
    source: str
    message: Message | None
    is_readable: bool = True

    @property
    def name(self) -> str:
        """What people call it: the event's name, the page's name, or the type."""
        if self.message is None:
            return "Erased" if self.is_readable else "Unreadable"
        return self.message.event or self.message.name or self.message.type.capitalize()

    @property
    def user(self) -> str:
        """The user ID, else the anonymous ID, else nothing."""
        if self.message is None:
            return ""
        return self.message.user_id or self.message.anonymous_id or ""


_NULL = Raw(b"null")
_usual = msgspec.json.Decoder(Message)
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
    return _usual_message(item, fixed_type, received_at) or _any_message(item, fixed_type, received_at)


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


def cut(text: str) -> str:
    """Return what somebody wrote as an event can hold it beside the rest: without NUL, and cut if it is long."""
    text = text.replace("\0", "")
    raw = text.encode()
    return text if len(raw) <= MAX_BODY_BYTES else raw[:MAX_BODY_BYTES].decode(errors="ignore") + "…"


def new_message_id() -> str:
    """Make a message ID for an item that came without one."""
    return f"sluice-{uuid.uuid4()}"


def _usual_message(item: bytes, fixed_type: str, received_at: datetime) -> Message | None:
    """Read an item that is a message as it stands; None for one that is not."""
    try:
        message = _usual.decode(item)
    except msgspec.ValidationError:
        return None
    if (
        message.extra is not UNSET
        or not message.message_id
        or message.type not in TYPES
        or (fixed_type and message.type != fixed_type)
        or not _is_usable(message.timestamp, received_at)
        or is_suspicious(item, message.event)
    ):
        return None
    if _has_empty(message):
        _empty_to_absent(message)
    return message


def _has_empty(message: Message) -> bool:
    return (
        message.user_id == ""
        or message.event == ""
        or message.anonymous_id == ""
        or message.properties == _NULL
        or message.context == _NULL
        or message.traits == _NULL
        or message.integrations == _NULL
        or message.group_id == ""
        or message.previous_id == ""
        or message.name == ""
        or message.category == ""
    )


def _empty_to_absent(message: Message) -> None:
    """Take away texts that are empty and objects that are null."""
    for attribute in _TEXTS:
        if not getattr(message, attribute):
            setattr(message, attribute, None)
    for name in _OBJECTS:
        setattr(message, name, _unless_null(getattr(message, name)))


def _any_message(item: bytes, fixed_type: str, received_at: datetime) -> Message | Refused:
    """Read an item member by member; what cannot be used stays beside the message as extra."""
    members = put_right(_members.decode(item))
    for name in _NOT_KEPT:
        members.pop(name, None)
    texts = {}
    for name in _STRINGS:
        text = _as_text(bytes(members[name]), is_id=name in _IDS) if name in members else None
        if text is not None:
            del members[name]
            texts[name] = text
    kept: dict[str, Any] = {name: _unless_null(members.pop(name)) for name in _OBJECTS if name in members}
    kept |= {attribute: texts[name] for name, attribute in _TEXTS_OF_NAMES if texts.get(name)}
    extra = {name: raw for name, raw in members.items() if bytes(raw) != b"null"}
    type_ = fixed_type or texts.get("type", "")
    if type_ not in TYPES:
        return Refused("unknown_type", _type_message(texts.get("type"), is_text="type" not in extra))
    given = texts.pop("timestamp", "")
    timestamp = given
    if not _is_usable(given, received_at):
        timestamp = received_at.isoformat(timespec="milliseconds")
        original = Raw(_encoder.encode(given)) if given else extra.pop("timestamp", None)
        if original is not None:
            extra["originalTimestamp"] = original
    return Message(
        type=type_,
        message_id=texts.get("messageId") or new_message_id(),
        timestamp=timestamp,
        extra=extra or UNSET,
        **kept,
    )


def _as_text(raw: bytes, *, is_id: bool) -> str | None:
    """Read a text; of an ID also a number, digit for digit. None for anything else."""
    if raw.startswith(b'"'):
        text: str = _anything.decode(raw)
        return text
    if is_id and raw[:1] in b"-0123456789":
        return raw.decode()
    return None


def _is_usable(timestamp: str, received_at: datetime) -> bool:
    """Say whether a timestamp is ISO 8601 and between 1970 and a year ahead."""
    if not _TIMESTAMP.fullmatch(timestamp):
        return False
    try:
        moment = datetime.fromisoformat(timestamp)
    except ValueError:
        return False
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return EPOCH <= moment <= received_at + MAX_AHEAD


def _unless_null(raw: Raw | UnsetType) -> Raw | UnsetType:
    return UNSET if raw == _NULL else raw


def _merged(defaults: Raw, own: Raw | UnsetType) -> Raw:
    if own is UNSET:
        return defaults
    if not bytes(own).startswith(b"{"):
        return own
    return Raw(_encoder.encode({**_members.decode(defaults), **_members.decode(own)}))


def _type_message(given: str | None, *, is_text: bool) -> str:
    known = ", ".join(sorted(TYPES))
    if not is_text:
        return f"The type must be a text, one of {known}."
    if not given:
        return f"The item has no type; it must be one of {known}."
    return f"The type {excerpt(given)} is not one of {known}."
