"""The rows of the events tables: what the catalog says of an event, whether it is selected, how often it came."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from django.utils.text import slugify

from assistants import catalog
from assistants.catalog.entry import Entry, Family, Property
from dashboard.extension_forms import EventKey, event_value
from integrations.counts import Series

OTHER_TRACK_EVENTS = ("track", "*")
HOURS = 24


@dataclass(frozen=True)
class EventRow:
    """One row as the component draws it.

    An event that several families list is ticked or switched in one row; the others repeat it and know where that is:
    `home` is its family, `original` its ID.
    """

    id: str
    value: str
    title: str
    description: str
    is_selected: bool
    properties: Sequence[Property]
    counts: Sequence[int]
    total: int
    words: str
    home: Family | None = None
    original: str = ""
    toggle_url: str = ""
    toggle_fields: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class EventGroup:
    """The rows of one family, under its title; those that a search has found."""

    family: Family
    rows: list[EventRow]

    @property
    def keys(self) -> set[str]:
        """The form values of its rows."""
        return {row.value for row in self.rows}


@dataclass(frozen=True)
class EventTable:
    """All groups that have rows, what is selected beside what they show, and how many different events there are."""

    groups: list[EventGroup]
    hidden: list[str]
    selected_count: int
    shown_count: int
    total_count: int

    @property
    def found(self) -> str:
        """How many events a search has found, in words; nothing where it left out none."""
        return "" if self.shown_count == self.total_count else f"{self.shown_count} of {self.total_count} events"


def event_table(
    selection: AbstractSet[EventKey],
    received: Mapping[str, Series],
    *,
    query: str = "",
    toggle_url: str = "",
    version: int = 0,
) -> EventTable:
    """Return what can be selected and has all words of `query`; with a `toggle_url` rows have their switch's fields."""
    found = _found(query)
    shown = {entry.key for _, entries in found for entry in entries}
    rows = _Rows(selection, received, toggle_url, version, _homes(found))
    return EventTable(
        groups=[EventGroup(family, [rows.row(family, entry) for entry in entries]) for family, entries in found],
        hidden=[event_value(entry.key) for entry in catalog.everything() if entry.key in selection - shown],
        selected_count=sum(entry.key in selection for entry in catalog.everything()),
        shown_count=len(shown),
        total_count=len(catalog.everything()),
    )


def has_all(text: str, query: str) -> bool:
    """Say whether a text, in lower case, has every word of a query."""
    return all(word in text for word in query.lower().split())


def searched(entry: Entry, family: Family) -> str:
    """Return the words by which an entry is found in a family, in lower case."""
    names = (each.name for each in (*entry.identifiers, *entry.carried))
    return " ".join((family.title, entry.title, *entry.aliases, entry.description, *names)).lower()


def _found(query: str) -> list[tuple[Family, list[Entry]]]:
    """Return the families in which a search finds something, each with what it finds there."""
    found = [
        (family, [entry for entry in family.entries if has_all(searched(entry, family), query)])
        for family in (*catalog.families(), catalog.plain_calls())
    ]
    return [(family, entries) for family, entries in found if entries]


def _homes(found: list[tuple[Family, list[Entry]]]) -> dict[EventKey, Family]:
    """Say in which family each event is ticked: at home, else where it is found first."""
    homes: dict[EventKey, Family] = {}
    for family, entries in found:
        for entry in entries:
            if catalog.home(entry) is family:
                homes[entry.key] = family
            homes.setdefault(entry.key, family)
    return homes


@dataclass(frozen=True)
class _Rows:
    """Draws rows from what they have in common."""

    selection: AbstractSet[EventKey]
    received: Mapping[str, Series]
    toggle_url: str
    version: int
    homes: Mapping[EventKey, Family]

    def row(self, family: Family, entry: Entry) -> EventRow:
        series = _others(self.received) if entry.key == OTHER_TRACK_EVENTS else self.received.get(entry.title)
        value, slug, home = event_value(entry.key), slugify(entry.title), self.homes[entry.key]
        is_repeated = home is not family
        return EventRow(
            id=f"{slug}-in-{family.slug}" if is_repeated else slug,
            value=value,
            title=entry.title,
            description=entry.description,
            is_selected=entry.key in self.selection,
            properties=(*entry.identifiers, *entry.carried),
            counts=series.by_hour if series else [0] * HOURS,
            total=series.total if series else 0,
            words=searched(entry, family),
            home=home if is_repeated else None,
            original=slug if is_repeated else "",
            toggle_url=self.toggle_url,
            toggle_fields=(("event", value), ("version", str(self.version))),
        )


def _others(received: Mapping[str, Series]) -> Series:
    """Add up the events that no other row names."""
    named = {entry.title for entry in catalog.everything()}
    others = [series for name, series in received.items() if name not in named]
    return Series(
        total=sum(series.total for series in others),
        by_hour=[sum(hour) for hour in zip(*(series.by_hour for series in others), strict=True)] or [0] * HOURS,
    )
