"""Finds events that used to come and have stopped: longer away than ever in the last two weeks, and by far.

How often an event comes differs from one to the other, and from hour to hour. So each is measured by itself: by the
longest pause that it made, nights and weekends included.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise

from django.db.models import Count, Max, QuerySet
from django.db.models.functions import TruncHour

from integrations import incidents
from integrations.counts import RECEIVED
from integrations.incidents import Found
from integrations.models import EventCount, Incident, Lane

LOOK_BACK = timedelta(days=14)
# What came in fewer hours than this, or within less time, has no habit that it could break.
REGULAR_HOURS = 24
REGULAR_SPAN = timedelta(days=3)
# Silence counts from so long on, and only if it is so many times as long as the longest pause.
SILENT_AFTER = timedelta(hours=6)
TIMES_THE_LONGEST_PAUSE = 2
# Counting runs a moment behind the log; one that is further behind knows nothing of silence.
COUNTED_WITHIN = timedelta(minutes=10)
GIVEN_UP_AFTER = timedelta(days=30)


def look(now: datetime) -> None:
    """Open an incident for each event that has stopped, and end those of events that come again."""
    incidents.update([Incident.Kind.SILENT], _silent(now), now, ending=lambda incident: _ending(incident, now))


def _silent(now: datetime) -> Iterator[Found]:
    for lane in Lane.objects.open().filter(kind=Lane.Kind.INDEX).with_oldest_waiting():
        if lane.oldest_waiting_at and lane.oldest_waiting_at < now - COUNTED_WITHIN:
            continue
        for name, last in _regular(lane, now):
            pause = _longest_pause(lane, name, now)
            if now - last > max(SILENT_AFTER, TIMES_THE_LONGEST_PAUSE * pause):
                yield _found(lane, name, last, pause)


def _regular(lane: Lane, now: datetime) -> "list[tuple[str, datetime]]":
    """Return the names that came often enough and not lately, each with the minute in which it came last."""
    names = (
        _received(lane, now)
        .values("name")
        .annotate(last=Max("minute"), hours=Count(TruncHour("minute"), distinct=True))
    )
    quiet = names.filter(hours__gte=REGULAR_HOURS, last__lt=now - SILENT_AFTER).order_by("name")
    return list(quiet.values_list("name", "last"))


def _longest_pause(lane: Lane, name: str, now: datetime) -> timedelta:
    """Return the longest pause between two hours in which an event came; the longest of all where it has no habit."""
    hours: list[datetime] = list(
        _received(lane, now)
        .filter(name=name)
        .annotate(hour=TruncHour("minute"))
        .order_by("hour")
        .values_list("hour", flat=True)
        .distinct()
    )
    if hours[-1] - hours[0] < REGULAR_SPAN:
        return LOOK_BACK
    return max(later - earlier for earlier, later in pairwise(hours))


def _received(lane: Lane, now: datetime) -> QuerySet[EventCount]:
    return EventCount.objects.filter(lane=lane, outcome=RECEIVED, minute__gte=now - LOOK_BACK)


def _found(lane: Lane, name: str, last: datetime, pause: timedelta) -> Found:
    hours = max(1, round(pause / timedelta(hours=1)))
    return Found(
        kind=Incident.Kind.SILENT,
        environment_id=lane.environment_id,
        key=name,
        cause=f"“{name}” used to come at least every {hours} {'hour' if hours == 1 else 'hours'} and comes no more.",
        began_at=last,
    )


def _ending(incident: Incident, now: datetime) -> str:
    if incident.environment.deleted_at or incident.environment.assistant.deleted_at:
        return "The environment was deleted."
    index = Lane.objects.filter(environment=incident.environment_id, kind=Lane.Kind.INDEX).values("pk")
    came = EventCount.objects.filter(
        lane_id__in=index, outcome=RECEIVED, name=incident.key, minute__gt=incident.began_at
    )
    if came.exists():
        return "The event comes again."
    if incident.began_at < now - GIVEN_UP_AFTER:
        return "The event has not come for 30 days; Sluice waits for it no longer."
    return ""
