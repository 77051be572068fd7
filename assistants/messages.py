"""Segment messages as Sluice keeps them, and events: messages with a place in the log."""

import uuid
from datetime import UTC, datetime

import msgspec
from msgspec import UNSET, Raw, UnsetType

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# An event may have 32,768 bytes; a text that would fill it is cut.
MAX_BODY_BYTES = 16_000


class Message(msgspec.Struct, rename="camel", kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """One Segment message. Objects stay raw JSON, so that what was checked is exactly what is sent.

    `extra` holds every other top-level member: unknown ones, and known ones of an unusable type. An item as the
    official libraries write it has none, and can be decoded as a message at once.

    Messages and events are made by the thousand and hold no cycles, so the garbage collector need not look at them.
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


class Event(msgspec.Struct, frozen=True, gc=False):
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


_members = msgspec.json.Decoder(dict[str, Raw])
_encoder = msgspec.json.Encoder()


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


def _merged(defaults: Raw, own: Raw | UnsetType) -> Raw:
    if own is UNSET:
        return defaults
    if not bytes(own).startswith(b"{"):
        return own
    return Raw(_encoder.encode({**_members.decode(defaults), **_members.decode(own)}))
