"""The dry run: what stored payloads would become under a configuration, before anybody saves it."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from assistants.faults import Refused
from assistants.intake.answers import Unreadable
from assistants.items import read_message
from assistants.messages import to_json
from assistants.sources.adapter import Request
from assistants.sources.generic.rules import Failure, Outcome, RuleSet, map_pieces, prepare
from assistants.sources.generic.unwrap import unwrap
from assistants.sources.pieces import BadPiece, Piece

SECONDS = 2.0
# What of a piece is shown.
MAX_TEXT = 4_000
# Pieces of one payload that are shown; a rule that fits these fits the others.
MAX_PIECES = 20
NOT_REACHED = -1
NO_USER = "Without a userId or an anonymousId Segment does not take the message, and it is left out."


@dataclass(frozen=True)
class Payload:
    """A stored request: its body inflated, header names in lower case (those that were kept)."""

    received_at: datetime
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class RuleRun:
    """What one rule made of one piece.

    `number` counts rules from 1. Where the rule matched, `message` is the Segment message as it would be stored, unless
    intake would refuse it, with the reason in `refused`. `failures` are expressions that failed, of a rule that did not
    match its condition; `hints` say what a message lacks to be of use.
    """

    number: int
    event: str
    is_match: bool
    message: dict[str, Any] | None = None
    refused: str = ""
    failures: tuple[Failure, ...] = ()
    hints: tuple[str, ...] = ()


@dataclass(frozen=True)
class PieceRun:
    """One piece of a payload: its JSON for people, and each rule's result in the order of the rules.

    `problem` says why the piece cannot be read; then no rule was tried. `is_cut_short` says that the time was over
    before all rules were.
    """

    text: str
    problem: str = ""
    rules: tuple[RuleRun, ...] = ()
    is_cut_short: bool = False

    @property
    def is_matched(self) -> bool:
        return any(rule.is_match for rule in self.rules)


@dataclass(frozen=True)
class PayloadRun:
    """What one payload would become.

    `problem` says why it would be refused as a whole. `notes` are what the source's page would show. `left_over` counts
    pieces beyond the first twenty, and is -1 where the time was over before the payload was looked at.
    """

    payload: Payload
    pieces: tuple[PieceRun, ...] = ()
    problem: str = ""
    notes: tuple[str, ...] = ()
    left_over: int = 0


def dry_run(
    config: Any, payloads: Sequence[Payload], *, kind: str = "custom", seconds: float = SECONDS
) -> list[PayloadRun]:
    """Say for each payload, in the given order, what it would become under `config`, given as plain JSON.

    Stores nothing, sends nothing, and ends after about `seconds`. Whether the sender may send at all is not looked at:
    what is stored has passed. Raises BadConfig where `check` finds problems.
    """
    rules = prepare(config)
    deadline = time.monotonic() + seconds
    return [_run(rules, payload, kind, lambda: time.monotonic() < deadline) for payload in payloads]


def _run(rules: RuleSet, payload: Payload, kind: str, has_time: Callable[[], bool]) -> PayloadRun:
    if not has_time():
        return PayloadRun(payload, left_over=NOT_REACHED)
    request = Request(path="", headers=payload.headers, body=payload.body, received_at=payload.received_at)
    try:
        unwrapped = unwrap(rules.config.unwrap, request)
    except Unreadable as error:
        return PayloadRun(payload, problem=str(error))
    pieces: list[PieceRun] = []
    for piece, outcomes in map_pieces(rules, unwrapped, request, kind=kind, go_on=has_time):
        if len(pieces) == MAX_PIECES or (pieces and not has_time()):
            break
        pieces.append(_piece_run(piece, outcomes, payload.received_at, of=len(rules.rules)))
    return PayloadRun(
        payload,
        pieces=tuple(pieces),
        notes=tuple(note.detail for note in unwrapped.notes),
        left_over=len(unwrapped.pieces) - len(pieces),
    )


def _piece_run(piece: Piece | BadPiece, outcomes: Sequence[Outcome], received_at: datetime, *, of: int) -> PieceRun:
    if isinstance(piece, BadPiece):
        return PieceRun(piece.raw[:MAX_TEXT].decode(errors="replace"), problem=piece.reason.message)
    text = msgspec.json.format(msgspec.json.encode(piece.value), indent=2).decode()
    text = f"{text[:MAX_TEXT]}…" if len(text) > MAX_TEXT else text
    runs = tuple(_rule_run(outcome, received_at) for outcome in outcomes)
    return PieceRun(text, rules=runs, is_cut_short=len(runs) < of)


def _rule_run(outcome: Outcome, received_at: datetime) -> RuleRun:
    if outcome.message is None:
        return RuleRun(outcome.number, outcome.event, is_match=False, failures=outcome.failures)
    message = read_message(msgspec.json.encode(outcome.message), received_at=received_at)
    if isinstance(message, Refused):
        return RuleRun(outcome.number, outcome.event, True, refused=message.message, failures=outcome.failures)
    return RuleRun(
        outcome.number,
        outcome.event,
        is_match=True,
        message=msgspec.json.decode(to_json(message)),
        failures=outcome.failures,
        hints=() if message.user_id or message.anonymous_id else (NO_USER,),
    )
