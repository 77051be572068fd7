"""What the catalog says of one event, when it fires, whom it needs and what it carries, and that as JSON Schema."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any

JSON = Mapping[str, Any]
SCHEMA_DIALECT = "http://json-schema.org/draft-07/schema#"
IDENTIFIER = {"type": "string", "minLength": 1}


class Skill(StrEnum):
    """The kind of skill that must have handled a message for a property to be there."""

    ALL = "all"
    ACTIONS = "actions"
    DIALOG = "dialog"


@dataclass(frozen=True)
class PropertyType:
    """A type as the documentation writes it, the schema that a value of it satisfies, and what msgspec decodes it as.

    The last two must agree but for what no type can say: a list of strings or objects may not mix the two.
    """

    label: str
    schema: JSON
    decoded_as: Any = field(compare=False)


STRING = PropertyType("String", {"type": "string"}, str)
NUMBER = PropertyType("Number", {"type": "number"}, float)
BOOLEAN = PropertyType("Boolean", {"type": "boolean"}, bool)
STRING_LIST = PropertyType("String[]", {"type": "array", "items": {"type": "string"}}, list[str])
# For the few properties of which no source says a type.
UNSTATED = PropertyType("–", {}, Any)


@dataclass(frozen=True)
class Due:
    """The case in which an event must carry a property: another one is a value, or holds it if it is a list.

    `words` end the sentence “Expected …”. Without another property it is every case.
    """

    words: str
    property: str = ""
    value: str | bool = ""


DUE_BY_SKILL = {
    Skill.ACTIONS: Due("with an actions skill", "skillsInvoked", "actions skill"),
    Skill.DIALOG: Due("with a dialog skill", "skillsInvoked", "main skill"),
}


@dataclass(frozen=True)
class Property:
    """One property of an event. An expected one that is missing is worth a warning; no event is dropped for it.

    `skill` and `channel` say where alone it can be; `due` makes one that is not expected of every event due in some
    case. Where the sender leaves it out, `default` is sent. What is private holds what people said or who they are.
    """

    name: str
    type: PropertyType
    description: str
    expected: bool = True
    skill: Skill = Skill.ALL
    channel: str = ""
    due: Due | None = None
    default: str = ""
    is_private: bool = False
    examples: tuple[str | int | float | bool, ...] = ()

    @property
    def due_in(self) -> Due | None:
        """When an event must carry it; None for never."""
        if not self.expected:
            return self.due
        if self.channel:
            return Due(f"in the channel {self.channel}", "channel", self.channel)
        return DUE_BY_SKILL.get(self.skill, Due(""))

    @property
    def presence(self) -> str:
        """Whether an event carries it, in words for people."""
        due = self.due_in
        words = "Where it applies" if due is None else f"Expected {due.words}".strip()
        if due is None and self.skill is not Skill.ALL:
            words = f"{words}, {self.skill} skill only"
        return f"{words}; sent as “{self.default}” if missing" if self.default else words


@dataclass(frozen=True)
class Spelling:
    """How another specification writes the same event: its own properties, and which of the entry's they stand for."""

    title: str
    properties: tuple[Property, ...]
    stands_for: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One row that can be selected: a named event of a family, or a kind of plain call.

    `name` is exact, letter case included; it is empty for calls that are selected as a kind and `*` for every track
    event that no other entry names; `label` then says how people read it. `aliases` are names under which some
    documents print it, and intake takes it. Where an event is to go once for each visitor, the first of the
    properties `once_per` that it has tells one such occasion from another. `identifiers` are top-level members that
    the call is about. `examples` are messages without the parts that all have in common (message ID, context).
    """

    type: str = "track"
    name: str
    label: str = ""
    aliases: tuple[str, ...] = ()
    description: str
    fires: str
    needs_user_id: bool = False
    once_per: tuple[str, ...] = ()
    identifiers: tuple[Property, ...] = ()
    properties: tuple[Property, ...] = ()
    spellings: tuple[Spelling, ...] = field(default=(), repr=False)
    examples: tuple[JSON, ...] = field(default=(), repr=False)

    @property
    def title(self) -> str:
        """The entry's name for people."""
        return self.label or self.name

    @cached_property
    def key(self) -> tuple[str, str]:
        """How a selection refers to this entry."""
        return (self.type, self.name)

    @property
    def carried(self) -> tuple[Property, ...]:
        """Every property that it may carry, in whichever spelling."""
        return (*self.properties, *(each for spelling in self.spellings for each in spelling.properties))

    @property
    def stand_ins(self) -> dict[str, tuple[str, ...]]:
        """By property, the properties of other spellings that make up for it where it is missing."""
        return {
            each.name: tuple(
                other for spelling in self.spellings for other, own in spelling.stands_for.items() if own == each.name
            )
            for each in self.properties
        }


@dataclass(frozen=True)
class Family:
    """Entries that belong together because one product or specification defines them; one entry may be in several."""

    slug: str
    title: str
    description: str
    entries: tuple[Entry, ...]


def json_schema(entry: Entry) -> dict[str, Any]:
    """Describe a message of this entry as JSON Schema, draft-07.

    Properties are typed and never required, nor are further ones forbidden: no vendor promises either.
    """
    constants = {"type": {"const": entry.type}}
    if entry.type == "track" and entry.name != "*":
        constants["event"] = {"const": entry.name}
    members: dict[str, Any] = {**constants, "userId": IDENTIFIER, "anonymousId": IDENTIFIER}
    members |= {each.name: {**IDENTIFIER, "description": each.description} for each in entry.identifiers}
    if entry.carried:
        members["properties"] = properties_schema(entry.carried)
    return {
        "$schema": SCHEMA_DIALECT,
        "title": entry.title,
        "description": entry.description,
        "type": "object",
        "required": [*constants, *(each.name for each in entry.identifiers if each.expected)],
        "properties": members,
        **_identity_schema(entry),
    }


def properties_schema(properties: Iterable[Property]) -> dict[str, Any]:
    """Describe the object that holds the properties."""
    return {"type": "object", "properties": {each.name: _property_schema(each) for each in properties}}


def _identity_schema(entry: Entry) -> dict[str, Any]:
    anyone = [{"required": ["userId"]}, {"required": ["anonymousId"]}]
    return {"anyOf": anyone[:1] if entry.needs_user_id else anyone}


def _property_schema(each: Property) -> dict[str, Any]:
    schema: dict[str, Any] = {**each.type.schema, "description": each.description}
    if each.default:
        schema["default"] = each.default
    if each.examples:
        schema["examples"] = list(each.examples)
    return schema
