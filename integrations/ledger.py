"""The ledger: per lane since its start, read = accepted + left out (by reason) + rejected + expired."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.db.models import F

from assistants.models import Environment
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
    start: int = 0
    is_over: bool = False

    @property
    def difference(self) -> int:
        """Events read of which nothing is known; anything but 0 is a fault."""
        return self.read - sum(self.outcomes.values())


def accounts(environment: Environment | None = None) -> list[Account]:
    """Return the account of every lane (of an environment), all as of one moment: one statement reads them."""
    lanes = Lane.objects.select_related("environment__assistant", "environment__log_head").order_by("pk")
    if environment is not None:
        lanes = lanes.filter(environment=environment)
    rows = lanes.annotate(outcome=F("totals__outcome"), count=F("totals__count"))
    return [_account(list(group)) for _, group in groupby(rows, key=lambda row: row.pk)]


def _account(rows: Sequence[Any]) -> Account:
    """Put together one lane's rows, one for each outcome; a lane without outcomes has a single empty one."""
    lane = rows[0]
    return Account(
        lane_id=lane.pk,
        environment=str(lane.environment),
        kind=lane.kind,
        read=lane.cursor - lane.start,
        waiting=0 if lane.stopped_at else lane.backlog,
        outcomes={row.outcome: row.count for row in rows if row.outcome not in (None, counts.IDENTIFIED)},
        start=lane.start,
        is_over=lane.stopped_at is not None,
    )
