"""The catalog as rules of a tracking plan in Segment.

Source: Segment Public API, Tracking Plans: `PUT` or `PATCH /tracking-plans/{id}/rules` takes {"rules": [{"type", "key",
"jsonSchema", "version"}, …]}, at most 200 of them; a key names a track event, other calls have none; schemas are
draft-07 and describe context, properties and traits side by side.
"""

from collections.abc import Callable, Iterable
from typing import Any

from assistants.catalog.entry import SCHEMA_DIALECT, Entry, Property, properties_schema
from assistants.catalog.plain import OTHER_TRACK_EVENTS

# There is no rule for alias calls, nor one for track events of any name.
RULE_TYPES = {"track": "TRACK", "identify": "IDENTIFY", "page": "PAGE", "screen": "SCREEN", "group": "GROUP"}


def _carried(entry: Entry) -> Iterable[Property]:
    return entry.carried


def tracking_plan(
    entries: Iterable[Entry], *, properties_of: Callable[[Entry], Iterable[Property]] = _carried
) -> dict[str, Any]:
    """Return the body of the request that gives a tracking plan the rules of these entries.

    `properties_of` says which properties an event carries. None is required: Segment would report, or block, events
    that their own specification allows.
    """
    return {"rules": [_rule(entry, properties_of(entry)) for entry in entries if has_rule(entry)]}


def has_rule(entry: Entry) -> bool:
    """Say whether a tracking plan can have a rule for this entry."""
    return entry.type in RULE_TYPES and entry.name != OTHER_TRACK_EVENTS


def _rule(entry: Entry, properties: Iterable[Property]) -> dict[str, Any]:
    is_about_traits = entry.type in ("identify", "group")
    schema = {
        "$schema": SCHEMA_DIALECT,
        "type": "object",
        "title": entry.title,
        "description": entry.description,
        "properties": {
            "context": {},
            "traits": {"type": "object"} if is_about_traits else {},
            "properties": {} if is_about_traits else properties_schema(properties),
        },
    }
    key = {"key": entry.name} if entry.type == "track" else {}
    return {"type": RULE_TYPES[entry.type], **key, "jsonSchema": schema, "version": 1}
