"""Looks at each pass of the sweep for connections that wait for a person, and lanes that have failed for long."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from integrations import incidents
from integrations.incidents import Found
from integrations.models import Connection, Delivery, Incident, Lane

# A shorter failure mends itself before anybody has opened a notice.
FAILING_AFTER = timedelta(minutes=15)


def look(now: datetime) -> None:
    """Open and end the incidents of connections and lanes, as they are at this moment."""
    kinds = [Incident.Kind.ATTENTION, Incident.Kind.FAILING]
    incidents.update(kinds, [*_needing_attention(), *_failing(now)], now, ending=_ending)


def _needing_attention() -> Iterator[Found]:
    for connection in Connection.objects.needing_attention():
        if connection.attention_at is None:
            continue
        yield Found(
            kind=Incident.Kind.ATTENTION,
            environment_id=connection.environment_id,
            key=f"{connection.pk} {connection.attention_at:%Y-%m-%dT%H:%M:%S.%f}",
            cause=connection.attention,
            began_at=connection.attention_at,
            connection_id=connection.pk,
        )


def _failing(now: datetime) -> Iterator[Found]:
    """One that needs attention is told as that."""
    failing = Lane.objects.open().filter(failing_since__lte=now - FAILING_AFTER)
    for lane in failing.filter(connection__status=Connection.Status.ACTIVE):
        if lane.failing_since is None:
            continue
        yield Found(
            kind=Incident.Kind.FAILING,
            environment_id=lane.environment_id,
            key=f"{lane.pk} {lane.failing_since:%Y-%m-%dT%H:%M:%S.%f}",
            cause=lane.last_error,
            began_at=lane.failing_since,
            connection_id=lane.connection_id,
            lane_id=lane.pk,
        )


def _ending(incident: Incident) -> str:
    """Say how it ended, and no more than is known."""
    connection = incident.connection
    if connection is None or not Connection.objects.present().filter(pk=connection.pk).exists():
        return "The environment is not connected any more."
    if connection.status == Connection.Status.PAUSED:
        return "Somebody has paused sending."
    if incident.kind == Incident.Kind.ATTENTION:
        return "Somebody has seen to it; sending goes on."
    if connection.status == Connection.Status.NEEDS_ATTENTION:
        return "The connection needs attention by now."
    latest = Delivery.objects.filter(lane=incident.lane_id).order_by("-pk").first()
    if latest and latest.outcome == Delivery.Outcome.ACCEPTED:
        return "Segment takes events again."
    return "The connection was changed, and is tried anew."
