"""Compose: a pure function from events of the log to one batch for Segment, with a reason for each event left out."""

import copy
import hashlib
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import UNSET, Raw, UnsetType

from assistants import catalog, log
from assistants.catalog.entry import Entry
from assistants.messages import Event, Message, to_json
from integrations.segment.limits import MAX_BATCH_BYTES, MAX_BATCH_MESSAGES, MAX_MESSAGE_BYTES
from integrations.version import VERSION

TEST_SOURCE = "test"
ACCEPTED = "accepted"
# The body around the messages: {"batch":[…],"sentAt":"…"}.
ENVELOPE_BYTES = 60
# A server's library sends the same context with every event.
REMEMBERED_CONTEXTS = 256
_SIGNATURE = Raw(msgspec.json.encode({"name": "sluice", "version": VERSION}))
_BOTH = b'"integration":' + bytes(_SIGNATURE) + b',"library":' + bytes(_SIGNATURE)
# The hexadecimal digit that holds a UUID's variant, by the digit of the hash in its place.
_VARIANT = {f"{digit:x}": f"{digit & 0x3 | 0x8:x}" for digit in range(16)}
_members = msgspec.json.Decoder(dict[str, Raw])
_session = msgspec.json.Decoder(dict[str, Any])

Key = tuple[str, str]
CountKey = tuple[datetime, str]


@dataclass(frozen=True)
class Terms:
    """What a connection's version means for composing: message IDs are made in its namespace, `selection` decides."""

    namespace: uuid.UUID
    selection: frozenset[Key]
    anonymous_sessions: bool = False


@dataclass
class Batch:
    """A range of the log and what becomes of it: messages to send with their positions, and events left out."""

    first: int
    last: int
    positions: list[int] = field(default_factory=list)
    messages: list[bytes] = field(default_factory=list)
    left_out: list[tuple[int, str]] = field(default_factory=list)
    # Events by minute of receipt and name: those to be sent, and those left out with the reason.
    sent_counts: Counter[CountKey] = field(default_factory=Counter)
    left_out_counts: Counter[tuple[datetime, str, str]] = field(default_factory=Counter)
    is_test: bool = False


def compose(events: Sequence[Event], terms: Terms, *, max_messages: int = MAX_BATCH_MESSAGES) -> Batch:
    """Compose the longest batch from the front of `events` (not empty) that Segment's limits and `max_messages` allow.

    The batch covers its range completely: whatever is not among its messages is left out with a reason.
    """
    batch = Batch(first=events[0].position, last=events[0].position - 1)
    size = ENVELOPE_BYTES
    minutes = _Minutes()
    for event in events:
        reason, body = compose_one(event, terms)
        count_key = (minutes.of(event.received_at), log.counted_name(event.message))
        if reason:
            batch.left_out.append((event.position, reason))
            batch.left_out_counts[(*count_key, reason)] += 1
        else:
            size += len(body) + 1
            if size > MAX_BATCH_BYTES or len(batch.messages) >= max_messages:
                break
            batch.messages.append(body)
            batch.positions.append(event.position)
            batch.sent_counts[count_key] += 1
            batch.is_test = batch.is_test or event.source == TEST_SOURCE
        batch.last = event.position
    return batch


def compose_one(event: Event, terms: Terms) -> tuple[str, bytes]:
    """Return why an event is left out, or no reason and the message as it is sent.

    A message that cannot be read is left out like any other: its neighbours must not wait for it.
    """
    try:
        return _judge(event, terms)
    except (ValueError, TypeError, RecursionError):
        return "unreadable", b""


def _judge(event: Event, terms: Terms) -> tuple[str, bytes]:
    message = event.message
    if message is None:
        return ("erased" if event.is_readable else "unreadable"), b""
    if event.source != TEST_SOURCE:
        entry = catalog.covering(message.type, message.event or "")
        reason = _reason(message, entry, terms)
        if reason:
            return reason, b""
    sent = _as_sent(message, terms)
    body = to_json(sent)
    if len(body) > MAX_MESSAGE_BYTES:
        # What fits by itself must not be left out because we sign it.
        sent.context = message.context
        body = to_json(sent)
    if len(body) > MAX_MESSAGE_BYTES:
        return "message_too_large", b""
    return "", body


def derived_message_id(namespace: uuid.UUID, message_id: str) -> str:
    """Return UUIDv5(namespace, message ID); `uuid.uuid5` gives the same at five times the cost."""
    digits = hashlib.sha1(namespace.bytes + message_id.encode(), usedforsecurity=False).hexdigest()
    variant = _VARIANT[digits[16]]
    return f"{digits[:8]}-{digits[8:12]}-5{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:32]}"


def _reason(message: Message, entry: Entry | None, terms: Terms) -> str:
    """Say why the event must not be sent, or nothing. Words are Segment's own where they mean the same."""
    extra = message.extra or {}
    if message.type == "track" and not message.event:
        return "event_not_string" if "event" in extra else "event_not_defined"
    if entry is None or entry.key not in terms.selection:
        return "event_not_selected"
    if message.properties is not UNSET and not _is_object(message.properties):
        return "properties_not_object"
    if message.traits is not UNSET and not _is_object(message.traits):
        return "traits_not_object"
    if (message.type == "group" and not message.group_id) or (
        message.type == "alias" and not (message.previous_id and message.user_id)
    ):
        return "id_required"
    if message.user_id:
        return ""
    if "userId" in extra or ("anonymousId" in extra and not entry.needs_user_id):
        return "id_not_string"
    if entry.needs_user_id:
        return "" if terms.anonymous_sessions and _session_id(message) else "no_user_id"
    return "" if message.anonymous_id else "no_user_anon_id"


def _as_sent(message: Message, terms: Terms) -> Message:
    """Return a copy with the connection's own message ID and our signature in its context."""
    sent = copy.copy(message)
    sent.message_id = derived_message_id(terms.namespace, message.message_id)
    sent.context = _signed(message.context)
    if terms.anonymous_sessions and not (message.user_id or message.anonymous_id):
        sent.anonymous_id = _session_id(message) or UNSET
    return sent


def _signed(context: Raw | UnsetType) -> Raw:
    """Add who sends this to a context: the integration always, the library where the sender named none."""
    return _sign(b"{}" if context is UNSET or not _is_object(context) else bytes(context))


@lru_cache(maxsize=REMEMBERED_CONTEXTS)
def _sign(raw: bytes) -> Raw:
    # Names that stand there, possibly further down or written with escapes, are worth a closer look; most have none.
    if b'"integration"' in raw or b'"library"' in raw or b"\\" in raw:
        members = _members.decode(raw)
        return Raw(msgspec.json.encode({"library": _SIGNATURE, **members, "integration": _SIGNATURE}))
    rest = raw[1:].lstrip()
    return Raw(b"{" + _BOTH + (b"" if rest == b"}" else b",") + rest)


def _is_object(raw: Raw) -> bool:
    return bytes(raw).startswith(b"{")


def _session_id(message: Message) -> str:
    if message.properties is UNSET or not _is_object(message.properties):
        return ""
    session_id = _session.decode(message.properties).get("sessionId")
    return session_id if isinstance(session_id, str) else ""


class _Minutes:
    """Rounds times down to the minute; consecutive events mostly share one."""

    def __init__(self) -> None:
        self._last: datetime | None = None
        self._minute: datetime | None = None

    def of(self, moment: datetime) -> datetime:
        if moment is not self._last or self._minute is None:
            self._last, self._minute = moment, moment.replace(second=0, microsecond=0)
        return self._minute
