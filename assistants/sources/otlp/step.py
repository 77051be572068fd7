"""Steps: what one span or record tells of a conversation, short enough to be held until its trace is complete."""

import hashlib
import math
from collections.abc import Collection, Iterable, Sequence
from enum import StrEnum
from typing import Any

import msgspec

from assistants.sources.otlp.messages import Medium, Said, ToolCall

# More than an event takes, so that it is cut there, with a mark.
MAX_TEXT = 20_000
# What identifies a turn of the user hangs on so many messages; of those before them it only counts whose they are.
HASHED = 2
TOOL_REASONS = ("tool", "function_call")


class StepKind(StrEnum):
    """What happened: a model was called, an agent or chain ran, a tool was used, somebody rated, or none of these."""

    CALL = "call"
    AGENT = "agent"
    TOOL = "tool"
    SCORE = "score"
    OTHER = "other"


# Of what a span and its records make, the first of these counts.
KINDS = (StepKind.AGENT, StepKind.TOOL, StepKind.CALL, StepKind.OTHER)
# What a fragment must not overwrite: it is one of many.
OF_WHOLES = ("start_ns", "end_ns", "heard", "text", "text_id", "is_fragment")


class Step(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False):
    """One thing in a trace; several steps of one `id` are pieces of the same thing.

    `heard` has an entry for each message that went in: "u:" and a hash for texts of the user, "a:" and a hash for
    answers, "t" for what tools returned; before the last two the hash is left out. `text` is the last of them where
    that is a text of the user, `answer` what came out where that is no request for tools. `has_output` says whether any
    of what came out was written down. A fragment is one message of many, each of which came as a record of its own.
    What is open has begun, and nothing is known of its end.
    """

    id: str
    kind: StepKind
    parent_id: str = ""
    has_parent: bool = False
    is_fragment: bool = False
    is_error: bool = False
    is_open: bool = False
    start_ns: int = 0
    end_ns: int = 0
    conversation: str = ""
    user: str = ""
    response_id: str = ""
    heard: list[str] = []
    text: str = ""
    text_id: str = ""
    answer: str = ""
    asks_for_tools: bool = False
    calls: list[ToolCall] = []
    media: list[Medium] = []
    has_output: bool = False
    tool: str = ""
    tool_type: str = ""
    call_id: str = ""
    score_name: str = ""
    rating: float | None = None


def hear(step: Step, said: Sequence[Said]) -> None:
    """Put into a step what went in."""
    earlier, last = said[:-HASHED], said[-HASHED:]
    step.heard = [_who(message) for message in earlier] + [_mark(message) for message in last]
    if said and _is_text_of_user(said[-1]):
        step.text, step.text_id = said[-1].text[:MAX_TEXT], said[-1].id


def answer(step: Step, said: Sequence[Said], *, not_tools: Collection[str] = ()) -> None:
    """Put into a step what came out: of a call all choices, of an agent, which may repeat the history, the end."""
    told = [message for message in said if message.role == "assistant"]
    if step.kind is StepKind.AGENT:
        told = [said[-1]] if said and said[-1].role == "assistant" else []
    step.has_output = bool(said)
    step.asks_for_tools = any(message.calls for message in told)
    if step.asks_for_tools:
        step.calls = [call for message in told for call in message.calls if call.name not in not_tools]
    else:
        step.answer = next((message.text for message in told if message.text), "")[:MAX_TEXT]
    step.media = [medium for message in told for medium in message.media]


def without_texts(step: Step) -> Step:
    """Return what identifies a step, and nothing of what was said."""
    return Step(
        id=step.id,
        kind=step.kind,
        parent_id=step.parent_id,
        is_fragment=step.is_fragment,
        is_error=step.is_error,
        is_open=step.is_open,
        start_ns=step.start_ns,
        end_ns=step.end_ns,
        conversation=step.conversation,
        user=step.user,
        response_id=step.response_id,
        asks_for_tools=step.asks_for_tools,
    )


def note_reasons(step: Step, reasons: Iterable[Any]) -> None:
    """Put into a step why the model ended: one that asks for tools has not answered."""
    if any(isinstance(reason, str) and reason.startswith(TOOL_REASONS) for reason in reasons):
        step.asks_for_tools, step.answer = True, ""


def put_together(pieces: Sequence[Step]) -> Step:
    """Make one step of what several spans, updates and records tell of it; what comes later adds and replaces."""
    if len(pieces) == 1:
        return pieces[0]
    fragments = sorted((piece for piece in pieces if piece.is_fragment), key=lambda piece: piece.start_ns)
    merged = Step(id=pieces[0].id, kind=min((piece.kind for piece in pieces), key=KINDS.index))
    for piece in (*(piece for piece in pieces if not piece.is_fragment), *fragments):
        for name in Step.__struct_fields__:
            value = getattr(piece, name)
            if value and name not in ("kind", "is_open") and not (piece.is_fragment and name in OF_WHOLES):
                setattr(merged, name, value)
    merged.is_open = all(piece.is_open for piece in pieces)
    merged.start_ns = min((piece.start_ns for piece in pieces if piece.start_ns), default=0)
    merged.end_ns = max(piece.end_ns for piece in pieces)
    if not merged.heard:
        merged.heard = [mark for piece in fragments for mark in piece.heard]
        last = next((piece for piece in reversed(fragments) if piece.heard), merged)
        merged.text, merged.text_id = last.text, last.text_id
    if merged.asks_for_tools:
        merged.answer = ""
    return merged


def number(given: Any) -> float | None:
    """Return a finite number, or None."""
    if isinstance(given, bool):
        return float(given)
    try:
        value = float(given) if isinstance(given, int | float | str) else math.nan
    except (ValueError, OverflowError):
        return None
    return value if math.isfinite(value) else None


def _mark(message: Said) -> str:
    who = _who(message)
    if who == "t" or (who == "u" and not message.text):
        return who
    return f"{who}:{short_hash(message.text)}"


def _who(message: Said) -> str:
    if message.role == "user" and not message.has_result:
        return "u"
    return "a" if message.role == "assistant" else "t"


def _is_text_of_user(message: Said) -> bool:
    """Whether a message is the user's: some packages give what tools return the same role."""
    return message.role == "user" and bool(message.text) and not message.has_result


def short_hash(text: str) -> str:
    """Return 16 hexadecimal digits that stand for a text."""
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:16]
