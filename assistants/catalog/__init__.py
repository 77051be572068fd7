"""The registry of everything that can be selected: one module per family of events, and the plain calls.

An entry may be listed by several families; it stays one entry, with one key.
"""

from collections.abc import Mapping
from types import MappingProxyType

from assistants.catalog.copilot import COPILOT
from assistants.catalog.entry import Entry, Family
from assistants.catalog.experiments import EXPERIMENTS
from assistants.catalog.ibm import IBM
from assistants.catalog.live_chat import LIVE_CHAT
from assistants.catalog.plain import OTHER_TRACK_EVENTS, PLAIN

_FAMILIES = (IBM, COPILOT, LIVE_CHAT, EXPERIMENTS)
_HOMES = {entry.key: family for family in reversed((PLAIN, *_FAMILIES)) for entry in family.entries}
_BY_KEY = {entry.key: entry for family in (*_FAMILIES, PLAIN) for entry in family.entries}
_ENTRIES = tuple(entry for key, entry in _BY_KEY.items() if _HOMES[key] is not PLAIN)
_BY_LETTERS = {"".join(filter(str.isalnum, entry.name.lower())): entry for entry in _ENTRIES}
_ALIASES = MappingProxyType({alias: entry.name for entry in _ENTRIES for alias in entry.aliases})


def families() -> tuple[Family, ...]:
    """Return the families of named events, in the order in which people see them."""
    return _FAMILIES


def plain_calls() -> Family:
    """Return the calls that are selected as a kind."""
    return PLAIN


def entries() -> tuple[Entry, ...]:
    """Return every named event once."""
    return _ENTRIES


def everything() -> tuple[Entry, ...]:
    """Return all that can be selected, each entry once, in the order of the pages."""
    return (*_ENTRIES, *PLAIN.entries)


def home(entry: Entry) -> Family:
    """Return the one family under which an entry is described; others that list it refer there."""
    return _HOMES[entry.key]


def aliases() -> Mapping[str, str]:
    """Return the names under which documents also print an event, each with the event's own name."""
    return _ALIASES


def find(type_: str, name: str) -> Entry | None:
    """Return the entry with exactly this key; `find("track", "*")` is the row of other track events."""
    return _BY_KEY.get((type_, name))


def alike(name: str) -> Entry | None:
    """Return the event whose name differs from this one in case, spaces and signs only, to ask people about."""
    return _BY_LETTERS.get("".join(filter(str.isalnum, name.lower())))


def covering(type_: str, name: str) -> Entry | None:
    """Return the entry whose selection decides about a message of this type and name; None for an unknown type."""
    if type_ != "track":
        return _BY_KEY.get((type_, ""))
    return _BY_KEY.get((type_, name)) or _BY_KEY[type_, OTHER_TRACK_EVENTS]
