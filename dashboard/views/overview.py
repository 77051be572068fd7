"""How environments stand, in words and figures: the same on every page, in a fixed number of queries."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Max, Sum
from django.db.models.functions import TruncHour
from django.utils import timezone

from assistants.models import Environment
from integrations.counts import RECEIVED, Series
from integrations.models import Connection, EventCount, Lane, PendingSetup
from integrations.segment.regions import SANDBOX, label

HOURS = 24


@dataclass(frozen=True)
class Status:
    """A state as the status component shows it, and what lies behind it where that needs words."""

    kind: str
    text: str
    cause: str = ""


@dataclass(frozen=True)
class Overview:
    """One environment: where its events go, how that stands, and what came in the last 24 hours."""

    environment: Environment
    connection: Connection | None
    status: Status
    backlog: int
    received: Series

    @property
    def destination(self) -> str:
        """Where the events go: the source by its name, if it was given one, and the region or own URL."""
        if self.connection is None:
            return ""
        return " · ".join(filter(None, (self.connection.source_name, label(self.connection.settings))))

    @property
    def needs_attention(self) -> bool:
        return self.connection is not None and self.connection.status == Connection.Status.NEEDS_ATTENTION


def overviews(environments: Iterable[Environment]) -> list[Overview]:
    """Look at environments that came with their log heads, in the order in which they came."""
    shown = list(environments)
    ids = [environment.pk for environment in shown]
    connections = {row.environment_id: row for row in Connection.objects.present().filter(environment__in=ids)}
    lanes = Lane.objects.filter(connection__in=connections.values(), kind=Lane.Kind.LIVE)
    lane_of = {lane.environment_id: lane for lane in lanes}
    begun = PendingSetup.objects.filter(environment__in=ids, expires_at__gt=timezone.now())
    begun_ids = set(begun.values_list("environment_id", flat=True))
    received = _received(ids)
    return [
        _overview(
            environment,
            connections.get(environment.pk),
            lane_of.get(environment.pk),
            has_begun=environment.pk in begun_ids,
            received=received[environment.pk],
        )
        for environment in shown
    ]


def _overview(
    environment: Environment, connection: Connection | None, lane: Lane | None, *, has_begun: bool, received: Series
) -> Overview:
    backlog = environment.log_head.position - lane.cursor if lane else 0
    return Overview(environment, connection, _status(connection, lane, has_begun=has_begun), backlog, received)


def _status(connection: Connection | None, lane: Lane | None, *, has_begun: bool) -> Status:
    if connection is None:
        return Status("off", "Set-up not finished" if has_begun else "Not connected")
    if connection.status == Connection.Status.NEEDS_ATTENTION:
        return Status("error", "Needs attention", connection.attention)
    if connection.status == Connection.Status.PAUSED:
        return Status("paused", "Paused")
    if lane and lane.failing_since:
        return Status("warning", "Trying again", lane.last_error)
    if connection.confirmed_at:
        return Status("success", "Connected")
    if connection.settings.get("region") == SANDBOX:
        return Status("success", "Connected to the sandbox")
    return Status("info", "Accepted, not confirmed" if connection.test_accepted_at else "Connected, not tested")


def _received(environment_ids: Collection[int]) -> dict[int, Series]:
    """What each environment received by hour, the oldest first, this hour last."""
    first_hour = timezone.now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=HOURS - 1)
    environment_of = dict(
        Lane.objects.filter(environment__in=environment_ids, kind=Lane.Kind.INDEX).values_list("pk", "environment_id")
    )
    rows = EventCount.objects.filter(lane__in=environment_of, outcome=RECEIVED, minute__gte=first_hour)
    hours = rows.annotate(hour=TruncHour("minute")).values_list("lane_id", "hour")
    series = {pk: Series(by_hour=[0] * HOURS) for pk in environment_ids}
    for lane_id, hour, count, last_minute in hours.annotate(count=Sum("count"), last_minute=Max("minute")):
        _add(series[environment_of[lane_id]], int((hour - first_hour) / timedelta(hours=1)), count, last_minute)
    return series


def _add(series: Series, hour: int, count: int, last_minute: datetime) -> None:
    series.by_hour[min(hour, HOURS - 1)] += count
    series.total += count
    series.last_minute = max(series.last_minute or last_minute, last_minute)
