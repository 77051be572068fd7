"""The source “Langfuse”: what its SDKs send, by the routes of its public API; Sluice takes the place of its server.

Source: Langfuse, API reference (“Ingestion”, “Scores”, “OpenTelemetry”, “Health”, “Projects”).
"""

import base64
import binascii
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from assistants.faults import Refused, excerpt
from assistants.intake.answers import Answer, Unreadable
from assistants.sources import pieces
from assistants.sources.adapter import Denied, Fact, Note, Option, OptionKind, Part, Reading, Request, Setup, Source
from assistants.sources.canonical import digest
from assistants.sources.otlp.adapter import CONVERSATION_ATTRIBUTE, check_attribute, read_export, whole_of
from assistants.sources.otlp.messages import identifier, plain_text, read_messages
from assistants.sources.otlp.parts import COMPLETE_SECONDS, OPEN_SECONDS, part_of, settle_times, steps_of
from assistants.sources.otlp.step import Step, StepKind, answer, hear, number, without_texts
from assistants.sources.otlp.turns import NANOSECONDS, read_ratings, read_trace
from assistants.sources.pieces import BadPiece

TRACES = "/api/public/otel/v1/traces"
SCORES = "/api/public/scores"
INGESTION = "/api/public/ingestion"
HEALTH = "/api/public/health"
PROJECTS = "/api/public/projects"
VERSION = "3.0.0"
# Scores are a whole of their own, with what is to be known of their trace. That has no texts and stays for a day:
# people rate an answer minutes or hours later, and a score names its trace only.
RATINGS = "ratings of "
RATINGS_SECONDS = 86_400.0
# A score may come before its trace, of which an SDK sends something every five seconds.
SCORE_SECONDS = 10.0
GENERATIONS = ("generation-create", "generation-update")
SPANS = ("span-create", "span-update")
# What an SDK of version 2 sends besides, and what is known of the conversation without it.
SILENT = ("event-create", "sdk-log")

SCORE_NAMES = Option(
    name="score_names",
    label="Scores by people",
    help=(
        "The names of scores that are the rating of a person, one a line. They become Feedback Submitted. Leave it "
        "empty if all scores are."
    ),
    kind=OptionKind.LINES,
    default=[],
)
SPANS_ARE_TOOLS = Option(
    name="spans_are_tools",
    label="Spans of SDK version 2 are tools",
    help=(
        "That version has no type for tools. Switch this on if your application wraps its tools, and nothing else, in "
        "spans."
    ),
)

_encoder = msgspec.json.Encoder()


class Langfuse(Source):
    """Traces by OTLP, scores, and the batches of SDK version 2. A trace is a whole, and another is made of its scores.

    The public key is the ingest key. The secret key is compared where one is set up.
    """

    kind = "langfuse"
    title = "Langfuse"
    description = (
        "Whatever has a box for a “Langfuse host”: the Langfuse SDKs, LiteLLM, LibreChat, Langflow, Dify and many "
        "more. Scores become feedback."
    )
    proof = "Proven with Langfuse's own SDK for Python, version 5, and by a captured batch of version 2."
    paths: tuple[str, ...] = (TRACES, SCORES, INGESTION, HEALTH, PROJECTS)
    get_paths: tuple[str, ...] = (HEALTH, PROJECTS)
    needs_key = True
    secret_label = "Secret key"  # noqa: S105  a label, no secret
    secret_help = "What the application has as LANGFUSE_SECRET_KEY. Without one, any secret key is taken."  # noqa: S105
    options: tuple[Option, ...] = (SCORE_NAMES, CONVERSATION_ATTRIBUTE, SPANS_ARE_TOOLS)
    hold_seconds = COMPLETE_SECONDS

    def read(self, request: Request, setup: Setup) -> Reading:
        """Read a request to one of the routes."""
        _check_secret(request, setup)
        path = request.path.rstrip("/")
        if path in self.get_paths:
            return Reading(answer=_about(path, setup), is_body_kept=False)
        if path == TRACES:
            return read_export(request, setup, "traces", beside=_for_ratings)
        if request.method != "POST":
            raise Unreadable(405, "not_a_post", f"Send a POST to {path}, not a {request.method}.")
        received_ns = int(request.received_at.timestamp()) * NANOSECONDS
        if path == SCORES:
            return _scores(request, received_ns)
        return _with_ratings(_batch(request, setup, received_ns))

    def read_whole(self, parts: Sequence[Part], setup: Setup) -> list[Fact]:
        """Read the facts of a trace, and of the scores for it, from what has come."""
        whole_id = whole_of(parts)
        if not whole_id.startswith(RATINGS):
            return read_trace(whole_id, steps_of(parts))
        names = setup.options.get(SCORE_NAMES.name) or None
        return read_ratings(whole_id.removeprefix(RATINGS), steps_of(parts), names)

    def check(self, options: Mapping[str, Any]) -> list[str]:
        """Tell an attribute's name from anything else that may stand in that field."""
        return check_attribute(options)


def _check_secret(request: Request, setup: Setup) -> None:
    """Compare the secret key that came with the one set up. Raises Denied."""
    if not setup.secret:
        return
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    try:
        _, _, secret = base64.b64decode(given.strip(), validate=True).partition(b":")
    except (binascii.Error, ValueError):
        secret = b""
    if scheme.lower() != "basic" or not hmac.compare_digest(secret, setup.secret.encode()):
        raise Denied("wrong_secret_key", "The secret key is not the one that is set up for this source.")


def _about(path: str, setup: Setup) -> Answer:
    """Answer what SDKs ask to find out whether their keys work."""
    if path == HEALTH:
        return Answer(200, _encoder.encode({"status": "OK", "version": VERSION}))
    project = {
        "id": str(setup.environment_id),
        "name": f"{setup.assistant.name} ({setup.environment_name})",
        "organization": {"id": "sluice", "name": "Sluice"},
        "metadata": {},
    }
    return Answer(200, _encoder.encode({"data": [project]}))


# --- scores ---


def _scores(request: Request, received_ns: int) -> Reading:
    """Read one score, or a list of them."""
    reading = Reading(is_body_kept=False)
    items = pieces.items(request.body)
    for piece in items:
        fault = piece.reason if isinstance(piece, BadPiece) else _add_score(piece.value, "", received_ns, reading)
        if fault:
            reading.refused.append((fault, piece.raw))
    rejected = [reason.message for reason, _ in reading.refused]
    if not request.body.lstrip().startswith(b"["):
        if rejected:
            raise Unreadable(400, reading.refused[0][0].code, rejected[0])
        reading.answer = Answer(200, _encoder.encode({"id": _score_id(items)}))
    elif rejected:
        counts = {"accepted": len(items) - len(rejected), "rejected": len(rejected)}
        reading.answer = Answer(207, _encoder.encode({**counts, "errors": [{"message": said} for said in rejected]}))
    else:
        reading.answer = Answer(200, _encoder.encode({"message": "Accepted"}))
    return reading


def _score_id(items: Sequence[pieces.Piece | BadPiece]) -> str:
    """Return the ID that a single score came with."""
    value = items[0].value if items and isinstance(items[0], pieces.Piece) else None
    return identifier(value.get("id")) if isinstance(value, dict) else ""


def _add_score(body: Any, sent_at: Any, received_ns: int, reading: Reading) -> Refused | None:
    """Add a score to what was read; return what is wrong with it, if anything is."""
    if not isinstance(body, dict):
        return Refused("invalid_score", "A score must be an object with name, value and traceId or sessionId.")
    name, session = plain_text(body.get("name")), identifier(body.get("sessionId"))
    trace_id = identifier(body.get("traceId")) or (f"session {session}" if session else "")
    if not name or not trace_id:
        return Refused("invalid_score", "A score needs a name, and a traceId or a sessionId.")
    rating = number(body.get("value"))
    if rating is None:
        said = f"The score {excerpt(name)} has no number as its value, so that no rating can be made of it."
        reading.notes.append(Note("score_without_number", said))
        return None
    said_ns = _nanoseconds(body.get("timestamp")) or _nanoseconds(sent_at)
    at_ns = said_ns or received_ns
    # One that says neither which it is nor when it was given is known again by what it says.
    id_ = identifier(body.get("id")) or f"{name} {said_ns or digest(body)}"
    step = Step(
        id=id_,
        kind=StepKind.SCORE,
        parent_id=identifier(body.get("observationId")),
        start_ns=at_ns,
        end_ns=at_ns,
        conversation=session,
        score_name=name,
        rating=rating,
    )
    settle_times(step, received_ns)
    held = {"hold_seconds": SCORE_SECONDS, "keep_seconds": RATINGS_SECONDS}
    reading.parts.append(part_of(RATINGS + trace_id, f"score {id_}", [step], **held))
    return None


def _with_ratings(reading: Reading) -> Reading:
    """Add, for each trace in what was read, what its scores will need to know."""
    traces: dict[str, list[Part]] = {}
    for part in reading.parts:
        if not part.whole_id.startswith(RATINGS):
            traces.setdefault(part.whole_id, []).append(part)
    for trace_id, parts in traces.items():
        reading.parts += _for_ratings(trace_id, [part.part_id for part in parts], steps_of(parts))
    return reading


def _for_ratings(trace_id: str, part_ids: Sequence[str], steps: Sequence[Step]) -> list[Part]:
    """Return the part of a trace that its scores will need."""
    held = {"hold_seconds": SCORE_SECONDS, "keep_seconds": RATINGS_SECONDS}
    return [part_of(RATINGS + trace_id, digest(list(part_ids)), [without_texts(step) for step in steps], **held)]


# --- the batches of SDK version 2 ---


def _batch(request: Request, setup: Setup, received_ns: int) -> Reading:
    """Read a batch; each of its events is answered on its own."""
    body = pieces.value_of(request.body)
    events = body.get("batch") if isinstance(body, dict) else None
    if not isinstance(events, list):
        raise Unreadable(400, "invalid_batch", "The body must be an object with a list named batch.")
    reading = Reading(is_body_kept=False)
    successes: list[dict[str, Any]] = []
    errors: list[dict[str, Any]] = []
    for event in events:
        fault = _add_event(event, setup, received_ns, reading)
        id_ = identifier(event.get("id")) if isinstance(event, dict) else ""
        if fault:
            reading.refused.append((fault, _encoder.encode(event)))
            errors.append({"id": id_, "status": 400, "message": fault.message, "error": fault.code})
        else:
            successes.append({"id": id_, "status": 201})
    reading.answer = Answer(207, _encoder.encode({"successes": successes, "errors": errors}))
    return reading


def _add_event(event: Any, setup: Setup, received_ns: int, reading: Reading) -> Refused | None:
    body = event.get("body") if isinstance(event, dict) else None
    if not isinstance(body, dict) or not isinstance(event.get("type"), str):
        return Refused("invalid_event", "An event must be an object with id, type, timestamp and body.")
    type_ = event["type"]
    if type_ == "score-create":
        return _add_score(body, event.get("timestamp"), received_ns, reading)
    if type_ in SILENT:
        return None
    if type_ not in ("trace-create", *GENERATIONS, *SPANS):
        reading.notes.append(Note("unknown_event", f"Events of the type {excerpt(type_)} are left out."))
        return None
    trace_id = identifier(body.get("id" if type_ == "trace-create" else "traceId"))
    id_ = identifier(body.get("id"))
    if not trace_id or not id_:
        return Refused("invalid_event", f"A {type_} needs the IDs of itself and of its trace.")
    step = _step(type_, body, trace_id, setup)
    times = (_nanoseconds(each) for each in (body.get("timestamp"), body.get("startTime"), body.get("endTime")))
    known = [at_ns for at_ns in (*times, _nanoseconds(event.get("timestamp"))) if at_ns]
    step.start_ns, step.end_ns = (known[0], _nanoseconds(body.get("endTime"))) if known else (0, 0)
    settle_times(step, received_ns)
    part_id = identifier(event.get("id")) or f"{type_} {id_} {step.start_ns}"
    reading.parts.append(part_of(trace_id, part_id, [step], hold_seconds=OPEN_SECONDS))
    return None


def _step(type_: str, body: Mapping[str, Any], trace_id: str, setup: Setup) -> Step:
    """Make a step of an event's body; an update of the same thing comes as another event."""
    is_trace = type_ == "trace-create"
    parent_id = "" if is_trace else identifier(body.get("parentObservationId")) or trace_id
    step = Step(
        id=identifier(body.get("id")),
        kind=StepKind.AGENT if is_trace else StepKind.CALL if type_ in GENERATIONS else StepKind.OTHER,
        parent_id=parent_id,
        has_parent=not is_trace,
        is_error=body.get("level") == "ERROR",
        is_open=type_ in GENERATIONS and body.get("endTime") is None and body.get("output") is None,
        conversation=identifier(body.get("sessionId")),
        user=identifier(body.get("userId")),
    )
    if type_ in SPANS and setup.options.get(SPANS_ARE_TOOLS.name):
        step.kind, step.tool = StepKind.TOOL, plain_text(body.get("name"))
    elif step.kind is not StepKind.OTHER:
        hear(step, [said for said in read_messages(body.get("input"), speaker="user") if said.role != "system"])
        answer(step, read_messages(body.get("output"), speaker="assistant"))
    return step


def _nanoseconds(given: Any) -> int:
    """Return the nanoseconds since 1970 of a time in ISO 8601; 0 where it is none."""
    try:
        moment = datetime.fromisoformat(given)
        return round(moment.timestamp() * 1_000_000) * 1_000 if moment.tzinfo else 0
    except (TypeError, ValueError, OverflowError):
        return 0
