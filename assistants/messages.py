"""Segment messages as Sluice keeps them, and the rules by which one item of a request becomes a message."""

import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from msgspec import UNSET, Raw, UnsetType

from assistants.faults import Refused, excerpt, find_fault

TYPES = frozenset({"track", "identify", "page", "screen", "group", "alias"})
# A timestamp further ahead than this is a broken clock, not an event of the future.
MAX_AHEAD = timedelta(days=366)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

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
# The key is the request's business, and `sentAt` is written afresh with each attempt.
_NOT_KEPT = ("writeKey", "sentAt")
# The characters of a date and time: Python reads more than ISO 8601, such as any separator between the two.
_TIMESTAMP = re.compile(r"[0-9TtZW:., +-]+")


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
        incoming, extra = _sort_members(_members.decode(item))
    else:
        extra = {}
    type_ = fixed_type or incoming.type or ""
    if type_ not in TYPES:
        return Refused("unknown_type", _type_message(incoming.type, is_text="type" not in extra))
    return _message(incoming, type_, extra, received_at)


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
        given = Raw(_encoder.encode(incoming.timestamp)) if incoming.timestamp else extra.pop("timestamp", None)
        if given is not None:
            extra = {**extra, "originalTimestamp": given}
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
    if not text or not _TIMESTAMP.fullmatch(text):
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


def _type_message(given: str | None, *, is_text: bool) -> str:
    known = ", ".join(sorted(TYPES))
    if not is_text:
        return f"The type must be a text, one of {known}."
    if not given:
        return f"The item has no type; it must be one of {known}."
    return f"The type {excerpt(given)} is not one of {known}."
