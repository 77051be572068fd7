"""The source “OpenTelemetry”: traces and logs of AI applications, over OTLP/HTTP."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from assistants.faults import Refused, excerpt
from assistants.intake.answers import Answer
from assistants.sources.adapter import Fact, Note, Option, OptionKind, Part, Reading, Request, Setup, Source
from assistants.sources.otlp import answers, from_json, from_protobuf
from assistants.sources.otlp.parts import COMPLETE_SECONDS, Gathered, record_part, steps_of
from assistants.sources.otlp.spans import Wanted
from assistants.sources.otlp.step import Step
from assistants.sources.otlp.turns import NANOSECONDS, read_trace
from assistants.sources.otlp.wire import ENVIRONMENT, Export, Malformed, Span

CONVERSATION_ATTRIBUTE = Option(
    name="conversation_attribute",
    label="Attribute with the conversation ID",
    help=(
        "The span attribute in which your application keeps the conversation, such as app.chat_id. It counts before "
        "the usual ones (gen_ai.conversation.id, session.id, …); leave it empty if you use one of those."
    ),
    kind=OptionKind.TEXT,
    default="",
)
FEEDBACK_NAMES = Option(
    name="feedback_names",
    label="Evaluations by people",
    help=(
        "The names of gen_ai.evaluation.result events that carry the rating of a person, one a line. They become "
        "Feedback Submitted; ratings by models do not."
    ),
    kind=OptionKind.LINES,
    default=[],
)

# Of a trace's ID, the IDs of its parts, and its steps: further parts.
Beside = Callable[[str, Sequence[str], Sequence[Step]], list[Part]]
_JSON_TYPE = re.compile(r"application/(?:[a-z0-9.+-]*\+)?json")


class Otlp(Source):
    """Spans and log records of GenAI's conventions, and of the packages that had their own before.

    The key is the sender's whole proof. Each span is a part of its trace; facts are read when the trace is complete.
    """

    kind = "otlp"
    title = "OpenTelemetry"
    description = (
        "Traces of an AI application: OpenAI, LangChain, Pydantic AI, Vercel AI SDK and everything else that is "
        "instrumented by GenAI's conventions, OpenLLMetry, OpenInference or LangSmith."
    )
    proof = (
        "Proven with OpenTelemetry's own exporters for Python and Node and with Pydantic AI, and by captured traces of "
        "ten further instrumentations."
    )
    paths: tuple[str, ...] = ("/otlp/v1/traces", "/otlp/v1/logs", "/otlp/v1/metrics")
    endpoint = "/otlp"
    needs_key = True
    options: tuple[Option, ...] = (CONVERSATION_ATTRIBUTE, FEEDBACK_NAMES)
    hold_seconds = COMPLETE_SECONDS

    def read(self, request: Request, setup: Setup) -> Reading:
        """Take an export request apart into the parts of traces."""
        signal = request.path.rstrip("/").rpartition("/")[2]
        return read_export(request, setup, signal)

    def read_whole(self, parts: Sequence[Part], setup: Setup) -> list[Fact]:
        """Read the facts of a trace from the parts of it that have come."""
        return read_trace(whole_of(parts), steps_of(parts), feedback=setup.options.get("feedback_names") or ())

    def check(self, options: Mapping[str, Any]) -> list[str]:
        """Tell an attribute's name from anything else that may stand in that field."""
        return check_attribute(options)


def check_attribute(options: Mapping[str, Any]) -> list[str]:
    """Say what is wrong with the attribute that holds the conversation's ID."""
    name = str(options.get(CONVERSATION_ATTRIBUTE.name) or "")
    if len(name) > 200 or any(character.isspace() for character in name):
        return [f"“{name[:40]}” cannot be the name of an attribute: give one name without spaces, such as app.chat_id."]
    return []


def read_export(request: Request, setup: Setup, signal: str, *, beside: Beside | None = None) -> Reading:
    """Read traces, logs or metrics; the last are taken and dropped. Raises Unreadable.

    `beside` makes further parts of the steps of each trace, and is given the IDs of the parts that they became.
    """
    content_type = _content_type(request)
    if request.method != "POST":
        raise answers.Unusable(405, "not_a_post", f"Send a POST, not a {request.method}.", content_type=content_type)
    if signal == "metrics":
        note = Note("metrics_dropped", "Metrics tell nothing of conversations; turn their exporter off.")
        return Reading(notes=[note], answer=answers.taken(content_type, signal=signal), is_body_kept=False)
    named = str(setup.options.get(CONVERSATION_ATTRIBUTE.name) or "")
    try:
        export = _reader(content_type, signal)(request.body, Wanted(named))
    except Malformed as error:
        raise answers.Unusable(400, "invalid_otlp", str(error), content_type=content_type) from None
    received_ns = int(request.received_at.timestamp()) * NANOSECONDS
    parts, notes = _parts(export, named, received_ns, beside)
    notes += _environment_notes(export, setup)
    return Reading(
        parts=parts,
        notes=notes,
        refused=[(Refused("invalid_span", said), sample) for said, sample in export.refused],
        answer=_answer(content_type, signal, export),
        is_body_kept=False,
    )


def whole_of(parts: Sequence[Part]) -> str:
    """Return the ID of the trace that parts belong to."""
    return parts[0].whole_id if parts else ""


def _content_type(request: Request) -> str:
    """Tell protobuf from JSON; a body that says nothing of itself shows what it is by its first character."""
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if _JSON_TYPE.fullmatch(given):
        return answers.JSON
    if given in (answers.PROTOBUF, "application/protobuf"):
        return answers.PROTOBUF
    if not given:
        return answers.JSON if request.body.lstrip()[:1] == b"{" else answers.PROTOBUF
    said = f"Content-Type {excerpt(given)} is not OTLP; send {answers.PROTOBUF} or {answers.JSON}."
    raise answers.Unusable(415, "unsupported_media_type", said, content_type=answers.JSON)


def _reader(content_type: str, signal: str) -> Callable[[bytes, Wanted], Export]:
    if content_type == answers.JSON:
        return from_json.read_logs if signal == "logs" else from_json.read_traces
    return from_protobuf.read_logs if signal == "logs" else from_protobuf.read_traces


def _answer(content_type: str, signal: str, export: Export) -> Answer:
    why = export.refused[0][0] if export.refused else ""
    return answers.taken(content_type, signal=signal, refused=len(export.refused), why=why)


def _parts(export: Export, named: str, received_ns: int, beside: Beside | None) -> tuple[list[Part], list[Note]]:
    """Make a part of each span and record that tells something; the notes say what is missing or was left out."""
    parts: list[Part] = []
    notes: list[Note] = []
    traces: dict[str, list[Span]] = {}
    for span in export.spans:
        traces.setdefault(span.trace_id, []).append(span)
    for trace_id, spans in traces.items():
        gathered = Gathered(trace_id, spans, named=named)
        own = gathered.parts(received_ns)
        parts += own
        if own and beside:
            parts += beside(trace_id, [part.part_id for part in own], gathered.steps)
        notes += gathered.notes()
    for record in export.records:
        part = record_part(record, received_ns, named=named)
        if part:
            parts.append(part)
        else:
            said = f"Log records other than GenAI's events are left out, such as {excerpt(record.event)}."
            notes.append(Note("record_ignored", said))
    return parts, notes


def _environment_notes(export: Export, setup: Setup) -> list[Note]:
    """Compare what the sender says of its environment; the key decides all the same."""
    others = {name for name in export.environments if name.casefold() != setup.environment_name.casefold()}
    return [
        Note(
            "other_environment",
            f"{ENVIRONMENT[0]} says {excerpt(name)}, but the key is of “{setup.environment_name}”.",
        )
        for name in sorted(others)
    ]
