"""Map pieces to Segment messages by the rules of a configuration: the same for live requests and for the dry run."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any

import msgspec

from assistants.messages import cut
from assistants.sources.adapter import Request
from assistants.sources.canonical import digest
from assistants.sources.generic.config import IDENTIFY, TOP_LEVEL, Config, FieldType, Rule, parse
from assistants.sources.generic.conversions import (
    ExpressionFailed,
    as_iso,
    as_json,
    as_text,
    as_timestamp,
    is_true,
)
from assistants.sources.generic.expressions import Expression, compile_expression
from assistants.sources.generic.unwrap import Unwrapped
from assistants.sources.pieces import BadPiece, Piece

# Fields that identify something: a number there is a text that happens to look like one.
_IDS = frozenset({"userId", "anonymousId", "conversationId", "messageId", "sessionId"})
BODY = "message_body"
_UNITS = {"epoch_s": timedelta(seconds=1), "epoch_ms": timedelta(milliseconds=1)}
_encoder = msgspec.json.Encoder()
REMEMBERED = 256


@dataclass(frozen=True)
class Failure:
    """An expression that failed, and counts as having found nothing: where, such as “rule 2, field userId”, and why."""

    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


@dataclass(frozen=True)
class Outcome:
    """What a rule made of a piece: a message where it matched, as plain JSON, and what failed on the way."""

    number: int
    event: str
    message: dict[str, Any] | None
    failures: tuple[Failure, ...]


@dataclass(frozen=True)
class _CompiledField:
    name: str
    expression: Expression
    type: FieldType | None


@dataclass(frozen=True)
class _CompiledRule:
    number: int
    event: str
    when: Expression | None
    fields: tuple[_CompiledField, ...]


@dataclass(frozen=True)
class RuleSet:
    """A configuration ready for use: parsed, its expressions compiled."""

    config: Config
    rules: tuple[_CompiledRule, ...]
    id: Expression | None


def prepare(config: Any) -> RuleSet:
    """Parse and compile a configuration given as plain JSON; the latest are remembered. Raises BadConfig."""
    return _prepare(_encoder.encode(config))


def apply(
    rules: RuleSet, piece: Piece, *, kind: str, seed: str = "", go_on: Callable[[], bool] = lambda: True
) -> list[Outcome]:
    """Return each rule's outcome for a piece, as long as `go_on` says so; all rules that match make a message.

    The message IDs are the same whenever the piece comes again. They are made of `seed` if one is given, which must
    identify the piece within its kind of source; else of what the configuration's `id` finds, what the wrapping says,
    or the content of the piece.
    """
    outcomes = [_apply(rule, piece) for rule in rules.rules if go_on()]
    messages = [(outcome.number, outcome.message) for outcome in outcomes if outcome.message is not None]
    if messages:
        seed = seed or _seed(rules, piece)
        for number, message in messages:
            message["messageId"] = f"{kind}-{digest([seed, number])}"
    return outcomes


def map_pieces(
    rules: RuleSet, unwrapped: Unwrapped, request: Request, *, kind: str, go_on: Callable[[], bool] = lambda: True
) -> Iterator[tuple[Piece | BadPiece, list[Outcome]]]:
    """Yield the pieces of a request in order, each with its rules' outcomes; none for one that cannot be read."""
    header = rules.config.id_header.lower()
    delivery = request.headers.get(header, "") if header else ""
    for index, piece in enumerate(unwrapped.pieces):
        if isinstance(piece, BadPiece):
            yield piece, []
        else:
            seed = f"header {delivery} {index}" if delivery else ""
            yield piece, apply(rules, piece, kind=kind, seed=seed, go_on=go_on)


@lru_cache(maxsize=REMEMBERED)
def _prepare(config: bytes) -> RuleSet:
    parsed = parse(msgspec.json.decode(config))
    return RuleSet(
        config=parsed,
        rules=tuple(_compile_rule(number, rule) for number, rule in enumerate(parsed.rules, 1)),
        id=_compile(parsed.id),
    )


def _compile_rule(number: int, rule: Rule) -> _CompiledRule:
    fields = [
        _CompiledField(name, compile_expression(expression), rule.types.get(name))
        for name, expression in rule.fields.items()
    ]
    return _CompiledRule(number, rule.event.strip(), _compile(rule.when), tuple(fields))


def _compile(text: str) -> Expression | None:
    return compile_expression(text) if text.strip() else None


def _seed(rules: RuleSet, piece: Piece) -> str:
    if rules.id:
        try:
            found = rules.id.find(piece.value)
            if is_true(found):
                return f"id {as_text(found)}"
        except ExpressionFailed:
            pass
    return f"wrapping {piece.id}" if piece.id else f"content {digest(piece.value)}"


def _apply(rule: _CompiledRule, piece: Piece) -> Outcome:
    if rule.when:
        try:
            is_match = is_true(rule.when.find(piece.value))
        except ExpressionFailed as error:
            return Outcome(rule.number, rule.event, None, (Failure(f"rule {rule.number}, when", str(error)),))
        if not is_match:
            return Outcome(rule.number, rule.event, None, ())
    fields: dict[str, Any] = {}
    failures: list[Failure] = []
    for field in rule.fields:
        try:
            value = _read(field, piece.value)
        except ExpressionFailed as error:
            failures.append(Failure(f"rule {rule.number}, field {field.name}", str(error)))
        else:
            # What is unknown is left out: neither null nor an empty text is a value.
            if value is not None and value != "":
                fields[field.name] = value
    return Outcome(rule.number, rule.event, _message(rule, fields, piece), tuple(failures))


def _read(field: _CompiledField, value: Any) -> Any:
    found = field.expression.find(value)
    if found is None or found == "":
        return None
    if field.type in _UNITS:
        return as_timestamp(found, unit=_UNITS[field.type])
    if field.type == "iso" or (field.name == "timestamp" and field.type is None):
        return as_iso(found)
    if field.type == "number":
        return _as_number(found)
    if field.type == "text" or field.name in _IDS:
        return as_text(found)
    if field.name == BODY and isinstance(found, str):
        return cut(found)
    as_json(found)
    return found


def _as_number(value: Any) -> float:
    if isinstance(value, str):
        try:
            value = msgspec.json.decode(value)
        except msgspec.DecodeError:
            raise ExpressionFailed("It is a text, not a number.") from None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ExpressionFailed("It is not a number.")
    return value


def _message(rule: _CompiledRule, fields: dict[str, Any], piece: Piece) -> dict[str, Any]:
    message: dict[str, Any] = {"type": "identify"} if rule.event == IDENTIFY else {"type": "track", "event": rule.event}
    if piece.at and "timestamp" not in fields:
        message["timestamp"] = piece.at
    for name in TOP_LEVEL:
        if name in fields:
            message[name] = fields.pop(name)
    # As with events of every other source: without a user they go under the conversation.
    if "conversationId" in fields and not ("userId" in message or "anonymousId" in message):
        message["anonymousId"] = fields["conversationId"]
    message["traits" if rule.event == IDENTIFY else "properties"] = fields
    return message
