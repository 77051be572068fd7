"""What changes on lanes when people change a connection, under locks that keep them and workers apart."""

from django.db.models import F

from assistants.models import Environment
from integrations.models import Connection, ConnectionVersion, Lane, LaneVersion


def start_index_lane(environment: Environment) -> None:
    """Make sure that an environment's events are counted, from its first one on."""
    Lane.objects.get_or_create(
        environment=environment, kind=Lane.Kind.INDEX, defaults={"start": 0, "cursor": 0, "connection": None}
    )


def lock(connection: Connection) -> Connection:
    """Return the connection as it is now, locked to the end of the transaction, its lanes included.

    In the order of a worker that settles: lanes first. The other way round they would wait for each other.
    """
    list(Lane.objects.select_for_update().filter(connection=connection).order_by("pk"))
    return Connection.objects.select_for_update().get(pk=connection.pk)


def apply_version(connection: Connection, version: ConnectionVersion) -> None:
    """Let a connection's lanes, which are locked, compose with a version behind what is in flight."""
    for lane in Lane.objects.filter(connection=connection, stopped_at__isnull=True):
        from_position = max(lane.cursor, lane.in_flight_to or 0) + 1
        LaneVersion.objects.update_or_create(lane=lane, from_position=from_position, defaults={"version": version})
        LaneVersion.objects.filter(lane=lane, from_position__gt=from_position).delete()
        Lane.objects.filter(pk=lane.pk).update(terms_seq=F("terms_seq") + 1)


def terms_changed(connection: Connection) -> None:
    """Let whoever holds a lane of this connection look again before the next request; failures are forgotten."""
    Lane.objects.filter(connection=connection).update(
        terms_seq=F("terms_seq") + 1, next_attempt_at=None, failing_since=None, last_error=""
    )


def look_again(connection: Connection) -> None:
    """Let whoever holds a lane of this connection read its terms anew before the next request."""
    Lane.objects.filter(connection=connection).update(terms_seq=F("terms_seq") + 1)
