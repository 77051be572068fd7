"""Parts: the spans and records of a request as they are held, and what is to be said of them to people."""

from collections.abc import Iterable, Sequence
from datetime import timedelta

import msgspec

from assistants.sources.adapter import Note, Part
from assistants.sources.canonical import digest
from assistants.sources.otlp.spans import is_marked, read_record, read_span
from assistants.sources.otlp.step import Step, StepKind
from assistants.sources.otlp.turns import NANOSECONDS
from assistants.sources.otlp.wire import Record, Span

# A trace of which the root is there is complete but for what comes in the same moment.
COMPLETE_SECONDS = 2.0
# Exporters send every five seconds what has ended since; until the root is there, more may be on its way.
OPEN_SECONDS = 8.0
MAX_AHEAD_NS = int(timedelta(days=365).total_seconds()) * NANOSECONDS

IGNORED = Note("span_ignored", "Spans without any attribute of GenAI's conventions are left out.")
NO_CONVERSATION = Note(
    "no_conversation_id",
    "A trace names no conversation, so that its trace ID stands for one. Set gen_ai.conversation.id or session.id, or "
    "name your own attribute in the options.",
)
NO_TEXT = Note(
    "no_text",
    "A model call came without texts, so that its events have no message_body. If you want them, set "
    "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=SPAN_ONLY (or EVENT_ONLY, if the logs are sent here as well).",
)

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[Step])


def steps_of(parts: Iterable[Part]) -> list[Step]:
    """Read the steps from parts."""
    return [step for part in parts for step in _decoder.decode(part.body)]


def part_of(
    whole_id: str, part_id: str, steps: Sequence[Step], *, hold_seconds: float, keep_seconds: float | None = None
) -> Part:
    """Write steps down as a part of their trace, or of another whole."""
    return Part(whole_id, part_id, _encoder.encode(steps), hold_seconds, keep_seconds)


def settle_times(step: Step, received_ns: int) -> None:
    """Put the time of receipt where a clock says nothing or nonsense."""
    latest = received_ns + MAX_AHEAD_NS
    if not 0 < step.start_ns <= latest:
        step.start_ns = received_ns
    if not step.start_ns <= step.end_ns <= latest:
        step.end_ns = step.start_ns


def record_part(record: Record, received_ns: int, *, named: str) -> Part | None:
    """Return the part that a log record is; None where it is none of GenAI's events."""
    step = read_record(record, named=named)
    if step is None:
        return None
    settle_times(step, received_ns)
    part_id = digest([record.span_id, record.event, record.at_ns, record.attributes, record.body])
    step.id = step.id or part_id
    if record.trace_id:
        return part_of(record.trace_id, part_id, [step], hold_seconds=OPEN_SECONDS)
    # It stands alone: nothing else can tell whose it is.
    step.conversation = step.conversation or part_id
    return part_of(part_id, part_id, [step], hold_seconds=COMPLETE_SECONDS)


class Gathered:
    """The spans of one trace in one request.

    One without any mark of GenAI is left out, unless it tells whose the trace is; its parent takes its place.
    """

    def __init__(self, trace_id: str, spans: Iterable[Span], *, named: str) -> None:
        self.trace_id = trace_id
        self._steps: dict[str, list[Step]] = {}
        self._unmarked: dict[str, Span] = {}
        self._has_root = False
        for span in spans:
            self._has_root = self._has_root or not span.parent_id
            if is_marked(span):
                self._steps[span.span_id] = read_span(span, named=named)
            else:
                self._unmarked[span.span_id] = span
        if self._steps and self._unmarked:
            self._keep_telling(named)
        self.steps = [step for own in self._steps.values() for step in own]
        self._kinds = {step.kind for step in self.steps}
        self._has_text = any(step.heard or step.has_output for step in self.steps)
        self._has_name = any(step.conversation for step in self.steps)

    def parts(self, received_ns: int) -> list[Part]:
        """Return a part for each span that tells something."""
        # Without texts in the spans, those may come in log records, which have an exporter of their own.
        is_complete = self._has_root and (self._has_text or StepKind.CALL not in self._kinds)
        hold_seconds = COMPLETE_SECONDS if is_complete else OPEN_SECONDS
        parts = []
        for span_id, steps in self._steps.items():
            if steps[0].parent_id in self._unmarked:
                steps[0].parent_id = self._known_parent(steps[0].parent_id)
            for step in steps:
                settle_times(step, received_ns)
            parts.append(part_of(self.trace_id, span_id, steps, hold_seconds=hold_seconds))
        return parts

    def notes(self) -> list[Note]:
        """Say which spans were left out, what the events of this trace will lack, and how to change that."""
        notes = [IGNORED] * len(self._unmarked)
        if not self._has_name and self._has_root and self._kinds & {StepKind.CALL, StepKind.AGENT}:
            notes.append(NO_CONVERSATION)
        if StepKind.CALL in self._kinds and not self._has_text:
            notes.append(NO_TEXT)
        return notes

    def _keep_telling(self, named: str) -> None:
        for span in list(self._unmarked.values()):
            step = read_span(span, named=named)[0]
            if step.conversation or step.user:
                self._steps[span.span_id] = [step]
                del self._unmarked[span.span_id]

    def _known_parent(self, parent_id: str) -> str:
        seen: set[str] = set()
        while parent_id in self._unmarked and parent_id not in seen:
            seen.add(parent_id)
            parent_id = self._unmarked[parent_id].parent_id
        return parent_id
