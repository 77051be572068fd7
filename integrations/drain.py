"""How long a backlog will take, at the rate of the last minutes or, where nothing went, at the pace that is allowed."""

from datetime import UTC, datetime, timedelta

from django.db.models import Count, F, Min, Sum

from integrations import pace
from integrations.models import Connection, Delivery, Lane

# Long enough to smooth what comes and goes, short enough to notice that a host became slower.
LOOK_BACK = timedelta(minutes=2)
# Of the deliveries before, so many tell how much of the log one request carries.
LATEST = 50
WORTH_TELLING = timedelta(seconds=10)


def time_left(lane: Lane, now: datetime | None = None) -> timedelta | None:
    """Return about how long a lane takes for what waits; None where that is not worth telling, or nothing tells."""
    backlog = lane.backlog
    if not backlog:
        return None
    rate = _rate_of_late(lane, now or datetime.now(UTC)) or _rate_allowed(lane)
    left = timedelta(seconds=backlog / rate) if rate else None
    return left if left and left >= WORTH_TELLING else None


def _rate_of_late(lane: Lane, now: datetime) -> float:
    """Return how many positions a second the lane moved by over the last minutes."""
    rows = lane.deliveries.filter(at__gte=now - LOOK_BACK, outcome=Delivery.Outcome.ACCEPTED)
    moved = rows.aggregate(events=Sum(F("last_position") - F("first_position") + 1), since=Min("at"))
    if not moved["events"]:
        return 0.0
    # A lane that has just begun has moved for a moment only; a request takes a moment itself.
    seconds: float = max((now - moved["since"]).total_seconds(), 1.0)
    return float(moved["events"] / seconds)


def _rate_allowed(lane: Lane) -> float:
    """Return how many positions a second full requests would carry at the pace, where there is one."""
    connection: Connection | None = lane.connection
    per_second = pace.per_second(connection) if connection else None
    if per_second is None:
        return 0.0
    latest = lane.deliveries.filter(outcome=Delivery.Outcome.ACCEPTED).order_by("-pk")[:LATEST]
    carried = Delivery.objects.filter(pk__in=latest.values("pk")).aggregate(
        events=Sum(F("last_position") - F("first_position") + 1), requests=Count("pk")
    )
    return float(per_second * carried["events"] / carried["requests"]) if carried["requests"] else 0.0
