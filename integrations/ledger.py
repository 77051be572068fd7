"""The ledger: per lane since its start, read = accepted + left out (by reason) + rejected, down to the last event."""

from dataclasses import dataclass

from integrations import counts
from integrations.models import Lane


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
    """Return the account of every lane."""
    lanes = Lane.objects.select_related("environment__assistant", "environment__log_head").order_by("pk")
    return [
        Account(
            lane_id=lane.pk,
            environment=str(lane.environment),
            kind=lane.kind,
            read=lane.cursor - lane.start,
            waiting=lane.environment.log_head.position - lane.cursor,
            outcomes=counts.of_lane(lane.pk),
        )
        for lane in lanes
    ]
