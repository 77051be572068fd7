"""Counts of events by minute of receipt, name and outcome: added up by the lanes, read by the pages."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import chain

from django.db import connection
from django.db.models import Max, Sum

from assistants.models import Environment
from assistants.statements import Statement
from integrations.models import Connection, EventCount, Lane

RECEIVED = "received"
REJECTED = "rejected"
EXPIRED = "expired"
# Calls that make a visitor known: sent beside the events, and none of those that were read.
IDENTIFIED = "identified"
HOUR = timedelta(hours=1)
# SQLite takes at most 999 parameters in one statement.
ROWS_AT_ONCE = 150

CountKey = tuple[datetime, str, str]
Row = tuple[object, ...]


@dataclass
class Series:
    """How many events of a name there were: in all, by hour (oldest first), and the minute of the last one."""

    total: int = 0
    by_hour: list[int] = field(default_factory=list)
    last_minute: datetime | None = None


def additions(lane_id: int, counts: Mapping[CountKey, int], *, to_totals: bool = True) -> list[Statement]:
    """Return what adds to a lane's counts, keyed by (minute, name, outcome); for the transaction that moves it."""
    adapt = connection.ops.adapt_datetimefield_value
    rows: list[Row] = [
        (lane_id, adapt(minute), outcome, name, count) for (minute, name, outcome), count in counts.items()
    ]
    additions = [_addition(rows[start : start + ROWS_AT_ONCE]) for start in range(0, len(rows), ROWS_AT_ONCE)]
    return [*additions, _addition_to_totals(lane_id, counts)] if rows and to_totals else additions


def _addition(rows: list[Row]) -> Statement:
    values = ", ".join(["(%s, %s, %s, %s, %s)"] * len(rows))
    return Statement(
        f"INSERT INTO integrations_eventcount (lane_id, minute, outcome, name, count) VALUES {values} "  # noqa: S608  only placeholders are put in
        "ON CONFLICT (lane_id, minute, outcome, name) "
        "DO UPDATE SET count = integrations_eventcount.count + excluded.count",
        list(chain.from_iterable(rows)),
    )


def _addition_to_totals(lane_id: int, counts: Mapping[CountKey, int]) -> Statement:
    totals: Counter[str] = Counter()
    for (_, _, outcome), count in counts.items():
        totals[outcome] += count
    rows = [(lane_id, outcome, count) for outcome, count in totals.items()]
    values = ", ".join(["(%s, %s, %s)"] * len(rows))
    return Statement(
        f"INSERT INTO integrations_eventtotal (lane_id, outcome, count) VALUES {values} "  # noqa: S608  only placeholders are put in
        "ON CONFLICT (lane_id, outcome) DO UPDATE SET count = integrations_eventtotal.count + excluded.count",
        list(chain.from_iterable(rows)),
    )


def received(environment: Environment, *, hours: int = 24, now: datetime | None = None) -> dict[str, Series]:
    """Return what an environment received, by name, over the last `hours`, this one included."""
    lanes = Lane.objects.filter(environment=environment, kind=Lane.Kind.INDEX).values("pk")
    this_hour = (now or datetime.now(UTC)).replace(minute=0, second=0, microsecond=0)
    first_hour = this_hour - (hours - 1) * HOUR
    rows = EventCount.objects.filter(lane_id__in=lanes, outcome=RECEIVED, minute__gte=first_hour)
    series: dict[str, Series] = {}
    for name, minute, count in rows.values_list("name", "minute", "count"):
        entry = series.setdefault(name, Series(by_hour=[0] * hours))
        hour = min(int((minute - first_hour) / HOUR), hours - 1)
        entry.by_hour[hour] += count
        entry.total += count
        entry.last_minute = max(entry.last_minute or minute, minute)
    return series


def last_received(environment: Environment) -> datetime | None:
    """Return the minute of the newest event that was counted."""
    lanes = Lane.objects.filter(environment=environment, kind=Lane.Kind.INDEX).values("pk")
    newest: datetime | None = EventCount.objects.filter(lane_id__in=lanes, outcome=RECEIVED).aggregate(
        newest=Max("minute")
    )["newest"]
    return newest


def outcomes(destination: Connection, *, hours: int = 24, now: datetime | None = None) -> dict[str, int]:
    """Return how many events of the last `hours` had which outcome on a connection's live lane.

    Replays have counts of their own: added up, the same event would count twice.
    """
    since = (now or datetime.now(UTC)) - hours * HOUR
    lanes = destination.lanes.filter(kind=Lane.Kind.LIVE)
    rows = EventCount.objects.filter(lane_id__in=lanes.values("pk"), minute__gte=since)
    rows = rows.exclude(outcome=IDENTIFIED)
    return dict(rows.values_list("outcome").annotate(total=Sum("count")))
