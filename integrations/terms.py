"""The terms on which a lane delivers at one place of the log: where to, with which key, what, and up to where."""

import uuid
from dataclasses import dataclass, field, replace
from typing import Any

from assistants import encryption
from assistants.messages import Event
from integrations.choice import Choice
from integrations.compose import Terms
from integrations.leases import Lease, LostLeaseError
from integrations.models import Connection, ConnectionVersion, Lane, LaneVersion, Rejection, Replay
from integrations.occurrences import Watch
from integrations.options import ANY_ORDER, COMPRESS, IDENTIFY_VISITORS, ONCE
from integrations.pace import Pace, pace_of
from integrations.segment.regions import SANDBOX, base_url
from integrations.shape import shapes

# The filter of a lane that sends the rejections that are its replay's.
REJECTIONS = "rejections"
# Of a replay of rejections, as many are known at a time; the terms end behind them, and are read anew.
REJECTIONS_AT_ONCE = 10_000


@dataclass(frozen=True)
class TermsInForce:
    """One version of a connection as it holds behind a position, up to `last_position` (None: without end).

    `are_known_refused` says that Segment refused each of the lane's events alone, while it accepted others: if it does
    so again, nothing more has to be proven.
    """

    connection_id: uuid.UUID
    version_id: int
    terms: Terms
    base_url: str
    write_key: str = field(repr=False)
    sealed_write_key: str = field(repr=False)
    is_active: bool
    pace: Pace
    is_compressed: bool
    is_any_order: bool
    last_position: int | None
    are_known_refused: bool = False


def load_terms(lease: Lease, *, behind: int) -> TermsInForce:
    """Read what holds behind a position now, and note in the lease as of when.

    Raises LostLeaseError where the lane is gone, and encryption.DecryptionError where the write key cannot be read with
    the present keys.
    """
    lane = (
        Lane.objects.select_related("connection__pacing_group", "environment__assistant")
        .filter(pk=lease.lane_id)
        .first()
    )
    if lane is None:
        raise LostLeaseError
    lease.terms_seq = lane.terms_seq
    connection = lane.connection
    if connection is None:
        raise ValueError(f"Lane {lane.pk} has no connection.")
    version, last_position = _version_behind(lane, behind)
    terms = compose_terms(connection, version)
    if lane.kind == Lane.Kind.REPLAY:
        replay = Replay.objects.get(lane=lane)
        terms, last_position = replay_terms(terms, replay, lane, behind=behind, last_position=last_position)
    return TermsInForce(
        connection_id=connection.pk,
        version_id=version.pk,
        terms=terms,
        base_url=base_url(connection.settings),
        write_key=_write_key(connection),
        sealed_write_key=connection.write_key,
        is_active=_is_active(lane, connection),
        pace=pace_of(connection, is_replay=lane.kind == Lane.Kind.REPLAY),
        is_compressed=bool(version.options.get(COMPRESS)),
        is_any_order=_is_any_order(lane, connection, version),
        last_position=last_position,
        are_known_refused=REJECTIONS in lane.filter,
    )


def is_same_destination(terms: TermsInForce) -> bool:
    """Say whether the connection still sends to where, and with the key with which, these terms do."""
    connection = Connection.objects.get(pk=terms.connection_id)
    return (base_url(connection.settings), connection.write_key) == (terms.base_url, terms.sealed_write_key)


def compose_terms(connection: Connection, version: ConnectionVersion) -> Terms:
    """Return what compose needs to know of a version."""
    options: dict[str, Any] = version.options
    return Terms(
        namespace=connection.pk,
        selection=frozenset((type_, name) for type_, name in version.selection),
        anonymous_sessions=bool(options.get("anonymous_sessions")),
        shapes=shapes(options),
        watch=_watch(connection, options),
        leave_out_schema_faults=bool(options.get("leave_out_schema_faults")),
    )


def replay_terms(
    terms: Terms, replay: Replay, lane: Lane, *, behind: int, last_position: int | None
) -> tuple[Terms, int | None]:
    """Return a version's terms as a replay sends by them behind a position, and up to where they hold."""
    choice, last_position = _choice(replay, lane, behind, last_position)
    namespace = replay.pk if replay.has_new_ids else terms.namespace
    return replace(terms, namespace=namespace, choice=choice), last_position


def is_chosen(lane: Lane, event: Event) -> bool:
    """Say whether an event is one of those that a lane is there for: all of them, or what a replay chose."""
    if lane.kind != Lane.Kind.REPLAY:
        return True
    return _choice(lane.replay, lane, event.position - 1, None)[0].includes(event)


def _is_any_order(lane: Lane, connection: Connection, version: ConnectionVersion) -> bool:
    """Say whether several batches may be under way. Replays take their time; the sandbox is nowhere else."""
    is_eligible = lane.kind == Lane.Kind.LIVE and connection.settings["region"] != SANDBOX
    return is_eligible and bool(version.options.get(ANY_ORDER))


def _choice(replay: Replay, lane: Lane, behind: int, last_position: int | None) -> tuple[Choice, int | None]:
    if REJECTIONS not in lane.filter:
        names = lane.filter.get("names")
        return Choice(names=frozenset(names) if names else None), last_position
    rejections = Rejection.objects.filter(replay=replay, position__gt=behind).order_by("position")
    positions = list(rejections.values_list("position", flat=True)[:REJECTIONS_AT_ONCE])
    if len(positions) == REJECTIONS_AT_ONCE:
        last_position = min(positions[-1], last_position or positions[-1])
    return Choice(positions=positions), last_position


def _watch(connection: Connection, options: dict[str, Any]) -> Watch | None:
    once = frozenset((type_, name) for type_, name in options.get(ONCE, ()))
    identifies = bool(options.get(IDENTIFY_VISITORS))
    if not once and not identifies:
        return None
    return Watch(connection.pk.bytes, once, identifies)


def _write_key(connection: Connection) -> str:
    """Decrypt the write key; a connection that was removed has none, and nothing to send either."""
    if connection.removed_at is not None:
        return ""
    return encryption.decrypt(connection.write_key, context=connection.secret_context)


def _version_behind(lane: Lane, position: int) -> tuple[ConnectionVersion, int | None]:
    """Return the version that holds for the first event behind a position, and the last event it holds for."""
    versions = LaneVersion.objects.filter(lane=lane).select_related("version")
    current = versions.filter(from_position__lte=position + 1).order_by("-from_position").first()
    if current is None:
        raise ValueError(f"Lane {lane.pk} has no version at position {position + 1}.")
    following = versions.filter(from_position__gt=position + 1).order_by("from_position").first()
    ends = [lane.end] if lane.end is not None else []
    if following is not None:
        ends.append(following.from_position - 1)
    return current.version, min(ends, default=None)


def _is_active(lane: Lane, connection: Connection) -> bool:
    environment = lane.environment
    return (
        connection.status == Connection.Status.ACTIVE
        and lane.stopped_at is None
        and lane.paused_at is None
        and environment.deleted_at is None
        and environment.assistant.deleted_at is None
    )
