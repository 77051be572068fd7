"""The rules by which one item of a request becomes a message, whatever its source.

Nearly every item is a message as it stands, with the properties that the catalog names. So that is what is tried first,
and each part of it is decoded once; only what does not fit is looked at member by member.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from msgspec import UNSET, Raw, UnsetType

from assistants.catalog.check import EXACT
from assistants.faults import (
    MAX_MESSAGE_BYTES,
    Refused,
    excerpt,
    find_fault,
    has_unicode_escape,
    is_plain_object,
)
from assistants.intake.printed_forms import is_suspicious, put_right
from assistants.messages import EPOCH, Message, new_message_id

TYPES = frozenset({"track", "identify", "page", "screen", "group", "alias"})
# A timestamp further ahead than this is a broken clock, not an event of the future.
MAX_AHEAD = timedelta(days=366)

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
_NO_TEXTS = (None,) * 5
# The key is the request's business, and `sentAt` is written afresh with each attempt.
_NOT_KEPT = ("writeKey", "sentAt")
# The characters of a date and time.
_has_timestamp_characters = re.compile(r"[0-9TtZW:., +-]+").fullmatch
_NULL = Raw(b"null")
_decode_usual = msgspec.json.Decoder(Message).decode
_members = msgspec.json.Decoder(dict[str, Raw])
_anything = msgspec.json.Decoder()
_encoder = msgspec.json.Encoder()


class ItemReader:
    """Reads the items of one request; `fixed_type` is the type that a route like /v1/track fixes.

    `is_faultless` says that every message so far is known to be as the catalog says, or none that the catalog knows.
    """

    def __init__(self, *, received_at: datetime, fixed_type: str = "") -> None:
        self.received_at = received_at
        self.latest = received_at + MAX_AHEAD
        self.fixed_type = fixed_type
        self.types = frozenset({fixed_type}) if fixed_type else TYPES
        self.is_faultless = True
        # Names of events that came with properties of the sender's own: their neighbours mostly have them, too.
        self._inexact: set[str | None] = set()
        # A server's library sends the same objects with each event.
        self._plain_context = self._plain_integrations = Raw(b"{}")

    def read(self, item: bytes) -> Message | Refused:
        """Turn one JSON item into a message, or say why it cannot be taken.

        Numeric IDs become strings, null members are dropped, a missing message ID is made up, and a missing or unusable
        timestamp becomes the time of receipt.
        """
        message = self._read_usual(item)
        if message is not None:
            return message
        fault = find_fault(item)
        if fault is not None:
            return fault
        self.is_faultless = False
        return self._read_members(item)

    def _read_usual(self, item: bytes) -> Message | None:
        """Read an item that is a message as it stands, and has no fault; None for one of which that is not plain."""
        # An escape may be half of a pair of surrogates, or NUL.
        if (b"\\" in item and has_unicode_escape(item)) or len(item) > MAX_MESSAGE_BYTES:
            return None
        try:
            message = _decode_usual(item)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        if (
            message.type not in self.types
            or not message.message_id
            or message.extra is not UNSET
            or not self._is_usable(message.timestamp)
            or not self._has_plain_objects(message)
            or not self._has_right_properties(message, item)
        ):
            return None
        return _without_empty(message)

    def _has_plain_objects(self, message: Message) -> bool:
        """Say whether the objects beside the properties are plain."""
        context, integrations, traits = message.context, message.integrations, message.traits
        if context is not UNSET and context != self._plain_context:
            if not is_plain_object(context):
                return False
            self._plain_context = context
        if integrations is not UNSET and integrations != self._plain_integrations:
            if not is_plain_object(integrations):
                return False
            self._plain_integrations = integrations
        return traits is UNSET or is_plain_object(traits)

    def _has_right_properties(self, message: Message, item: bytes) -> bool:
        """Say whether the properties are plain, and not in a form that has to be put right."""
        event, properties = message.event, message.properties
        is_exact = EXACT.get(event)
        if is_exact is not None and properties is not UNSET and event not in self._inexact:
            if is_exact(properties):
                return True
            self._inexact.add(event)
        self.is_faultless = self.is_faultless and is_exact is None
        return (properties is UNSET or is_plain_object(properties)) and not is_suspicious(item, event)

    def _read_members(self, item: bytes) -> Message | Refused:
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
        type_ = self.fixed_type or texts.get("type", "")
        if type_ not in TYPES:
            return Refused("unknown_type", _type_message(texts.get("type"), is_text="type" not in extra))
        given = texts.pop("timestamp", "")
        timestamp = given
        if not self._is_usable(given):
            timestamp = self.received_at.isoformat(timespec="milliseconds")
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

    def _is_usable(self, timestamp: str) -> bool:
        """Say whether a timestamp is ISO 8601 and between 1970 and a year ahead."""
        # Python reads more than ISO 8601, such as any separator between date and time.
        if timestamp[10:11] != "T" and not _has_timestamp_characters(timestamp):
            return False
        try:
            moment = datetime.fromisoformat(timestamp)
        except ValueError:
            return False
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return EPOCH <= moment <= self.latest


def read_message(raw: bytes | Raw, *, received_at: datetime, fixed_type: str = "") -> Message | Refused:
    """Read a single item; see ItemReader."""
    return ItemReader(received_at=received_at, fixed_type=fixed_type).read(bytes(raw))


def _without_empty(message: Message) -> Message:
    """Take away texts that are empty."""
    texts = (message.anonymous_id, message.group_id, message.previous_id, message.name, message.category)
    # A track call of a known user, which has no other texts, is what comes most.
    if message.user_id and message.event and texts == _NO_TEXTS:
        return message
    for attribute in _TEXTS:
        if not getattr(message, attribute):
            setattr(message, attribute, None)
    return message


def _as_text(raw: bytes, *, is_id: bool) -> str | None:
    """Read a text; of an ID also a number, digit for digit. None for anything else."""
    if raw.startswith(b'"'):
        text: str = _anything.decode(raw)
        return text
    if is_id and raw[:1] in b"-0123456789":
        return raw.decode()
    return None


def _unless_null(raw: Raw | UnsetType) -> Raw | UnsetType:
    return UNSET if raw == _NULL else raw


def _type_message(given: str | None, *, is_text: bool) -> str:
    known = ", ".join(sorted(TYPES))
    if not is_text:
        return f"The type must be a text, one of {known}."
    if not given:
        return f"The item has no type; it must be one of {known}."
    return f"The type {excerpt(given)} is not one of {known}."
