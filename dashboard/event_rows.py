"""The rows of the events tables: what the catalog says of an event, whether it is selected, how often it came."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from django.utils.text import slugify

from assistants import catalog
from assistants.catalog.entry import Entry, Family, Property
from dashboard.extension_forms import EventKey, event_value
from integrations.counts import Series

# Calls that are counted under their own names or with others, so that no number can be given for the row.
UNCOUNTED = frozenset({("page", ""), ("screen", ""), ("track", "*")})
HOURS = 24


@dataclass(frozen=True)
class EventRow:
    """One row as the component draws it; `counts` is None where the events cannot be counted by this row."""

    id: str
    value: str
    title: str
    description: str
    is_selected: bool
    properties: Sequence[Property]
    counts: Sequence[int] | None
    total: int
    toggle_url: str = ""
    toggle_fields: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class EventGroup:
    """The rows of one family, under its title."""

    family: Family
    rows: list[EventRow]


def event_groups(
    selection: Collection[EventKey], received: Mapping[str, Series], *, toggle_url: str = "", version: int = 0
) -> list[EventGroup]:
    """Return all that can be selected, by family; with a `toggle_url` each row carries the fields of its switch."""
    families = (*catalog.families(), catalog.plain_calls())
    return [
        EventGroup(family, [_row(entry, selection, received, toggle_url, version) for entry in family.entries])
        for family in families
    ]


def _row(
    entry: Entry, selection: Collection[EventKey], received: Mapping[str, Series], toggle_url: str, version: int
) -> EventRow:
    series = received.get(entry.title)
    value = event_value(entry.key)
    return EventRow(
        id=slugify(entry.title),
        value=value,
        title=entry.title,
        description=entry.description,
        is_selected=entry.key in selection,
        properties=entry.properties,
        counts=None if entry.key in UNCOUNTED else (series.by_hour if series else [0] * HOURS),
        total=series.total if series else 0,
        toggle_url=toggle_url,
        toggle_fields=(("event", value), ("version", str(version))),
    )
