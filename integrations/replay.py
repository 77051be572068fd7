"""Replays: events of the log sent to their connection once more, on a lane of their own behind live traffic."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F, Max, Min, QuerySet
from django.utils import timezone

from assistants import audit
from assistants.models import Block, LogTail
from integrations import connections, lanes
from integrations.models import Connection, Lane, LaneVersion, Rejection, RejectionQuerySet, Replay
from integrations.terms import REJECTIONS
from integrations.wake import waker

# Each has a pace of its own, so together they must leave room for live traffic.
MOST_AT_ONCE = 3


class ReplayError(Exception):
    """A replay cannot start; carries why, in words for the person who asked for it."""


@dataclass(frozen=True)
class Scope:
    """Which events to send once more: positions from `first` to `last`, of some names (none named: of all).

    With `rejections`, only the events of these.
    """

    first: int
    last: int
    names: frozenset[str] = frozenset()
    rejections: RejectionQuerySet | None = None

    def within(self, first: int, last: int) -> RejectionQuerySet:
        """Return its rejections between two positions that nobody has seen to; none where it is not about any."""
        if self.rejections is None:
            return Rejection.objects.none()
        return self.rejections.undecided().filter(position__gte=first, position__lte=last)


def reach(connection: Connection) -> tuple[int, int]:
    """Return the first and the last position that can be replayed: kept, and settled by the live lane."""
    tail = LogTail.objects.get(environment=connection.environment_id)
    live = Lane.objects.get(connection=connection, kind=Lane.Kind.LIVE)
    return tail.blocks_gone_to + 1, live.cursor


def is_settled(connection: Connection, position: int) -> bool:
    """Say whether the live lane has passed a position: what waits for its first turn is not replayed."""
    return Lane.objects.filter(connection=connection, kind=Lane.Kind.LIVE, cursor__gte=position).exists()


def position_at(environment_id: int, moment: datetime) -> int:
    """Return the first position received at a moment or later; one behind the last where there is none.

    Servers' clocks differ a little, so that times are not quite in order; found in steps of half the log each.
    """
    blocks = Block.objects.filter(environment_id=environment_id)
    ends = blocks.aggregate(first=Min("first_position"), last=Max("last_position"))
    low, high = ends["first"] or 1, (ends["last"] or 0) + 1
    while low < high:
        block = blocks.filter(last_position__gte=(low + high) // 2).order_by("last_position")[:1].get()
        if block.received_at >= moment:
            high = block.first_position
        else:
            low = block.last_position + 1
    return low


def of_rejections(connection: Connection, chosen: RejectionQuerySet) -> Scope | None:
    """Return the scope of those of the chosen rejections that can be replayed; None where there are none."""
    undecided = chosen.of(connection).undecided()
    ends = undecided.aggregate(first=Min("position"), last=Max("position"))
    return None if ends["first"] is None else Scope(ends["first"], ends["last"], rejections=undecided)


def start(connection: Connection, scope: Scope, *, has_new_ids: bool, by: User | None, reason: str = "") -> Replay:
    """Begin to send events once more, by the version in force, as far as the live lane is done with them.

    Raises ReplayError; then nothing has changed.
    """
    with transaction.atomic():
        connection = lanes.lock(connection)
        # Together with the retention's look at the lanes: whatever it drops now is left out of the scope.
        LogTail.objects.select_for_update().get(environment=connection.environment_id)
        first, last = _checked(connection, scope)
        claimed = scope.within(first, last)
        lane = Lane.objects.create(
            environment_id=connection.environment_id,
            connection=connection,
            kind=Lane.Kind.REPLAY,
            start=first - 1,
            cursor=first - 1,
            end=last,
            filter=_filter(scope, claimed.count()),
        )
        version = connections.version_in_force(connection)
        LaneVersion.objects.create(lane=lane, from_position=first, version=version)
        replay = Replay.objects.create(lane=lane, has_new_ids=has_new_ids, created_by=by, reason=reason[:500])
        Rejection.objects.filter(pk__in=claimed.values("pk")).update(replay=replay)
        _audit(replay, "replay.started", by, reason, _details(replay))
    transaction.on_commit(lambda: waker.changed(connection.environment_id), robust=True)
    return replay


def pause(replay: Replay, *, by: User | None, reason: str = "") -> bool:
    """Let a replay rest where it is; return whether it went on until now."""
    return _change(replay, "replay.paused", by, reason, _to_rest)


def resume(replay: Replay, *, by: User | None, reason: str = "") -> bool:
    """Let a replay go on; return whether it rested. What it failed at is tried again at once."""
    return _change(replay, "replay.resumed", by, reason, _to_go_on)


def stop(replay: Replay, *, by: User | None, reason: str = "") -> bool:
    """End a replay where it is, for good; return whether it was still to go on.

    A batch that is on its way at this moment is still settled. Rejections it did not come to can be replayed anew.
    """
    return _change(replay, "replay.stopped", by, reason, _to_end)


def _to_rest(lane: QuerySet[Lane]) -> int:
    return lane.filter(paused_at__isnull=True).update(paused_at=timezone.now(), terms_seq=F("terms_seq") + 1)


def _to_go_on(lane: QuerySet[Lane]) -> int:
    return lane.filter(paused_at__isnull=False).update(
        paused_at=None, terms_seq=F("terms_seq") + 1, next_attempt_at=None, failing_since=None, last_error=""
    )


def _to_end(lane: QuerySet[Lane]) -> int:
    return lane.update(stopped_at=timezone.now(), terms_seq=F("terms_seq") + 1)


def _change(replay: Replay, action: str, by: User | None, reason: str, change: Callable[[QuerySet[Lane]], int]) -> bool:
    """Change a replay that has not ended, under the locks that keep people and workers apart."""
    with transaction.atomic():
        connection = replay.lane.connection
        if connection is None:
            raise ValueError(f"{replay} has no connection.")
        lanes.lock(connection)
        if not change(Lane.objects.filter(pk=replay.lane_id).unfinished()):
            return False
        _audit(replay, action, by, reason, {})
    transaction.on_commit(lambda: waker.changed(connection.environment_id), robust=True)
    return True


def _checked(connection: Connection, scope: Scope) -> tuple[int, int]:
    """Cut a scope to what can be replayed now. Raises ReplayError."""
    if connection.removed_at is not None:
        raise ReplayError("This environment is not connected any more.")
    if Lane.objects.filter(connection=connection, kind=Lane.Kind.REPLAY).unfinished().count() >= MOST_AT_ONCE:
        raise ReplayError(f"{MOST_AT_ONCE} replays of this connection are under way. Wait for one, or stop it.")
    kept_from, settled_to = reach(connection)
    first, last = max(scope.first, kept_from), min(scope.last, settled_to)
    if scope.rejections is not None and not scope.within(first, last).exists():
        raise ReplayError("Somebody has seen to these rejections in the meantime.")
    if first > last:
        raise ReplayError(
            "There is nothing to replay: these events are no longer kept, or not sent for the first time."
        )
    return first, last


def _filter(scope: Scope, rejections: int) -> dict[str, Any]:
    """Return what the lane keeps of a scope beside start and end; of rejections, how many there were."""
    if scope.rejections is not None:
        return {REJECTIONS: rejections}
    return {"names": sorted(scope.names)} if scope.names else {}


def _details(replay: Replay) -> dict[str, Any]:
    lane = replay.lane
    return {
        "positions": f"{lane.start + 1:,}–{lane.end:,}",
        "names": lane.filter.get("names", []),
        "rejections": lane.filter.get(REJECTIONS, ""),
        "message_ids": "new" if replay.has_new_ids else "the same",
    }


def _audit(replay: Replay, action: str, by: User | None, reason: str, details: dict[str, Any]) -> None:
    audit.record(
        actor=by,
        action=action,
        target=connections.TARGET,
        environment=replay.lane.environment,
        reason=reason,
        details={"replay": str(replay.pk)[:8], **details},
    )
