"""Facts from a trace: which of its many model calls is the user's message, which the answer, and what was done between.

A trace may be read again when late spans have come. What identifies a fact therefore hangs on what comes early, such as
a model call, and not on what comes last, such as the agent around it.
"""

import functools
from collections.abc import Iterable
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any

from assistants.sources.adapter import Fact, Kind
from assistants.sources.canonical import digest
from assistants.sources.otlp.step import Step, StepKind, short_hash
from assistants.sources.otlp.trace import Trace

ROLE = "ai_agent"
TOOL_TYPE = "function"
# Values of actionCompletedReason, see the catalog.
DONE = "all_steps_done"
FAILED = "fallback"
NANOSECONDS = 1_000_000_000
# In UTC; without saying so, a time is written down twice as fast.
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  see above


def read_trace(trace_id: str, steps: Iterable[Step], *, feedback: Iterable[str] | None = ()) -> list[Fact]:
    """Return the facts of a trace in order of time; `feedback` names the ratings that come from people, None: all."""
    trace = Trace(trace_id, steps)
    facts = [*_opening(trace), *_message_in(trace), *_actions(trace), *_media(trace), *_message_out(trace)]
    facts.sort(key=itemgetter(0))
    return [fact for _, fact in facts] + _feedback(trace, feedback)


def read_ratings(trace_id: str, steps: Iterable[Step], names: Iterable[str] | None) -> list[Fact]:
    """Return how people rated a trace, and nothing else of it; `names` as `feedback` of read_trace."""
    return _feedback(Trace(trace_id, steps), names)


# Several facts of a trace have the same time.
@functools.lru_cache(maxsize=256)
def timestamp(at_ns: int) -> str:
    """Write nanoseconds since 1970 in ISO 8601, to the microsecond."""
    moment = _EPOCH + timedelta(microseconds=max(at_ns, 0) // 1000)
    return f"{moment.isoformat(timespec='microseconds')}Z"


Timed = tuple[int, Fact]


def _fact(trace: Trace, kind: Kind, step: Step, source_id: str, at_ns: int, **more: Any) -> Timed:
    person = trace.person(step)
    fact = Fact(
        kind=kind,
        source_id=source_id,
        conversation_id=person.conversation_id,
        user_id=person.user_id,
        anonymous_id=person.anonymous_id,
        at=timestamp(at_ns),
        **more,
    )
    return at_ns, fact


def _opening(trace: Trace) -> list[Timed]:
    """Tell that the conversation goes on, and who takes part; the deriver knows what of it is new."""
    first = next((step for step in trace.steps if step.kind is not StepKind.OTHER), None)
    if first is None:
        return []
    user = trace.person(first)
    kinds = {
        Kind.USER_SEEN: f"{trace.id}:user:{short_hash(user.user_id or user.anonymous_id)}",
        Kind.SESSION_OPENED: f"{trace.id}:session",
        Kind.CONVERSATION_OPENED: f"{trace.id}:conversation",
    }
    return [_fact(trace, kind, first, source_id, first.start_ns) for kind, source_id in kinds.items()]


def _message_in(trace: Trace) -> list[Timed]:
    """Tell what the user said, once; a call that goes on after a tool's result says nothing new."""
    calls, agents = trace.of_kind(StepKind.CALL), trace.of_kind(StepKind.AGENT)
    # What the agent was asked is the user's own words; what the model was asked may have been dressed up.
    asked = trace.outermost([agent for agent in agents if agent.text])
    if any(step.heard for step in trace.steps):
        asker = next((call for call in calls if call.heard), asked)
        asked = asked or asker
        if asked is None or not asked.text:
            return []
    else:
        asker = next(iter(calls), None) or trace.outermost(agents)
    if asker is None:
        return []
    return [
        _fact(
            trace,
            Kind.MESSAGE_IN,
            asker,
            _turn_id(trace, asker),
            min(step.start_ns for step in (asker, asked or asker)),
            text=asked.text if asked else "",
            # The span's own ID may be that of the answer.
            message_id=asker.text_id or f"{asker.id}-in",
            role="customer",
        )
    ]


def _turn_id(trace: Trace, asker: Step) -> str:
    """Identify a turn of the user: the same in every trace that tells of it.

    That is the ordinal of the turn in the conversation. The last words are part of it as well, since many applications
    send the last messages only: then the ordinal stands still. Without any history there is no ordinal, and the same
    words may be said twice; there the trace identifies the turn, unless each call is a trace of its own.
    """
    has_history = len(asker.heard) > 1
    if asker.text and (has_history or not asker.has_parent):
        ordinal = sum(mark.startswith("u") for mark in asker.heard)
        return f"turn:{digest([trace.person(asker).conversation_id, ordinal, asker.heard[-2:]])}"
    return f"{trace.id}:in"


def _message_out(trace: Trace) -> list[Timed]:
    """Tell what the assistant answered: its agent, else the last call of the model, never a request for tools."""
    calls = [call for call in trace.of_kind(StepKind.CALL) if not call.is_error and not call.is_open]
    calls.sort(key=lambda call: call.end_ns)
    agent = max(trace.answering_agents(), key=lambda step: step.end_ns, default=None)
    last = calls[-1] if calls else None
    has_texts = any(step.has_output for step in trace.steps)
    if agent is None and (last is None or last.asks_for_tools or (has_texts and not last.answer)):
        return []
    # The call came before the agent around it: it is what identifies the answer.
    spoken = next((call for call in reversed(calls) if call.answer), None)
    origin = spoken or agent or last
    if origin is None:
        return []
    return [
        _fact(
            trace,
            Kind.MESSAGE_OUT,
            origin,
            f"{trace.id}:{origin.id}:out",
            agent.end_ns if agent else origin.end_ns,
            text=agent.answer if agent else origin.answer,
            message_id=_message_id(origin),
            role=ROLE,
        )
    ]


def _actions(trace: Trace) -> list[Timed]:
    """Tell which tools were used; where no tool left a span, which ones the model asked for."""
    used = trace.of_kind(StepKind.TOOL)
    seen: dict[str, int] = {}
    facts: list[Timed] = []
    for tool in used:
        run = _run_id(trace, tool.call_id or tool.id, seen)
        shared = {
            "action": tool.tool,
            "opened_at": timestamp(tool.start_ns),
            "message_id": _message_id(tool),
            "type": tool.tool_type or TOOL_TYPE,
            "role": ROLE,
        }
        facts.append(_fact(trace, Kind.ACTION_STARTED, tool, f"{run}:started", tool.start_ns, **shared))
        reason = FAILED if tool.is_error else DONE
        facts.append(_fact(trace, Kind.ACTION_FINISHED, tool, f"{run}:finished", tool.end_ns, reason=reason, **shared))
    return facts if used else _asked_actions(trace, seen)


def _asked_actions(trace: Trace, seen: dict[str, int]) -> list[Timed]:
    return [
        _fact(
            trace,
            Kind.ACTION_STARTED,
            call,
            f"{_run_id(trace, asked.id or f'{call.id}:{number}', seen)}:started",
            call.end_ns,
            action=asked.name,
            opened_at=timestamp(call.end_ns),
            message_id=_message_id(call),
            type=TOOL_TYPE,
            role=ROLE,
        )
        for call in trace.of_kind(StepKind.CALL)
        for number, asked in enumerate(call.calls)
        if asked.name
    ]


def _run_id(trace: Trace, call_id: str, seen: dict[str, int]) -> str:
    """Identify the run of a tool by the model's own ID of it, which span and request share; that may come again."""
    seen[call_id] = seen.get(call_id, 0) + 1
    return f"{trace.id}:{short_hash(call_id)}:{seen[call_id]}"


def _media(trace: Trace) -> list[Timed]:
    return [
        _fact(
            trace,
            Kind.MEDIA,
            call,
            f"{trace.id}:{call.id}:media:{number}",
            call.end_ns,
            type=medium.type,
            sub_type=medium.format,
            message_id=_message_id(call),
            role=ROLE,
        )
        for call in trace.of_kind(StepKind.CALL)
        for number, medium in enumerate(call.media)
    ]


def _feedback(trace: Trace, names: Iterable[str] | None) -> list[Fact]:
    """Tell how people rated the conversation, or the message that the rating names, or the trace's answer."""
    if not trace.scores:
        return []
    wanted = None if names is None else {name.casefold() for name in names}
    answers = [fact.message_id for _, fact in _message_out(trace)]
    agent = trace.outermost(trace.of_kind(StepKind.AGENT))
    if not answers and agent:
        answers = [_message_id(agent)]
    facts: list[Fact] = []
    for score in trace.scores:
        if score.rating is None or not (wanted is None or score.score_name.casefold() in wanted):
            continue
        rated = next((step for step in trace.steps if step.id and step.id == score.parent_id), None)
        message_id = score.response_id or (_message_id(rated) if rated and rated.kind is StepKind.CALL else "")
        message_id = message_id or next(iter(answers), "")
        _, fact = _fact(
            trace,
            Kind.FEEDBACK,
            score,
            f"{trace.id}:{score.id}:feedback",
            score.start_ns,
            rating=score.rating,
            message_id=message_id,
        )
        facts.append(fact)
    return facts


def _message_id(step: Step) -> str:
    return step.response_id or step.id
