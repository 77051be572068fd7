"""How replays stand: what each is doing, how far it is, what became of its events, and when it will be done."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import models
from django.db.models import Min, Sum
from django.utils import timezone

from integrations import counts
from integrations.choice import NOT_IN_REPLAY
from integrations.compose import ACCEPTED
from integrations.models import Connection, Delivery, EventCount, Lane, Replay

# How fast a replay is shows in what it did in this time.
MEASURED = timedelta(seconds=60)


class State(models.TextChoices):
    DONE = "done", "Done"
    STOPPED = "stopped", "Stopped"
    PAUSED = "paused", "Paused"
    HELD = "held", "Waits for the connection"
    FAILING = "failing", "Trying again"
    RUNNING = "running", "Running"


@dataclass(frozen=True)
class Standing:
    """One replay at this moment. `done` of `total` positions are read; of those, `outcomes` says what became."""

    replay: Replay
    state: State
    outcomes: dict[str, int]
    seconds_left: float | None

    @property
    def lane(self) -> Lane:
        return self.replay.lane

    @property
    def first(self) -> int:
        return self.lane.start + 1

    @property
    def done(self) -> int:
        return self.lane.cursor - self.lane.start

    @property
    def total(self) -> int:
        return (self.lane.end or 0) - self.lane.start

    @property
    def percent(self) -> int:
        return 100 * self.done // self.total

    @property
    def accepted(self) -> int:
        return self.outcomes.get(ACCEPTED, 0)

    @property
    def rejected(self) -> int:
        return self.outcomes.get(counts.REJECTED, 0)

    @property
    def left_out(self) -> dict[str, int]:
        """How many events were left out for each reason, among those that the replay was asked for."""
        ends = {ACCEPTED, counts.REJECTED, NOT_IN_REPLAY}
        return {reason: count for reason, count in self.outcomes.items() if reason not in ends}

    @property
    def left_out_count(self) -> int:
        return sum(self.left_out.values())

    @property
    def not_in_replay(self) -> int:
        return self.outcomes.get(NOT_IN_REPLAY, 0)

    @property
    def has_ended(self) -> bool:
        return self.lane.has_ended


def standings(replays: Iterable[Replay]) -> list[Standing]:
    """Look at replays that came with their lanes and those lanes' connections, in the order in which they came."""
    shown = list(replays)
    outcomes = _outcomes([replay.lane_id for replay in shown])
    return [_standing(replay, outcomes.get(replay.lane_id, {})) for replay in shown]


def _standing(replay: Replay, outcomes: dict[str, int]) -> Standing:
    state = _state(replay.lane)
    return Standing(replay, state, outcomes, _seconds_left(replay.lane) if state is State.RUNNING else None)


def _outcomes(lane_ids: list[int]) -> dict[int, dict[str, int]]:
    counted = EventCount.objects.filter(lane_id__in=lane_ids).exclude(outcome=counts.IDENTIFIED)
    rows = counted.values_list("lane_id", "outcome").annotate(total=Sum("count")).order_by("-total", "outcome")
    outcomes: dict[int, dict[str, int]] = {}
    for lane_id, outcome, total in rows:
        outcomes.setdefault(lane_id, {})[outcome] = total
    return outcomes


def _state(lane: Lane) -> State:
    if lane.has_ended:
        return State.STOPPED if lane.cursor < (lane.end or 0) else State.DONE
    if lane.paused_at is not None:
        return State.PAUSED
    if lane.connection is None or lane.connection.status != Connection.Status.ACTIVE:
        return State.HELD
    return State.FAILING if lane.failing_since is not None else State.RUNNING


def _seconds_left(lane: Lane, now: datetime | None = None) -> float | None:
    """Say how long the rest will take at the pace of the last minute; None where nothing has moved yet."""
    now = now or timezone.now()
    moved = Delivery.objects.filter(
        lane=lane, at__gte=now - MEASURED, outcome__in=[Delivery.Outcome.ACCEPTED, Delivery.Outcome.NOTHING]
    )
    since = moved.aggregate(at=Min("at"), first=Min("first_position"))
    if since["at"] is None or since["at"] >= now:
        return None
    events: int = lane.cursor - since["first"] + 1
    seconds: float = (now - since["at"]).total_seconds()
    return ((lane.end or 0) - lane.cursor) * seconds / events
