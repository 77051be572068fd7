"""The registry of everything that can be selected: one module per family of events, and the plain calls."""

from assistants.catalog.entry import Entry, Family
from assistants.catalog.ibm import IBM
from assistants.catalog.plain import OTHER_TRACK_EVENTS, PLAIN

_FAMILIES = (IBM,)
_ENTRIES = tuple(entry for family in _FAMILIES for entry in family.entries)
_BY_KEY = {entry.key: entry for entry in (*_ENTRIES, *PLAIN.entries)}


def families() -> tuple[Family, ...]:
    """Return the families of named events, in the order in which people see them."""
    return _FAMILIES


def plain_calls() -> Family:
    """Return the calls that are selected as a kind."""
    return PLAIN


def entries() -> tuple[Entry, ...]:
    """Return every named event of every family."""
    return _ENTRIES


def find(type_: str, name: str) -> Entry | None:
    """Return the entry with exactly this key; `find("track", "*")` is the row of other track events."""
    return _BY_KEY.get((type_, name))


def covering(type_: str, name: str) -> Entry | None:
    """Return the entry whose selection decides about a message of this type and name; None for an unknown type."""
    if type_ != "track":
        return _BY_KEY.get((type_, ""))
    return _BY_KEY.get((type_, name)) or _BY_KEY[type_, OTHER_TRACK_EVENTS]
