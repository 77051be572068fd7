"""The rows of the events tables: what the catalog says of an event, whether it is selected, how often it came."""

from collections.abc import Collection, Mapping, Sequence
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
    """One row as the component draws it."""

    id: str
    value: str
    title: str
    description: str
    is_selected: bool
    properties: Sequence[Property]
    counts: Sequence[int]
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
    series = _others(received) if entry.key == OTHER_TRACK_EVENTS else received.get(entry.title)
    value = event_value(entry.key)
    return EventRow(
        id=slugify(entry.title),
        value=value,
        title=entry.title,
        description=entry.description,
        is_selected=entry.key in selection,
        properties=entry.properties,
        counts=series.by_hour if series else [0] * HOURS,
        total=series.total if series else 0,
        toggle_url=toggle_url,
        toggle_fields=(("event", value), ("version", str(version))),
    )


def _others(received: Mapping[str, Series]) -> Series:
    """Add up the events that no other row names."""
    named = {entry.title for entry in (*catalog.entries(), *catalog.plain_calls().entries)}
    others = [series for name, series in received.items() if name not in named]
    return Series(
        total=sum(series.total for series in others),
        by_hour=[sum(hour) for hour in zip(*(series.by_hour for series in others), strict=True)] or [0] * HOURS,
    )
