"""What the catalog says of one event, when it fires, whom it needs and what it carries, and that as JSON Schema."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
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
    """A type as the documentation writes it, and the schema that a value of it satisfies."""

    label: str
    schema: JSON


STRING = PropertyType("String", {"type": "string"})
NUMBER = PropertyType("Number", {"type": "number"})
BOOLEAN = PropertyType("Boolean", {"type": "boolean"})
STRING_LIST = PropertyType("String[]", {"type": "array", "items": {"type": "string"}})


@dataclass(frozen=True)
class Property:
    """One property of an event. An expected one that is missing is worth a warning; no event is dropped for it."""

    name: str
    type: PropertyType
    description: str
    expected: bool = True
    skill: Skill = Skill.ALL
    examples: tuple[str | int | float | bool, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One row that can be selected: a named event of a family, or a kind of plain call.

    `name` is exact, letter case included; it is empty for calls that are selected as a kind and `*` for every track
    event that no other entry names; `label` then says how people read it. `examples` are messages without the parts
    that all have in common (message ID, context).
    """

    type: str = "track"
    name: str
    label: str = ""
    description: str
    fires: str
    needs_user_id: bool = False
    properties: tuple[Property, ...] = ()
    examples: tuple[JSON, ...] = field(default=(), repr=False)

    @property
    def title(self) -> str:
        """The entry's name for people."""
        return self.label or self.name

    @property
    def key(self) -> tuple[str, str]:
        """How a selection refers to this entry."""
        return (self.type, self.name)


@dataclass(frozen=True)
class Family:
    """Entries that belong together because one product or specification defines them."""

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
    if entry.properties:
        members["properties"] = {
            "type": "object",
            "properties": {each.name: _property_schema(each) for each in entry.properties},
        }
    return {
        "$schema": SCHEMA_DIALECT,
        "title": entry.title,
        "description": entry.description,
        "type": "object",
        "required": list(constants),
        "properties": members,
        **_identity_schema(entry),
    }


def _identity_schema(entry: Entry) -> dict[str, Any]:
    anyone = [{"required": ["userId"]}, {"required": ["anonymousId"]}]
    return {"anyOf": anyone[:1] if entry.needs_user_id else anyone}


def _property_schema(each: Property) -> dict[str, Any]:
    schema: dict[str, Any] = {**each.type.schema, "description": each.description}
    if each.examples:
        schema["examples"] = list(each.examples)
    return schema
