"""The adapter of sources by rules: “custom”, whose rules people write, and presets, whose rules are shipped as data."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from assistants.faults import excerpt, read_json
from assistants.intake.answers import Answer, Unreadable
from assistants.sources.adapter import DONE, Note, Option, OptionKind, Reading, Request, Setup, Source
from assistants.sources.generic.config import BadConfig, check
from assistants.sources.generic.rules import RuleSet, map_pieces, prepare
from assistants.sources.generic.unwrap import unwrap
from assistants.sources.generic.verify import verify
from assistants.sources.pieces import BadPiece

PRESETS = Path(__file__).parent / "presets"
OPTION = "config"
RETRY_SECONDS = 60
# What of a piece that no rule matched is said on the source's page: members by which senders tell their events apart.
_NAMING_MEMBERS = ("type", "event", "topic", "name", "action")

_encoder = msgspec.json.Encoder()


class Preset(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A source by rules as it stands in a file: what people read of it, and the configuration to begin with."""

    kind: str
    title: str
    description: str
    proof: str
    config: dict[str, Any]
    secret_label: str = ""
    secret_help: str = ""


class RuleSource(Source):
    """A source whose verifying, unwrapping and mapping is data: its option “config”, to begin with the preset's."""

    def __init__(self, preset: Preset) -> None:
        self.kind = preset.kind
        self.title = preset.title
        self.description = preset.description
        self.proof = preset.proof
        self.secret_label = preset.secret_label
        self.secret_help = preset.secret_help
        self.config = preset.config
        self.options = (
            Option(
                name=OPTION,
                label="Rules",
                help="How requests are verified and unwrapped, and which messages become of what they hold.",
                kind=OptionKind.RULES,
                default=preset.config,
            ),
        )

    def read(self, request: Request, setup: Setup) -> Reading:
        """Verify, unwrap and map a request by the rules.

        A source whose rules cannot be used takes nothing and asks the sender to come again.
        """
        rules = self._rules(setup)
        verify(rules.config.verify, request, setup)
        echoed = _echo(rules.config.echo, request.body)
        if echoed:
            return Reading(notes=[Note("challenge", "The sender asked for an echo and got it.")], answer=echoed)
        return _read(rules, request, kind=self.kind)

    def check(self, options: Mapping[str, Any]) -> list[str]:
        """Say what is wrong with the rules."""
        return [str(problem) for problem in check(options.get(OPTION, self.config))]

    def _rules(self, setup: Setup) -> RuleSet:
        try:
            return prepare(setup.options.get(OPTION) or self.config)
        except BadConfig as error:
            raise Unreadable(
                503, "unusable_rules", f"The rules of this source cannot be used: {error}", retry_after=RETRY_SECONDS
            ) from None


def load_preset(name: str) -> Preset:
    """Read a preset that is shipped with Sluice."""
    return msgspec.json.decode((PRESETS / f"{name}.json").read_bytes(), type=Preset)


def _read(rules: RuleSet, request: Request, *, kind: str) -> Reading:
    unwrapped = unwrap(rules.config.unwrap, request)
    reading = Reading(notes=list(unwrapped.notes), answer=unwrapped.answer or DONE)
    failures: dict[str, str] = {}
    for piece, outcomes in map_pieces(rules, unwrapped, request, kind=kind):
        if isinstance(piece, BadPiece):
            reading.refused.append((piece.reason, piece.raw))
            continue
        messages = [outcome.message for outcome in outcomes if outcome.message is not None]
        reading.messages += [_encoder.encode(message) for message in messages]
        if not messages:
            reading.notes.append(Note("no_rule", _unmatched(piece.value)))
        failures |= {failure.place: failure.message for outcome in outcomes for failure in outcome.failures}
    reading.notes += [Note("expression_failed", f"{place}: {message}") for place, message in failures.items()]
    return reading


def _echo(member: str, body: bytes) -> Answer | None:
    """Return the answer that repeats a member of the body, if there is such a member with a text."""
    if not member:
        return None
    value = read_json(body)
    if not isinstance(value, dict) or not isinstance(value.get(member), str):
        return None
    return Answer(200, _encoder.encode({member: value[member]}))


def _unmatched(value: Any) -> str:
    """Say of a piece what its sender calls it, and nothing of its content."""
    if isinstance(value, dict):
        for member in _NAMING_MEMBERS:
            if isinstance(value.get(member), str):
                return f"No rule matched a piece whose {member} is {excerpt(value[member])}."
    return "No rule matched a piece."
