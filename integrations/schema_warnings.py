"""How events differ from the catalog: counted by the index lane, summed up for the pages."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.db.models import Max, Min, Q, Sum

from assistants import log
from assistants.catalog.check import UNKNOWN, Deviation, check_track, is_known
from assistants.log import Named, Outline
from assistants.models import Environment
from integrations import counts
from integrations.models import EventCount, Lane, SchemaWarning

# A sender that builds names from data has as many unknown events as data.
MAX_SUMMARIES = 200

# A row's identity in its environment: (name, code, property, hour of receipt).
Key = tuple[str, str, str, datetime]


@dataclass
class Seen:
    """How often something was seen, and when first and last."""

    count: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True)
class Summary:
    """How events of one name differed from the catalog in one way over some time, and how many of that name there were.

    `received` counts from the minute of the first difference on.
    """

    name: str
    code: str
    property: str
    count: int
    received: int
    first_at: datetime
    last_at: datetime


def gather(outlines: Iterable[Outline | None], *, received_at: datetime, tally: dict[Key, Seen]) -> None:
    """Add the ways in which messages received at one time differ from the catalog to `tally`."""
    found: Counter[tuple[str, Deviation]] = Counter()
    for outline in outlines:
        if outline is None or outline.type != "track" or not outline.event:
            continue
        for deviation in check_track(outline.event, outline.properties):
            found[log.counted_name(outline), deviation] += 1
    _add_found(found, received_at, tally)


def gather_unknown(names: Iterable[Named], *, received_at: datetime, tally: dict[Key, Seen]) -> None:
    """Add the messages whose names the catalog does not know; the others are known to be as it says."""
    found: Counter[tuple[str, Deviation]] = Counter()
    for named in names:
        if named.type == "track" and named.event and not is_known(named.event):
            found[named.counted_name, UNKNOWN] += named.count
    _add_found(found, received_at, tally)


def _add_found(found: Counter[tuple[str, Deviation]], received_at: datetime, tally: dict[Key, Seen]) -> None:
    hour = received_at.replace(minute=0, second=0, microsecond=0)
    for (name, deviation), count in found.items():
        seen = tally.setdefault(
            (name, deviation.code.value, deviation.property, hour), Seen(0, received_at, received_at)
        )
        seen.count += count
        seen.first_at, seen.last_at = min(seen.first_at, received_at), max(seen.last_at, received_at)


def add(environment_id: int, tally: Mapping[Key, Seen]) -> None:
    """Add what was gathered to an environment's rows; in the transaction that moves the index lane's cursor."""
    if not tally:
        return
    adapt = connection.ops.adapt_datetimefield_value
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO integrations_schemawarning AS known"
            " (environment_id, name, code, property, hour, count, first_at, last_at)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"
            " ON CONFLICT (environment_id, name, code, property, hour) DO UPDATE SET"
            " count = known.count + excluded.count,"
            " first_at = CASE WHEN excluded.first_at < known.first_at THEN excluded.first_at ELSE known.first_at END,"
            " last_at = CASE WHEN excluded.last_at > known.last_at THEN excluded.last_at ELSE known.last_at END",
            [
                (environment_id, *names, adapt(hour), seen.count, adapt(seen.first_at), adapt(seen.last_at))
                for (*names, hour), seen in tally.items()
            ],
        )


def summaries(environment: Environment, *, since: datetime) -> list[Summary]:
    """Return how events differed in the hours from `since` on, the latest first and no more than 200; two queries."""
    hour = since.replace(minute=0, second=0, microsecond=0)
    rows = list(
        SchemaWarning.objects.filter(environment=environment, hour__gte=hour)
        .values_list("name", "code", "property")
        .annotate(total=Sum("count"), first_at=Min("first_at"), last_at=Max("last_at"))
        .order_by("-last_at", "name", "property", "code")[:MAX_SUMMARIES]
    )
    received = _received(environment, [(name, first_at) for name, _, _, _, first_at, _ in rows])
    return [
        Summary(name, code, property_, count, total, first_at, last_at)
        for (name, code, property_, count, first_at, last_at), total in zip(rows, received, strict=True)
    ]


def _received(environment: Environment, asked: list[tuple[str, datetime]]) -> list[int]:
    """Count, for each name, the events received from a moment's minute on."""
    if not asked:
        return []
    lanes = Lane.objects.filter(environment=environment, kind=Lane.Kind.INDEX).values("pk")
    since = [(name, moment.replace(second=0, microsecond=0)) for name, moment in asked]
    rows = EventCount.objects.filter(
        lane_id__in=lanes,
        outcome=counts.RECEIVED,
        minute__gte=min(minute for _, minute in since),
        name__in={name for name, _ in since},
    )
    sums = {
        f"sum_{number}": Sum("count", filter=Q(name=name, minute__gte=minute), default=0)
        for number, (name, minute) in enumerate(since)
    }
    return list(rows.aggregate(**sums).values())
