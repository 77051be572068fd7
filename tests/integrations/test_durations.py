"""How long requests took: one histogram, whether deliveries are there, summed up or gone."""

from datetime import UTC, datetime, timedelta

import pytest

from integrations import durations, prune
from integrations.durations import Histogram
from integrations.models import Delivery, DurationTotal, Lane
from tests.make import live_lane, make_connection

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)

pytestmark = pytest.mark.django_db


def make_delivery(lane: Lane, duration_ms: int, at: datetime, outcome: str = "accepted") -> Delivery:
    return Delivery.objects.create(
        lane=lane,
        first_position=1,
        last_position=1,
        sent=1,
        left_out=0,
        size_bytes=1,
        attempt=1,
        outcome=outcome,
        duration_ms=duration_ms,
        at=at,
    )


def histogram(*within: int, total_ms: int) -> Histogram:
    return Histogram([within.count(bucket) for bucket in range(12)], total_ms)


def test_requests_are_counted_by_the_bound_they_stay_within() -> None:
    lane, other = live_lane(make_connection()), live_lane(make_connection())
    for milliseconds in (10, 11, 30_000, 30_001):
        make_delivery(lane, milliseconds, NOW)
    make_delivery(lane, 60, NOW, outcome="retry")
    make_delivery(lane, 0, NOW, outcome="nothing")
    make_delivery(other, 500, NOW)

    assert durations.histograms() == {
        lane.pk: histogram(0, 1, 3, 10, 11, total_ms=60_082),
        other.pk: histogram(5, total_ms=500),
    }


def test_the_histogram_stays_while_deliveries_are_summed_up_and_pruned() -> None:
    lane = live_lane(make_connection())
    for minutes in (0, 4, 5, 6, 60):
        make_delivery(lane, 100 + minutes, NOW - minutes * MINUTE)
    before = durations.histograms()

    durations.sum_up(NOW)
    assert list(DurationTotal.objects.values_list("bucket", "count", "total_ms")) == [(4, 3, 371)]
    assert durations.histograms() == before
    durations.sum_up(NOW)
    durations.sum_up(NOW - 10 * MINUTE)
    assert durations.histograms() == before

    prune.run(NOW + timedelta(days=8))
    assert not Delivery.objects.exists()
    assert durations.histograms() == before == {lane.pk: histogram(3, 4, 4, 4, 4, total_ms=575)}


def test_an_installation_that_sent_nothing_has_no_histogram() -> None:
    durations.sum_up(NOW)

    assert durations.histograms() == {}
