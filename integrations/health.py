"""How a connection is doing, and whether this installation is fit to serve."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import connection as database
from django.db.migrations.executor import MigrationExecutor

from integrations import counts, drain, keeping, notices
from integrations.models import Connection, Delivery, EventTotal, Heartbeat, Incident, Lane

# A worker beats every 15 s and a sweep more often; later than this it is missed.
HEARTBEAT_LATE = timedelta(seconds=60)
WORKER = "worker"
SWEEP = "sweep"


@dataclass(frozen=True)
class LaneState:
    """A connection's live lane at this moment: how far it is, and what holds it up."""

    status: str
    head: int
    start: int
    cursor: int
    backlog: int
    failing_since: datetime | None
    last_error: str
    next_attempt_at: datetime | None
    last_delivery: Delivery | None
    oldest_waiting_at: datetime | None = None
    kept_until: datetime | None = None
    expired: int = 0
    is_expiring: bool = False
    time_left: timedelta | None = None


def lane_state(connection: Connection, now: datetime | None = None) -> LaneState:
    """Read the state of a connection's live lane."""
    now = now or datetime.now(UTC)
    lane = Lane.objects.with_oldest_waiting().get(connection=connection, kind=Lane.Kind.LIVE)
    lane.connection = connection
    head = lane.environment.log_head.position
    expiring = Incident.objects.filter(lane=lane, kind=Incident.Kind.EXPIRING, ended_at__isnull=True).first()
    expired = EventTotal.objects.filter(lane=lane, outcome=counts.EXPIRED).first()
    return LaneState(
        status=connection.status,
        head=head,
        start=lane.start,
        cursor=lane.cursor,
        backlog=head - lane.cursor,
        failing_since=lane.failing_since,
        last_error=lane.last_error,
        next_attempt_at=lane.next_attempt_at,
        last_delivery=lane.deliveries.exclude(outcome=Delivery.Outcome.NOTHING).order_by("-id").first(),
        oldest_waiting_at=lane.oldest_waiting_at,
        kept_until=keeping.kept_until(lane, notices.told_at(expiring), now),
        expired=expired.count if expired else 0,
        is_expiring=expiring is not None,
        time_left=drain.time_left(lane, now),
    )


def is_migrated() -> bool:
    """Say whether every migration is applied. Raises the database's errors."""
    executor = MigrationExecutor(database)
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())


def missing_processes(now: datetime | None = None) -> list[str]:
    """Name the kinds of process that have not shown themselves lately: `worker`, `sweep`."""
    since = (now or datetime.now(UTC)) - HEARTBEAT_LATE
    alive = set(Heartbeat.objects.filter(at__gte=since).values_list("name", flat=True))
    return [name for name in (WORKER, SWEEP) if name not in alive]
