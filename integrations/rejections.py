"""Events that Segment refused for good: which there are and for what reasons, and what people do about them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Count, Max
from django.utils import timezone

from assistants import audit, log
from assistants.messages import Event
from assistants.models import LogTail
from integrations import connections, lanes
from integrations.models import Connection, Rejection, RejectionQuerySet
from integrations.settle import DEADLY_REASON, REJECTED_REASON

REASON_LABELS = {REJECTED_REASON: "Refused by Segment", DEADLY_REASON: "Workers died at it"}
# Answers that quote the event differ each time; the groups with the most events are the ones worth a look.
GROUPS_SHOWN = 50
PRUNED_PER_PASS = 10_000


@dataclass(frozen=True)
class Group:
    """Unresolved rejections with the same reason and answer; `newest_id` names the latest, and with it the group."""

    reason: str
    status: int | None
    answer: str
    count: int
    last_at: datetime
    newest_id: int

    @property
    def label(self) -> str:
        return REASON_LABELS.get(self.reason, self.reason)


def groups(connection: Connection) -> list[Group]:
    """Return the unresolved rejections of a connection by reason and answer, the most frequent first."""
    rows = Rejection.objects.of(connection).unresolved().values_list("reason", "status", "answer")
    counted = rows.annotate(count=Count("pk"), last_at=Max("at"), newest_id=Max("pk")).order_by("-count", "-newest_id")
    return [Group(*row) for row in counted[:GROUPS_SHOWN]]


def discard(connection: Connection, chosen: RejectionQuerySet, *, by: User | None, reason: str) -> int:
    """Resolve the chosen rejections without sending them; return how many. Those that a replay sends stay with it."""
    with transaction.atomic():
        lanes.lock(connection)
        discarded = (
            chosen.of(connection)
            .undecided()
            .update(
                resolution=Rejection.Resolution.DISCARDED,
                resolved_at=timezone.now(),
                resolved_by=by,
                resolution_reason=reason[:500],
            )
        )
        if discarded:
            audit.record(
                actor=by,
                action="rejections.discarded",
                target=connections.TARGET,
                environment=connection.environment,
                reason=reason,
                details={"events": discarded},
            )
    return discarded


def events_at(environment_id: int, positions: Collection[int]) -> dict[int, Event]:
    """Return the events at these positions, as far as they are kept; one query each, so not for many."""
    found = ((position, log.find(environment_id, position)) for position in positions)
    return {position: event for position, event in found if event is not None}


def drop_old(environment_id: int) -> None:
    """Delete the rejections whose events are gone; may run twice at once."""
    tail = LogTail.objects.filter(environment_id=environment_id).first()
    if tail is None:
        return
    old = Rejection.objects.filter(lane__environment=environment_id, position__lte=tail.blocks_gone_to)
    with transaction.atomic():
        # What another sweep is deleting at this moment is passed over: the two would wait for each other's rows.
        oldest = old.order_by("pk").select_for_update(skip_locked=True, of=("self",))
        Rejection.objects.filter(pk__in=list(oldest.values_list("pk", flat=True)[:PRUNED_PER_PASS])).delete()
