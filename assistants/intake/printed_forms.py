"""Forms in which specifications print their events although Segment's API has others: understood, and put right.

Source: Segment, AI Copilot Spec (`"action": "track"` for a type, a role outside the properties, older and other names
of two events, a count without a type) and IBM Watson Assistant Source (a property whose name ends in a space).
"""

import re

import msgspec
from msgspec import Raw

from assistants import catalog

CALLS = frozenset({"track", "identify", "page", "screen", "group", "alias"})
COUNTED = "Conversation Ended"
_NUMBER = re.compile(r"\s*(-?(?:0|[1-9]\d{0,15})(?:\.\d{1,15})?)\s*", re.ASCII)
_WITH_ROLE = frozenset(entry.name for entry in catalog.entries() for each in entry.properties if each.name == "role")
# An item of the usual shape, with another name than these and without the one misprinted property, is as it should be.
SUSPICIOUS_NAMES = frozenset({*catalog.aliases(), COUNTED})
MISPRINTED, MISPRINT = "Message Handled", "nodesVisited "
_MISPRINT_BYTES = f'"{MISPRINT}"'.encode()

_members = msgspec.json.Decoder(dict[str, Raw])
_text = msgspec.json.Decoder(str)
_encode = msgspec.json.Encoder().encode


def is_suspicious(item: bytes, event: str | None) -> bool:
    """Say whether an item whose members are all known may have a printed form all the same."""
    return event in SUSPICIOUS_NAMES or (event == MISPRINTED and _MISPRINT_BYTES in item)


def put_right(members: dict[str, Raw]) -> dict[str, Raw]:
    """Return the members of an item as Segment's API has them; those without a printed form as they came.

    An action is a type only where there is no type, a role is lifted only for events that have one and lack it.
    """
    members = _with_type(members)
    if _text_of(members.get("type", Raw(b'"track"'))) != "track":
        return members
    event = _text_of(members.get("event"))
    if event in catalog.aliases():
        event = catalog.aliases()[event]
        members = {**members, "event": Raw(_encode(event))}
    properties = _object_of(members.get("properties"))
    if properties is None:
        return members
    corrected = _trimmed(properties) if event == MISPRINTED else properties
    if event in _WITH_ROLE and "role" not in corrected and _text_of(members.get("role")):
        corrected = {**corrected, "role": members["role"]}
        members = {name: raw for name, raw in members.items() if name != "role"}
    if event == COUNTED:
        corrected = _counted(corrected)
    return members if corrected is properties else {**members, "properties": Raw(_encode(corrected))}


def _with_type(members: dict[str, Raw]) -> dict[str, Raw]:
    if _is_there(members.get("type")) or _text_of(members.get("action")) not in CALLS:
        return members
    others = {name: raw for name, raw in members.items() if name != "action"}
    return {**others, "type": members["action"]}


def _trimmed(properties: dict[str, Raw]) -> dict[str, Raw]:
    """Take the space off the end of the misprinted name; where the right one is there, its value counts."""
    if MISPRINT not in properties:
        return properties
    others = {name: raw for name, raw in properties.items() if name != MISPRINT}
    return {MISPRINT.rstrip(): properties[MISPRINT], **others}


def _counted(properties: dict[str, Raw]) -> dict[str, Raw]:
    """Turn a count that is written as text into the number it means."""
    number = _NUMBER.fullmatch(_text_of(properties.get("message_count")))
    return {**properties, "message_count": Raw(number[1].encode())} if number else properties


def _object_of(raw: Raw | None) -> dict[str, Raw] | None:
    """Read an object; what is not there is an empty one, anything else none."""
    if not _is_there(raw):
        return {}
    return _members.decode(raw) if raw is not None and bytes(raw).startswith(b"{") else None


def _text_of(raw: Raw | None) -> str:
    """Read a text; empty for anything else."""
    return _text.decode(raw) if raw is not None and bytes(raw).startswith(b'"') else ""


def _is_there(raw: Raw | None) -> bool:
    return raw is not None and bytes(raw) != b"null"
