"""Counts by minute become counts by hour once nobody looks at the minutes any more."""

from collections import Counter
from datetime import datetime, timedelta

from django.db import transaction

from assistants.statements import run_together
from integrations import counts
from integrations.models import EventCount, Lane

# The finest pages show two days by the minute.
KEPT_BY_MINUTE = timedelta(hours=48)
# A sweep that was away for longer leaves minutes behind: they say the same, and go when they are pruned.
LOOK_BACK = timedelta(days=3)
HOUR = timedelta(hours=1)


def run(now: datetime) -> None:
    """Roll up what has become old enough; may run twice at once, and be cut short at any point."""
    until = (now - KEPT_BY_MINUTE).replace(minute=0, second=0, microsecond=0)
    for lane_id in Lane.objects.values_list("pk", flat=True):
        minutes = EventCount.objects.filter(lane_id=lane_id, minute__gte=until - LOOK_BACK, minute__lt=until)
        for hour in minutes.exclude(minute__minute=0).datetimes("minute", "hour"):
            _merge(lane_id, hour)


def _merge(lane_id: int, hour: datetime) -> None:
    """Put the counts of an hour's minutes into that of its first one, which stands for the hour."""
    rows = EventCount.objects.filter(lane_id=lane_id, minute__gte=hour, minute__lt=hour + HOUR)
    with transaction.atomic():
        # Whoever counts moves the lane first, so nobody counts while it is locked: no row is added to, and none is new.
        Lane.objects.select_for_update().filter(pk=lane_id).first()
        found = list(rows.values_list("minute", "name", "outcome", "count"))
        tally: Counter[counts.CountKey] = Counter()
        for _, name, outcome, count in found:
            tally[(hour, name, outcome)] += count
        for minute in {minute for minute, *_ in found}:
            rows.filter(minute=minute).delete()
        run_together(counts.additions(lane_id, tally, to_totals=False))
