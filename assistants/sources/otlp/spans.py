"""Read what a span or a record tells: which attributes count, what kind of thing it is, what was said."""

from collections.abc import Sequence
from typing import Any

from assistants.sources.canonical import digest
from assistants.sources.otlp import identity, spoken
from assistants.sources.otlp.loose_json import unpacked
from assistants.sources.otlp.messages import Medium, identifier, plain_text, read_messages
from assistants.sources.otlp.step import Step, StepKind, answer, hear, note_reasons, number
from assistants.sources.otlp.wire import Record, Span

# What tells a span of an AI application from all others.
MARKS = (
    "gen_ai.",
    "llm.",
    "openinference.",
    "langsmith.",
    "langfuse.",
    "ai.operationId",
    "ai.toolCall.",
    "traceloop.",
    "pydantic_ai.",
)
EVALUATION = "gen_ai.evaluation.result"
CHOICE = "gen_ai.choice"
DETAILS = "gen_ai.client.inference.operation.details"
# Up to version 1.36 of the conventions each message was a record of its own, named by who speaks.
MESSAGE_EVENTS = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}
# Everything else that is read of a span.
_READ = frozenset(
    (
        "event.name",
        "gen_ai.operation.name",
        "gen_ai.system",
        "gen_ai.provider.name",
        "gen_ai.request.model",
        "gen_ai.response.id",
        "gen_ai.response.finish_reasons",
        "gen_ai.output.type",
        "gen_ai.tool.name",
        "gen_ai.tool.type",
        "gen_ai.tool.call.id",
        "gen_ai.evaluation.name",
        "gen_ai.evaluation.score.value",
        "openinference.span.kind",
        "tool.name",
        "langsmith.span.kind",
        "langfuse.observation.type",
        "traceloop.span.kind",
        "traceloop.entity.name",
        "ai.operationId",
        "ai.response.id",
        "ai.response.finishReason",
        "ai.toolCall.name",
        "ai.toolCall.id",
        "content",
        "message",
        "id",
        "finish_reason",
        *MESSAGE_EVENTS,
        CHOICE,
        DETAILS,
        EVALUATION,
    )
)
_ALL_READ = dict.fromkeys(_READ | identity.ALL | spoken.ALL, True)
# The attributes in which packages say it in words of their own.
OWN_KINDS = {
    "langsmith.span.kind": {"llm": StepKind.CALL, "chain": StepKind.AGENT, "tool": StepKind.TOOL},
    "openinference.span.kind": {
        "llm": StepKind.CALL,
        "agent": StepKind.AGENT,
        "chain": StepKind.AGENT,
        "tool": StepKind.TOOL,
    },
    "langfuse.observation.type": {
        "generation": StepKind.CALL,
        "agent": StepKind.AGENT,
        "chain": StepKind.AGENT,
        "span": StepKind.AGENT,
        "tool": StepKind.TOOL,
    },
}


def is_marked(span: Span) -> bool:
    """Whether a span comes from an AI application."""
    if span.events:
        return True
    for key in span.attributes:  # noqa: SIM110  a generator costs more than all that it looks at
        if key.startswith(MARKS):
            return True
    return False


class Wanted(dict[str, bool]):
    """Tell which attributes of a request are read; `named` is the one in which an admin keeps the conversation's ID.

    The spans of a request have the same few keys again and again: each is looked at once.
    """

    def __init__(self, named: str) -> None:
        super().__init__(_ALL_READ)
        self[named] = True

    def __missing__(self, key: str) -> bool:
        found = self[key] = key.startswith(spoken.PREFIXES)
        return found


def read_span(span: Span, *, named: str) -> list[Step]:
    """Read a span and the messages and ratings among its events."""
    attributes = span.attributes
    kind = _kind(span)
    step = Step(
        id=span.span_id,
        kind=kind,
        parent_id=span.parent_id,
        has_parent=bool(span.parent_id),
        is_error=span.is_error,
        start_ns=span.start_ns,
        end_ns=max(span.start_ns, span.end_ns),
        conversation=identity.conversation_of(attributes, named),
        user=identity.user_of(attributes),
        response_id=_first(attributes, ("gen_ai.response.id", "ai.response.id")),
    )
    if kind in (StepKind.CALL, StepKind.AGENT):
        hear(step, spoken.heard(attributes))
        told = spoken.answered(attributes)
        has_calls = any(said.calls for said in told)
        answer(step, told, not_tools=spoken.answer_tools(attributes) if has_calls else ())
        _add_outcome(step, attributes)
    elif kind is StepKind.TOOL:
        step.tool = _first(attributes, ("gen_ai.tool.name", "tool.name", "ai.toolCall.name", "traceloop.entity.name"))
        step.tool = step.tool or plain_text(span.name).removeprefix("execute_tool ")
        step.tool_type = _first(attributes, ("gen_ai.tool.type",))
        step.call_id = _first(attributes, ("gen_ai.tool.call.id", "ai.toolCall.id"))
    if not span.events:
        return [step]
    inner = (read_record(event, named=named) for event in span.events)
    return [step, *(found for found in inner if found)]


def read_record(record: Record, *, named: str) -> Step | None:
    """Read a log record or an event of a span; None where it is none of GenAI's."""
    attributes = record.attributes
    step = Step(
        id=record.span_id,
        kind=StepKind.CALL,
        start_ns=record.at_ns,
        end_ns=record.at_ns,
        conversation=identity.conversation_of(attributes, named),
        user=identity.user_of(attributes),
        response_id=_first(attributes, ("gen_ai.response.id",)),
    )
    if record.event == EVALUATION:
        step.kind, step.parent_id = StepKind.SCORE, record.span_id
        step.id = digest([record.span_id, record.at_ns, record.attributes])
        step.score_name = _first(attributes, ("gen_ai.evaluation.name",))
        step.rating = number(attributes.get("gen_ai.evaluation.score.value"))
        return step
    if record.event == DETAILS:
        hear(step, spoken.heard(attributes))
        answer(step, spoken.answered(attributes))
        _add_outcome(step, attributes)
        return step
    return step if _read_fragment(step, record) else None


def _read_fragment(step: Step, record: Record) -> bool:
    """Read one message out of many; false where the record is something else."""
    # Where it is an event of a span, what would be the body are attributes, and what would be structured is JSON.
    body = record.body if isinstance(record.body, dict) else {k: unpacked(v) for k, v in record.attributes.items()}
    step.is_fragment, step.is_open = True, record.event != CHOICE
    if record.event == CHOICE:
        message = body.get("message")
        given = {"role": "assistant", **message} if isinstance(message, dict) else message
        answer(step, read_messages(given, speaker="assistant"))
        note_reasons(step, [body.get("finish_reason")])
        return True
    role = MESSAGE_EVENTS.get(record.event)
    if role and role != "system":
        hear(step, read_messages({**body, "role": role}, speaker=role))
    return bool(role)


def _kind(span: Span) -> StepKind:
    """Tell what a span is; the packages' own words count before GenAI's, which some of them use in another sense."""
    attributes = span.attributes
    for name, kinds in OWN_KINDS.items():
        given = attributes.get(name)
        if isinstance(given, str):
            return kinds.get(given.lower(), StepKind.OTHER)
    vercel = attributes.get("ai.operationId")
    if isinstance(vercel, str):
        return _vercel_kind(vercel)
    return _genai_kind(attributes)


def _vercel_kind(operation: str) -> StepKind:
    if operation == "ai.toolCall":
        return StepKind.TOOL
    if operation.endswith((".doGenerate", ".doStream")):
        return StepKind.CALL
    is_agent = operation in ("ai.generateText", "ai.streamText", "ai.generateObject", "ai.streamObject")
    return StepKind.AGENT if is_agent else StepKind.OTHER


def _genai_kind(attributes: dict[str, Any]) -> StepKind:
    operation = attributes.get("gen_ai.operation.name")
    if operation in ("chat", "text_completion", "generate_content"):
        return StepKind.CALL
    if operation in ("invoke_agent", "invoke_workflow"):
        return StepKind.AGENT
    if operation == "execute_tool" or attributes.get("traceloop.span.kind") == "tool":
        return StepKind.TOOL
    if operation is None and attributes.get("traceloop.span.kind") in ("workflow", "agent"):
        return StepKind.AGENT
    is_call = operation is None and "gen_ai.request.model" in attributes
    return StepKind.CALL if is_call else StepKind.OTHER


def _add_outcome(step: Step, attributes: dict[str, Any]) -> None:
    """Add what is known of an answer without its text: that it asks for tools, and of which kind it is."""
    reasons = attributes.get("gen_ai.response.finish_reasons")
    note_reasons(step, reasons if isinstance(reasons, list) else [reasons])
    note_reasons(step, [attributes.get("ai.response.finishReason")])
    medium = {"image": "image", "speech": "audio", "video": "video"}.get(str(attributes.get("gen_ai.output.type")))
    if medium and not step.media and not step.is_error:
        step.media = [Medium(medium, "")]


def _first(attributes: dict[str, Any], names: Sequence[str]) -> str:
    for name in names:
        if name in attributes and (found := identifier(attributes[name])):
            return found
    return ""
