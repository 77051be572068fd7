"""What becomes of events that a lane has not read when their retention ends: people are told, then they expire.

People are told seven days before, and nothing expires sooner than that after they were told. A lane passes expired
events as a worker would pass events with nothing to send: cursor and counts in one transaction, so the ledger adds up.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from assistants import log, retention
from assistants.messages import Event
from assistants.models import Block, Environment
from assistants.statements import run_together
from integrations import counts, incidents, notices
from integrations.incidents import Found
from integrations.keeping import notice_time
from integrations.models import ExpiredRange, Incident, Lane

PASSES = 20
OVER = "None of the events that wait is about to expire any more."


def look(now: datetime) -> None:
    """Open an incident for each lane of which waiting events expire soon, and end those that are over."""
    incidents.update([Incident.Kind.EXPIRING], _expiring(now), now, ending=lambda incident: OVER)


def expire(environment: Environment, now: datetime) -> None:
    """Let each lane of which people were told in time pass what is older than the retention; may run twice at once."""
    days = environment.retention_days
    open_ones = Incident.objects.filter(environment=environment, kind=Incident.Kind.EXPIRING, ended_at__isnull=True)
    for incident in notices.told_until(open_ones, now - notice_time(days)):
        for _ in range(PASSES):
            if not incident.lane_id or not _pass_over(incident.lane_id, now - timedelta(days=days), now):
                break


def _expiring(now: datetime) -> list[Found]:
    """The index lane is of nobody's making: it never waits for a person, and nothing expires on it."""
    return [
        Found(
            kind=Incident.Kind.EXPIRING,
            environment_id=lane.environment_id,
            key=str(lane.pk),
            cause=f"Events that wait are kept for {_days(lane.environment.retention_days)}.",
            began_at=lane.oldest_waiting_at,
            connection_id=lane.connection_id,
            lane_id=lane.pk,
        )
        for lane in Lane.objects.open().exclude(kind=Lane.Kind.INDEX).behind().with_oldest_waiting()
        if lane.oldest_waiting_at and lane.oldest_waiting_at <= now - _untold(lane.environment.retention_days)
    ]


def _untold(retention_days: int) -> timedelta:
    """How long an event may wait without anybody being told."""
    return timedelta(days=retention_days) - notice_time(retention_days)


@transaction.atomic
def _pass_over(lane_id: int, received_before: datetime, now: datetime) -> int:
    """Move a lane over old events, unless somebody holds it; return how many events that were.

    The fencing token grows, so that a holder whose lease ran out long ago cannot settle what has expired.
    """
    free = Lane.objects.select_for_update().exclude(lease_until__gt=Now())
    lane = free.filter(pk=lane_id, stopped_at__isnull=True).first()
    if lane is None:
        return 0
    old = retention.oldest(lane.environment_id, after=lane.cursor, received_before=received_before)
    events = _before(lane, old)
    if not events:
        return 0
    last = events[-1].position
    Lane.objects.filter(pk=lane.pk).update(
        cursor=last,
        lease_token=F("lease_token") + 1,
        attempts=0,
        in_flight_to=lane.in_flight_to if lane.in_flight_to and lane.in_flight_to > last else None,
    )
    run_together(counts.additions(lane.pk, _tally(events)))
    _note(lane, events[0].position, last, now)
    return len(events)


def _before(lane: Lane, blocks: Sequence[Block]) -> list[Event]:
    """Unpack the events that lie before a lane: its cursor, and its end, may be within a block."""
    return [
        event
        for block in blocks
        for event in log.unpack(block)
        if event.position > lane.cursor and (lane.end is None or event.position <= lane.end)
    ]


def _tally(events: Sequence[Event]) -> Counter[counts.CountKey]:
    return Counter(
        (event.received_at.replace(second=0, microsecond=0), log.counted_name(event.message), counts.EXPIRED)
        for event in events
    )


def _note(lane: Lane, first: int, last: int, now: datetime) -> None:
    """Note which events expired; those right behind others that did make one range with them."""
    if not ExpiredRange.objects.filter(lane=lane, last_position=first - 1).update(last_position=last, at=now):
        ExpiredRange.objects.create(lane=lane, first_position=first, last_position=last, at=now)


def _days(days: int) -> str:
    return "1 day" if days == 1 else f"{days} days"
