"""Compose: a pure function from events of the log to one batch for Segment, with a reason for each event left out."""

import hashlib
import logging
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import Any

import msgspec
from msgspec import UNSET, Raw, UnsetType

from assistants import catalog, log
from assistants.catalog.check import check, is_fault
from assistants.catalog.entry import Entry
from assistants.catalog.plain import OTHER_TRACK_EVENTS
from assistants.messages import Event, Message, to_json
from integrations import occurrences
from integrations.choice import NOT_IN_REPLAY, Choice
from integrations.occurrences import NO_MARKS, ONCE_PER_VISITOR, Marks, Record, Watch
from integrations.segment.limits import MAX_BATCH_BYTES, MAX_BATCH_MESSAGES, MAX_MESSAGE_BYTES
from integrations.shape import Rule, Shapes, shaped
from integrations.version import VERSION

TEST_SOURCE = "test"
SAMPLE_SOURCE = "sample"
# What Sluice itself appends to the log.
OWN_SOURCES = frozenset({TEST_SOURCE, SAMPLE_SOURCE})
logger = logging.getLogger(__name__)

ACCEPTED = "accepted"
OWN_FAULT = "own_fault"
# The name under which visitors made known are counted.
IDENTIFY_NAME = "Identify"
MAX_COPIED_CONTEXT = 16_384
NOTHING_HELD: Mapping[bytes, int] = MappingProxyType({})
NOTHING_ON_RECORD = Record(NOTHING_HELD)
# The body around the messages: {"batch":[…],"sentAt":"…"}.
ENVELOPE_BYTES = 60
# A server's library sends the same context with every event.
REMEMBERED_CONTEXTS = 256
_OTHER_TRACK = ("track", OTHER_TRACK_EVENTS)
# A group has an ID of its own, and who gets another name has a former one.
_WITH_OTHER_ID = frozenset({"group", "alias"})
_NO_TRAITS = Raw(b"{}")
_SIGNATURE = Raw(msgspec.json.encode({"name": "sluice", "version": VERSION}))
_BOTH = b'"integration":' + bytes(_SIGNATURE) + b',"library":' + bytes(_SIGNATURE)
# The hexadecimal digit that holds a UUID's variant, by the digit of the hash in its place.
_VARIANT = {f"{digit:x}": f"{digit & 0x3 | 0x8:x}" for digit in range(16)}
_members = msgspec.json.Decoder(dict[str, Raw])
_session = msgspec.json.Decoder(dict[str, Any])

Key = tuple[str, str]
CountKey = tuple[datetime, str]


class Plan(msgspec.Struct, frozen=True):
    """What a connection's version means for all events of one entry of the catalog."""

    entry: Entry
    is_selected: bool
    rules: tuple[Rule, ...]
    # The type needs an ID of its own beside the visitor's.
    needs_other_id: bool


@dataclass(frozen=True)
class Terms:
    """What a connection's version means for composing: message IDs are made in its namespace, `selection` decides.

    A replay has a `choice` of its own beside it.
    """

    namespace: uuid.UUID
    selection: frozenset[Key]
    anonymous_sessions: bool = False
    shapes: Shapes = field(default_factory=dict)
    watch: Watch | None = None
    leave_out_schema_faults: bool = False
    choice: Choice | None = None

    @cached_property
    def namespace_hash(self) -> "hashlib._Hash":
        """The hash of every message ID, as far as the namespace goes."""
        return _hash_of(self.namespace)

    @cached_property
    def plans(self) -> Mapping[Key, Plan]:
        return {
            entry.key: Plan(
                entry, entry.key in self.selection, self.shapes.get(entry.key, ()), entry.key[0] in _WITH_OTHER_ID
            )
            for entry in catalog.everything()
        }

    def plan(self, message: Message) -> Plan | None:
        """Return the plan by which a message goes; None for an unknown type."""
        if message.type != "track":
            return self.plans.get((message.type, ""))
        return self.plans.get(("track", message.event or "")) or self.plans[_OTHER_TRACK]


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
    # Visitors made known, as events are counted, and the marks that this batch is the first to hold.
    identified_counts: Counter[CountKey] = field(default_factory=Counter)
    claims: dict[bytes, int] = field(default_factory=dict)
    is_test: bool = False


def compose(
    events: Sequence[Event],
    terms: Terms,
    *,
    firsts: Mapping[bytes, int] = NOTHING_HELD,
    max_messages: int = MAX_BATCH_MESSAGES,
) -> Batch:
    """Compose the longest batch from the front of `events` (not empty) that Segment's limits and `max_messages` allow.

    The batch covers its range completely: whatever is not among its messages is left out with a reason. `firsts` says
    which position holds which of the events' marks, where the terms watch for first occurrences.
    """
    batch = Batch(first=events[0].position, last=events[0].position - 1)
    record = Record(firsts, batch.claims)
    size = ENVELOPE_BYTES
    sent: list[tuple[datetime, str]] = []
    for event in events:
        composed = compose_one(event, terms, record)
        if composed.reason:
            batch.left_out.append((event.position, composed.reason))
            batch.left_out_counts[(*count_key(event), composed.reason)] += 1
        else:
            messages = composed.messages
            for body in messages:
                size += len(body) + 1
            if size > MAX_BATCH_BYTES or len(batch.messages) + len(messages) > max_messages:
                break
            batch.messages += messages
            batch.positions.append(event.position)
            sent.append((event.received_at, log.counted_name(event.message)))
            if composed.marks is not NO_MARKS:
                record.claim(composed.marks, event.position)
                batch.identified_counts[_minute(event.received_at), IDENTIFY_NAME] += len(messages) - 1
            if event.source == TEST_SOURCE:
                batch.is_test = True
        batch.last = event.position
    # Events of one block share a time of receipt, so few minutes are computed.
    for (received_at, name), count in Counter(sent).items():
        batch.sent_counts[_minute(received_at), name] += count
    return batch


class Composed(msgspec.Struct, frozen=True, gc=False):
    """Why an event is left out; or no reason, the messages as they are sent (the event's is last), and its marks."""

    reason: str
    messages: tuple[bytes, ...] = ()
    marks: Marks = NO_MARKS


def compose_one(event: Event, terms: Terms, record: Record = NOTHING_ON_RECORD) -> Composed:
    """Compose one event by what is on record of first occurrences.

    A message that cannot be read is left out like any other, and so is one at which Sluice itself fails: its neighbours
    must not wait for it.
    """
    if terms.choice is not None and not terms.choice.includes(event):
        return Composed(NOT_IN_REPLAY)
    message = event.message
    if message is None:
        return Composed("erased" if event.is_readable else "unreadable")
    try:
        if event.source == TEST_SOURCE:
            return _compose(message, terms, ())
        plan = terms.plan(message)
        reason = _reason(message, plan, terms)
        if reason or plan is None:
            return Composed(reason)
        if terms.leave_out_schema_faults and any(is_fault(plan.entry, deviation) for deviation in check(message)):
            return Composed("schema_fault")
        # A sample is of no visitor: it is sent however often it was, and takes nobody's place.
        if terms.watch is None or event.source == SAMPLE_SOURCE:
            return _compose(message, terms, plan.rules)
        marks = _marks(message, plan.entry, terms, terms.watch)
        return _compose_watched(event.position, message, marks, record, terms, plan.rules)
    except (ValueError, TypeError, RecursionError):
        return Composed("unreadable")
    except Exception:
        # A fault of ours that nobody foresaw must not keep the neighbours waiting.
        logger.exception("Composing the event at position %d failed.", event.position)
        return Composed(OWN_FAULT)


def marks_of(event: Event, terms: Terms) -> Marks:
    """Return the marks of an event whose first occurrence may matter, whether or not it will be sent."""
    message = event.message
    if terms.watch is None or message is None or event.source in OWN_SOURCES:
        return NO_MARKS
    if terms.choice is not None and not terms.choice.includes(event):
        return NO_MARKS
    entry = catalog.covering(message.type, message.event or "")
    if entry is None or entry.key not in terms.selection:
        return NO_MARKS
    try:
        return _marks(message, entry, terms, terms.watch)
    except (ValueError, TypeError, RecursionError):
        return NO_MARKS


def _compose(message: Message, terms: Terms, rules: tuple[Rule, ...]) -> Composed:
    """Compose a message that is to be sent, unless it is too large."""
    sent = _as_sent(message, terms, rules)
    body = to_json(sent)
    if len(body) > MAX_MESSAGE_BYTES:
        # What fits by itself must not be left out because we sign it.
        sent.context = message.context
        body = to_json(sent)
        if len(body) > MAX_MESSAGE_BYTES:
            return Composed("message_too_large")
    return Composed("", (body,))


def _compose_watched(
    position: int, message: Message, marks: Marks, record: Record, terms: Terms, rules: tuple[Rule, ...]
) -> Composed:
    """Compose a message whose first occurrence may matter."""
    if marks is not NO_MARKS and record.is_repeat(marks, position):
        return Composed(ONCE_PER_VISITOR)
    composed = _compose(message, terms, rules)
    if composed.reason or marks is NO_MARKS:
        return composed
    if message.type != "identify" and record.is_new_visitor(marks, position):
        return Composed("", (_identify(message, terms), *composed.messages), marks)
    return Composed("", composed.messages, marks)


def _marks(message: Message, entry: Entry, terms: Terms, watch: Watch) -> Marks:
    anonymous_id = message.anonymous_id or ""
    if terms.anonymous_sessions and not (message.user_id or anonymous_id):
        anonymous_id = _session_id(message)
    return occurrences.marks(message, entry, watch, anonymous_id=anonymous_id)


def _identify(message: Message, terms: Terms) -> bytes:
    """Write the call that makes a visitor known, at the moment and in the context of their first event."""
    sent = _as_sent(message, terms, ())
    return to_json(
        Message(
            type="identify",
            user_id=sent.user_id,
            anonymous_id=sent.anonymous_id,
            message_id=derived_message_id(terms.namespace, f"{message.message_id}:identify"),
            timestamp=sent.timestamp,
            traits=_NO_TRAITS,
            # An event that takes up its whole limit may owe that to its context.
            context=sent.context if len(bytes(sent.context or b"")) <= MAX_COPIED_CONTEXT else _sign(b"{}"),
        )
    )


def derived_message_id(namespace: uuid.UUID, message_id: str) -> str:
    """Return UUIDv5(namespace, message ID); `uuid.uuid5` gives the same at five times the cost."""
    return _derived(_hash_of(namespace), message_id)


def _derived(namespace_hash: "hashlib._Hash", message_id: str) -> str:
    digest = namespace_hash.copy()
    digest.update(message_id.encode())
    digits = digest.hexdigest()
    variant = _VARIANT[digits[16]]
    return f"{digits[:8]}-{digits[8:12]}-5{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:32]}"


def _hash_of(namespace: uuid.UUID) -> "hashlib._Hash":
    # Beginning a hash costs more than going on with a copy of one.
    return hashlib.sha1(namespace.bytes, usedforsecurity=False)


def _reason(message: Message, plan: Plan | None, terms: Terms) -> str:
    """Say why the event must not be sent, or nothing. Words are Segment's own where they mean the same."""
    extra = message.extra or {}
    if message.type == "track" and not message.event:
        return "event_not_string" if "event" in extra else "event_not_defined"
    if plan is None or not plan.is_selected:
        return "event_not_selected"
    if message.properties is not UNSET and not _is_object(message.properties):
        return "properties_not_object"
    if message.traits is not UNSET and not _is_object(message.traits):
        return "traits_not_object"
    if plan.needs_other_id and not (
        message.group_id if message.type == "group" else message.previous_id and message.user_id
    ):
        return "id_required"
    if message.user_id:
        return ""
    needs_user_id = plan.entry.needs_user_id
    if "userId" in extra or ("anonymousId" in extra and not needs_user_id):
        return "id_not_string"
    if needs_user_id:
        return "" if terms.anonymous_sessions and _session_id(message) else "no_user_id"
    return "" if message.anonymous_id else "no_user_anon_id"


def _as_sent(message: Message, terms: Terms, rules: tuple[Rule, ...]) -> Message:
    """Return a copy with the connection's own message ID and our signature in its context, shaped by the rules."""
    sent = msgspec.structs.replace(
        message, message_id=_derived(terms.namespace_hash, message.message_id), context=_signed(message.context)
    )
    if terms.anonymous_sessions and not (message.user_id or message.anonymous_id):
        sent.anonymous_id = _session_id(message) or None
    if rules:
        sent.properties = shaped(message.properties, rules)
    return sent


def _signed(context: Raw | UnsetType) -> Raw:
    """Add who sends this to a context: the integration always, the library where the sender named none."""
    return _sign(b"" if context is UNSET else bytes(context))


@lru_cache(maxsize=REMEMBERED_CONTEXTS)
def _sign(raw: bytes) -> Raw:
    if not raw.startswith(b"{"):
        raw = b"{}"
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


def count_key(event: Event) -> CountKey:
    """Return by what an event is counted."""
    return _minute(event.received_at), log.counted_name(event.message)


def _minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)
