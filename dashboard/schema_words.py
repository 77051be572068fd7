"""How events differ from the catalog, in words: of one event, and summed up over many."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.utils.formats import date_format
from django.utils.text import slugify

from assistants import catalog
from assistants.catalog.check import Code, Deviation
from integrations.schema_warnings import Summary


@dataclass(frozen=True)
class Warned:
    """One line of a summary: what differs, in how many of how many, since when; where the catalog has the event."""

    summary: Summary
    words: str
    hint: str
    slug: str
    since: str


def deviation_words(name: str, deviations: Iterable[Deviation]) -> list[str]:
    """Say of one event how it differs."""
    return [_of_one(name, deviation) for deviation in deviations]


def warned(summaries: Iterable[Summary], *, now: datetime) -> list[Warned]:
    """Put summaries into words."""
    return [
        Warned(
            summary,
            words=_of_many(summary),
            hint=_hint(summary.name) if summary.code == Code.UNKNOWN_EVENT else "",
            slug="" if summary.code == Code.UNKNOWN_EVENT else slugify(summary.name),
            since=_since(summary.first_at, now),
        )
        for summary in summaries
    ]


def _of_one(name: str, deviation: Deviation) -> str:
    match deviation.code:
        case Code.UNKNOWN_EVENT:
            return " ".join(filter(None, ("The catalog has no event of this name.", _hint(name))))
        case Code.MISSING:
            return f"{deviation.property} is missing."
        case Code.MISTYPED:
            return f"{deviation.property} is {deviation.given} in place of {deviation.expected}."


def _of_many(summary: Summary) -> str:
    if summary.code == Code.UNKNOWN_EVENT:
        return "not in the catalog"
    return f"{summary.property} {'missing' if summary.code == Code.MISSING else 'of another type'}"


def _hint(name: str) -> str:
    entry = catalog.alike(name)
    return f"Do you mean “{entry.name}”?" if entry else ""


def _since(moment: datetime, now: datetime) -> str:
    return date_format(moment, "H:i" if moment.date() == now.date() else "j M, H:i")
