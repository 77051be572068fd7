"""Rasa: the events that its brokers emit, posted one at a time, as a list, or as lines.

Source: Rasa Open Source 3.6, rasa.shared.core.events and rasa.core.brokers; Rasa Pro 3, flow events.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from assistants.faults import Refused, excerpt
from assistants.messages import EPOCH
from assistants.sources.adapter import Denied, Fact, Kind, Note, Option, Reading, Request, Setup, Source
from assistants.sources.canonical import digest
from assistants.sources.pieces import BadPiece, Piece, any_form, check_text, within_limit

PAUSE_IS_HANDOVER = "pause_is_handover"
# What Rasa does by itself at every turn, and what only speaks.
_HOUSEKEEPING = frozenset({"action_listen", "action_session_start"})
_HOUSEKEEPING_PREFIXES = ("action_default_", "utter_")
# Flows that Rasa Pro runs by itself, such as pattern_collect_information.
_OWN_FLOWS = "pattern_"
_COMPONENTS = ("buttons", "custom", "elements", "attachment")
_FLOW_ENDS = {"flow_completed": "all_steps_done", "flow_cancelled": "cancelled", "flow_interrupted": "interrupted"}
# The end of an active loop does not say which loop it was; one is open at a time.
_LOOP = "active loop"
# What a date can hold.
_LAST = (datetime.max.replace(tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)
# Events that change what the assistant knows, and that nobody outside would notice.
_SILENT = frozenset(
    {
        "all_slots_reset",
        "cancel_reminder",
        "entities",
        "export",
        "followup",
        "form_validation",
        "loop_interrupted",
        "reminder",
        "reset_slots",
        "resume",
        "rewind",
        "routing_session_ended",
        "slot",
        "stack",
        "undo",
        "user_featurization",
    }
)


class Rasa(Source):
    """Events of a Rasa assistant; `sender_id` is both the conversation and the user."""

    kind = "rasa"
    title = "Rasa"
    description = "Rasa Open Source and Rasa Pro, by an event broker that posts each event."
    proof = (
        "Tested with events captured from rasa 3.6.21 and with the event broker that comes with Sluice; the flow "
        "events of Rasa Pro are taken from its documentation."
    )
    vocabulary = "both"
    needs_key = True
    options: tuple[Option, ...] = (
        Option(
            name=PAUSE_IS_HANDOVER,
            label="A pause means handover to a person",
            help="Rasa pauses a conversation when a person takes over. Switch this off if a pause ends yours.",
            default=True,
        ),
    )

    def read(self, request: Request, setup: Setup) -> Reading:
        """Read one event, a list of them, or one per line, and sort them by their timestamps."""
        if not setup.is_keyed:
            raise Denied("unknown_key", "The request brings no ingest key of this environment.")
        check_text(request.body)
        reading = Reading()
        events: list[_Event] = []
        for piece in within_limit(any_form(request.body)):
            event = _read_event(piece)
            if isinstance(event, BadPiece):
                reading.refused.append((event.reason, event.raw))
            else:
                events.append(event)
        is_handover = setup.options.get(PAUSE_IS_HANDOVER, True)
        for event in sorted(events, key=lambda event: event.microseconds):
            reading.facts += _facts(event, pause_is_end=not is_handover)
            if not _is_known(event.name):
                reading.notes.append(Note("unknown_event", f"Rasa sent an event of the kind {excerpt(event.name)}."))
        return reading


@dataclass(eq=False)
class _Event:
    """One event: its members, and what they all have."""

    members: Mapping[str, Any]
    name: str
    sender: str
    microseconds: int

    @cached_property
    def digest(self) -> str:
        """Stands for the whole event; most events make no facts, and need none."""
        return digest(self.members)

    @cached_property
    def at(self) -> str:
        return (EPOCH + timedelta(microseconds=self.microseconds)).isoformat()

    def text(self, member: str) -> str:
        value = self.members.get(member)
        return value if isinstance(value, str) else ""

    def fact(self, kind: Kind, *, distinction: str = "", **words: Any) -> Fact:
        """Return a fact of this event; `distinction` tells facts of one kind apart."""
        return Fact(
            kind=kind,
            source_id=f"{self.digest} {kind} {distinction}".rstrip(),
            conversation_id=self.sender,
            user_id=self.sender,
            at=self.at,
            **words,
        )


def _read_event(piece: Piece | BadPiece) -> _Event | BadPiece:
    if isinstance(piece, BadPiece):
        return piece
    members = piece.value
    if not isinstance(members, dict) or not isinstance(members.get("event"), str):
        return _refused(piece, "An event of Rasa is an object with a text “event”; this is not.")
    sender = members.get("sender_id")
    if isinstance(sender, bool) or not isinstance(sender, str | int) or sender == "":
        return _refused(piece, "The event has no “sender_id”.")
    microseconds = _microseconds(members.get("timestamp"))
    if microseconds is None:
        return _refused(piece, "The event has no “timestamp” in seconds since 1970.")
    return _Event(members, members["event"], str(sender), microseconds)


def _refused(piece: Piece, reason: str) -> BadPiece:
    return BadPiece(Refused("not_a_rasa_event", reason), piece.raw)


def _microseconds(timestamp: Any) -> int | None:
    """Return a time as a whole number: printed floats differ from program to program."""
    if isinstance(timestamp, bool) or not isinstance(timestamp, int | float):
        return None
    try:
        microseconds = round(timestamp * 1_000_000)
    except OverflowError:
        return None
    return microseconds if 0 <= microseconds <= _LAST else None


def _facts(event: _Event, *, pause_is_end: bool) -> list[Fact]:
    if event.name == "pause":
        return _ended(event) if pause_is_end else []
    reader = _READERS.get(event.name)
    return reader(event) if reader else []


def _is_known(name: str) -> bool:
    return name in _READERS or name in _SILENT or name == "pause"


def _session_started(event: _Event) -> list[Fact]:
    return [event.fact(Kind.SESSION_OPENED, opened_at=event.at)]


def _user(event: _Event) -> list[Fact]:
    """Return what the customer said; a text such as /session_start is not from a person."""
    text = event.text("text")
    if not text or text.startswith("/"):
        return []
    parsed = event.members.get("parse_data")
    id_ = event.text("message_id") or (parsed.get("message_id") if isinstance(parsed, dict) else "")
    channel = event.text("input_channel")
    return [
        event.fact(
            Kind.MESSAGE_IN,
            text=text,
            role="customer",
            message_id=id_ if isinstance(id_, str) and id_ else _made_up_id(event),
            ibm={"channel": channel} if channel else {},
        )
    ]


def _bot(event: _Event) -> list[Fact]:
    """Return what the assistant said, and what it showed beside the text."""
    return _said(event, role="ai_agent")


def _agent(event: _Event) -> list[Fact]:
    """Return what a person of the team said."""
    return _said(event, role="human_agent")


def _said(event: _Event, *, role: str) -> list[Fact]:
    message_id = _made_up_id(event)
    shown = event.members.get("data")
    components = [name for name in _COMPONENTS if isinstance(shown, dict) and shown.get(name)]
    return [
        event.fact(Kind.MESSAGE_OUT, text=event.text("text"), role=role, message_id=message_id),
        *(event.fact(Kind.COMPONENT, distinction=name, type=name, message_id=message_id) for name in components),
    ]


def _made_up_id(event: _Event) -> str:
    """Return an ID for a message that has none."""
    return digest([event.sender, event.microseconds])


def _action(event: _Event) -> list[Fact]:
    """Return an action's start and end: Rasa tells of an action once it has run."""
    name = event.text("name")
    if not name or name in _HOUSEKEEPING or name.startswith(_HOUSEKEEPING_PREFIXES):
        return []
    return [
        event.fact(Kind.ACTION_STARTED, action=name, type="action", opened_at=event.at),
        event.fact(Kind.ACTION_FINISHED, action=name, reason="all_steps_done", opened_at=event.at),
    ]


def _rejected(event: _Event) -> list[Fact]:
    fallback = {"fallbackReason": "rejected"}
    return [event.fact(Kind.ACTION_FINISHED, action=event.text("name"), opened_at=event.at, ibm=fallback)]


def _loop(event: _Event) -> list[Fact]:
    name = event.text("name")
    if name:
        return [event.fact(Kind.ACTION_STARTED, action=name, type="form", opened_at=_LOOP)]
    return [event.fact(Kind.ACTION_FINISHED, reason="all_steps_done", opened_at=_LOOP)]


def _flow_started(event: _Event) -> list[Fact]:
    flow = event.text("flow_id")
    return [] if _is_own_flow(flow) else [event.fact(Kind.ACTION_STARTED, action=flow, type="flow")]


def _flow_ended(event: _Event) -> list[Fact]:
    flow = event.text("flow_id")
    if _is_own_flow(flow):
        return []
    return [event.fact(Kind.ACTION_FINISHED, action=flow, reason=_FLOW_ENDS[event.name])]


def _is_own_flow(flow: str) -> bool:
    return not flow or flow.startswith(_OWN_FLOWS)


def _ended(event: _Event) -> list[Fact]:
    return [event.fact(Kind.CONVERSATION_CLOSED)]


_READERS: dict[str, Callable[[_Event], list[Fact]]] = {
    "action": _action,
    "action_execution_rejected": _rejected,
    "active_loop": _loop,
    "agent": _agent,
    "bot": _bot,
    "flow_cancelled": _flow_ended,
    "flow_completed": _flow_ended,
    "flow_interrupted": _flow_ended,
    "flow_resumed": _flow_started,
    "flow_started": _flow_started,
    "form": _loop,
    "restart": _ended,
    "session_ended": _ended,
    "session_started": _session_started,
    "user": _user,
}
