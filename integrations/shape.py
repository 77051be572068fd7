"""Shapes what is sent by a connection's options: which properties, under which names, in which of two documented forms.

Constraint: composing is the hot path, and few events need any of this. So the rules of each entry are looked up once
for a version, an entry without rules is never asked about, and a rule first looks at the raw bytes for what it would
change.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Protocol

import msgspec
from msgspec import UNSET, Raw, UnsetType

from assistants import catalog
from assistants.catalog.entry import STRING_LIST, Entry, Property, Spelling
from assistants.catalog.experiments import AB_TESTING
from assistants.catalog.ibm import STEP_OBJECTS, STEPS

MESSAGE_BODY = "message_body"
STEPS_AS_OBJECTS = "steps_as_objects"
AB_NAMES = "ab_names"

Key = tuple[str, str]
Members = dict[str, Any]
_members = msgspec.json.Decoder(dict[str, Raw])
_encode = msgspec.json.Encoder().encode
_NONE = Raw(b"{}")
# Read from the buffer as it is: a copy costs as much as the look. A name that is escaped is no step of anybody's.
_STEP_OBJECTS = re.compile(rb'"stepId"')


class Rule(Protocol):
    """One change of an object of properties."""

    def concerns(self, raw: Raw) -> bool:
        """Say whether there may be something to change; may be wrong about having to, never about not having to."""

    def apply(self, properties: Members) -> None:
        """Change the properties, whose values are raw JSON, or values to be encoded."""


@dataclass(frozen=True)
class Withhold:
    """Leave a property out."""

    name: str

    def concerns(self, raw: Raw) -> bool:
        # Letters of a name can be escaped; what must not be sent is not to be hidden so.
        return self.name.encode() in bytes(raw) or b"\\u" in bytes(raw)

    def apply(self, properties: Members) -> None:
        properties.pop(self.name, None)


@dataclass(frozen=True)
class Fill:
    """Give a property that is not there its default."""

    name: str
    default: str
    decoder: msgspec.json.Decoder[Any] = field(compare=False)

    def concerns(self, raw: Raw) -> bool:
        found = self.decoder.decode(raw)
        return getattr(found, self.name) is None

    def apply(self, properties: Members) -> None:
        properties[self.name] = self.default


@dataclass(frozen=True)
class StepsAsStrings:
    """Write steps that came as objects as strings, with the ID of their action in front."""

    def concerns(self, raw: Raw) -> bool:
        # Nearly no event holds an object in its properties, and one byte is found faster than eight.
        return bytes(raw).find(b"{", 1) > 0 and _STEP_OBJECTS.search(raw) is not None

    def apply(self, properties: Members) -> None:
        found = _Steps(properties)
        ids = [step.get("stepId") if isinstance(step, dict) else None for step in found.steps]
        if ids and all(isinstance(each, str) for each in ids):
            properties["stepsVisited"] = [found.prefixed(str(each)) for each in ids]


@dataclass(frozen=True)
class StepsAsObjects:
    """Write steps that came as strings as objects. Their titles are not known: no string holds them."""

    def concerns(self, raw: Raw) -> bool:
        return b'"stepsVisited"' in bytes(raw)

    def apply(self, properties: Members) -> None:
        found = _Steps(properties)
        if found.steps and all(isinstance(step, str) for step in found.steps):
            properties["stepsVisited"] = [{"stepId": found.bare(step)} for step in found.steps]


@dataclass(frozen=True)
class OwnNames:
    """Send the entry's own property where only another spelling's came; with `keeps_both` each stands for the other."""

    spelling: Spelling
    keeps_both: bool

    def concerns(self, raw: Raw) -> bool:
        return self.keeps_both or any(other.encode() in bytes(raw) for other in self.spelling.stands_for)

    def apply(self, properties: Members) -> None:
        for other, own in self.spelling.stands_for.items():
            if other in properties:
                properties.setdefault(own, properties[other])
            if self.keeps_both and own in properties:
                properties.setdefault(other, properties[own])
            elif not self.keeps_both:
                properties.pop(other, None)


Shapes = Mapping[Key, tuple[Rule, ...]]


def shapes(options: Mapping[str, Any]) -> Shapes:
    """Return the rules of each entry that has any, under a connection's options."""
    return _shapes(*(bool(options.get(name)) for name in (MESSAGE_BODY, STEPS_AS_OBJECTS, AB_NAMES)))


def shaped(properties: Raw | UnsetType, rules: tuple[Rule, ...]) -> Raw | UnsetType:
    """Return the properties (an object, or nothing) as they are sent; the same ones where no rule changes them.

    Raises msgspec's errors where they cannot be read.
    """
    raw = _NONE if properties is UNSET else properties
    members: Members = {}
    for rule in rules:
        if rule.concerns(raw):
            members = members or dict(_members.decode(raw))
            rule.apply(members)
            raw = Raw(_encode(members))
    return properties if raw is _NONE else raw


def properties_sent(entry: Entry, options: Mapping[str, Any]) -> list[Property]:
    """Return the properties with which an entry's events are sent under a connection's options, each of one form."""
    left_out = set() if options.get(MESSAGE_BODY) else {MESSAGE_BODY}
    if not options.get(AB_NAMES):
        left_out |= AB_TESTING.stands_for.keys()
    steps = STEP_OBJECTS if options.get(STEPS_AS_OBJECTS) else STRING_LIST
    return [
        replace(each, type=steps if each.type is STEPS else each.type)
        for each in entry.carried
        if each.name not in left_out
    ]


@lru_cache
def _shapes(sends_message_body: bool, has_step_objects: bool, has_ab_names: bool) -> Shapes:
    found = {
        entry.key: _rules_of(entry, sends_message_body, has_step_objects, has_ab_names) for entry in catalog.entries()
    }
    return {key: rules for key, rules in found.items() if rules}


def _rules_of(entry: Entry, sends_message_body: bool, has_step_objects: bool, has_ab_names: bool) -> tuple[Rule, ...]:
    rules: list[Rule] = []
    for each in entry.properties:
        if each.name == MESSAGE_BODY and not sends_message_body:
            rules.append(Withhold(each.name))
        if each.default:
            rules.append(Fill(each.name, each.default, _decoder_of(each.name)))
        if each.type is STEPS:
            rules.append(StepsAsObjects() if has_step_objects else StepsAsStrings())
    if AB_TESTING in entry.spellings:
        rules.append(OwnNames(AB_TESTING, has_ab_names))
    return tuple(rules)


def _decoder_of(name: str) -> msgspec.json.Decoder[Any]:
    """Return a decoder that reads one property and passes over the others; None for none."""
    return msgspec.json.Decoder(msgspec.defstruct("One", [(name, Any, None)]))


class _Steps:
    """The steps of an event, and the actions of which one's ID stands in front of each step that is a string."""

    def __init__(self, properties: Members) -> None:
        steps, action, others = (
            msgspec.json.decode(properties[name]) if name in properties else None
            for name in ("stepsVisited", "action", "actionsVisited")
        )
        self.steps: list[Any] = steps if isinstance(steps, list) else []
        actions = [action, *others] if isinstance(others, list) else [action]
        self.prefixes = [f"{each}_" for each in actions if isinstance(each, str)]

    def prefixed(self, step: str) -> str:
        """Put the event's own action in front, unless one is there."""
        is_prefixed = step.startswith(tuple(self.prefixes))
        return step if is_prefixed or not self.prefixes else f"{self.prefixes[0]}{step}"

    def bare(self, step: str) -> str:
        """Take off the action that stands in front."""
        prefix = next((each for each in self.prefixes if step.startswith(each)), "")
        return step.removeprefix(prefix)
