"""The ledger: per lane since its start, read = accepted + left out (by reason) + rejected, down to the last event."""

from dataclasses import dataclass

from django.db.models import Sum

from integrations import counts
from integrations.models import EventCount, Lane


@dataclass(frozen=True)
class Account:
    """One lane's account: what it has read, and what became of that."""

    lane_id: int
    environment: str
    kind: str
    read: int
    waiting: int
    outcomes: dict[str, int]

    @property
    def difference(self) -> int:
        """Events read of which nothing is known; anything but 0 is a fault."""
        return self.read - sum(self.outcomes.values())


def accounts() -> list[Account]:
    """Return the account of every lane, each as of one moment: lanes move while this reads."""
    lanes = Lane.objects.select_related("environment__assistant", "environment__log_head").order_by("pk")
    return [_account(lane) for lane in lanes]


def _account(lane: Lane) -> Account:
    cursor, outcomes = _cursor_and_outcomes(lane)
    return Account(
        lane_id=lane.pk,
        environment=str(lane.environment),
        kind=lane.kind,
        read=cursor - lane.start,
        waiting=_waiting(lane, cursor),
        outcomes=outcomes,
    )


def _waiting(lane: Lane, cursor: int) -> int:
    """How many events the lane has before it; a replay that was stopped has none."""
    if lane.end is None:
        return max(lane.environment.log_head.position - cursor, 0)
    return 0 if lane.stopped_at else lane.end - cursor


def _cursor_and_outcomes(lane: Lane) -> tuple[int, dict[str, int]]:
    """Read a lane's cursor together with its counts, in one statement: they change in one transaction."""
    rows = (
        EventCount.objects.filter(lane=lane)
        .exclude(outcome=counts.IDENTIFIED)
        .values_list("lane__cursor", "outcome")
        .annotate(total=Sum("count"))
    )
    found = list(rows.order_by("outcome"))
    if not found:
        return lane.cursor, {}
    return found[0][0], {outcome: total for _, outcome, total in found}
