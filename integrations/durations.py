"""How long requests to Segment took: a histogram that goes on growing although deliveries are pruned.

A delivery is added to the totals some minutes after it was written, when none can come any more that is older. The
histogram is the totals and, behind them, the deliveries themselves: few, and read in the same statement.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.db.models import Case, Count, F, QuerySet, Subquery, Sum, Value, When
from django.db.models.functions import Coalesce

from integrations.models import Delivery, DurationTotal, SummedUp

BOUNDS_MS = (10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000)
# Longer than from the beginning of a request to the commit of its delivery: whoever takes that long has lost its lease.
SETTLED_AFTER = timedelta(minutes=5)
DURATIONS = "durations"
_EVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass
class Histogram:
    """How many requests of a lane took how long: by bucket, the last one beyond all bounds; and all of them."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_MS) + 1))
    total_ms: int = 0

    def add(self, other: "Histogram") -> None:
        self.counts = [ours + theirs for ours, theirs in zip(self.counts, other.counts, strict=True)]
        self.total_ms += other.total_ms


def histograms() -> dict[int, Histogram]:
    """Return the histogram of each lane that ever sent something, by the lane's ID."""
    until = SummedUp.objects.filter(kind=DURATIONS).values("until")
    behind = _by_bucket(_requests().filter(at__gt=Coalesce(Subquery(until), Value(_EVER))))
    totals = DurationTotal.objects.values_list("lane_id", "bucket", "count", "total_ms")
    found: dict[int, Histogram] = defaultdict(Histogram)
    # One statement: between two of them, deliveries could become part of the totals.
    for lane_id, bucket, count, total_ms in totals.union(behind, all=True):
        found[lane_id].counts[bucket] += count
        found[lane_id].total_ms += total_ms
    return dict(found)


def sum_up(now: datetime) -> None:
    """Add the deliveries that are complete up to some minutes ago to the totals; may run twice at once."""
    until = now - SETTLED_AFTER
    SummedUp.objects.get_or_create(kind=DURATIONS, defaults={"until": _EVER})
    with transaction.atomic():
        done = SummedUp.objects.select_for_update().get(kind=DURATIONS)
        if until <= done.until:
            return
        for lane_id, bucket, count, total_ms in _by_bucket(_requests().filter(at__gt=done.until, at__lte=until)):
            _add(lane_id, bucket, count, total_ms)
        SummedUp.objects.filter(kind=DURATIONS).update(until=until)


def _requests() -> QuerySet[Delivery]:
    return Delivery.objects.exclude(outcome=Delivery.Outcome.NOTHING).order_by()


def _by_bucket(deliveries: QuerySet[Delivery]) -> "QuerySet[Delivery, tuple[int, int, int, int]]":
    within = [When(duration_ms__lte=bound, then=Value(bucket)) for bucket, bound in enumerate(BOUNDS_MS)]
    buckets = deliveries.annotate(bucket=Case(*within, default=Value(len(BOUNDS_MS))))
    grouped = buckets.values("lane_id", "bucket").annotate(count=Count("pk"), total_ms=Sum("duration_ms"))
    return grouped.values_list("lane_id", "bucket", "count", "total_ms")


def _add(lane_id: int, bucket: int, count: int, total_ms: int) -> None:
    total, _ = DurationTotal.objects.get_or_create(lane_id=lane_id, bucket=bucket, defaults={"count": 0, "total_ms": 0})
    DurationTotal.objects.filter(pk=total.pk).update(count=F("count") + count, total_ms=F("total_ms") + total_ms)
