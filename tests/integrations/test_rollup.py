"""Roll-up: minutes become hours after two days, and no count changes by it."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from django.db.models import Sum

from assistants.statements import run_together
from integrations import counts, rollup
from integrations.models import EventCount, EventTotal
from tests.make import live_lane, make_connection

NOW = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
OLD = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)

pytestmark = pytest.mark.django_db

Key = tuple[datetime, str, str]


@pytest.fixture
def lane() -> int:
    return live_lane(make_connection()).pk


def count(lane: int, *keys: Key) -> None:
    run_together(counts.additions(lane, Counter(keys)))


def rows(lane: int) -> dict[Key, int]:
    found = EventCount.objects.filter(lane_id=lane).values_list("minute", "name", "outcome", "count")
    return {(minute, name, outcome): number for minute, name, outcome, number in found}


def test_minutes_that_are_two_days_old_become_hours(lane: int) -> None:
    count(lane, (OLD, "A", "accepted"), (OLD + MINUTE, "A", "accepted"), (OLD + 59 * MINUTE, "A", "accepted"))
    count(lane, (OLD + 5 * MINUTE, "A", "rejected"), (OLD + 5 * MINUTE, "B", "accepted"))
    count(lane, (OLD - MINUTE, "A", "accepted"))
    young = OLD + timedelta(hours=1) + MINUTE
    count(lane, (young, "A", "accepted"))

    rollup.run(NOW)

    assert rows(lane) == {
        (OLD, "A", "accepted"): 3,
        (OLD, "A", "rejected"): 1,
        (OLD, "B", "accepted"): 1,
        (OLD - timedelta(hours=1), "A", "accepted"): 1,
        (young, "A", "accepted"): 1,
    }


def test_no_count_changes_by_it_however_often_it_runs(lane: int) -> None:
    count(lane, *[(OLD + number * MINUTE, f"event {number % 3}", "accepted") for number in range(60)])
    totals = list(EventTotal.objects.values_list("lane", "outcome", "count"))

    for _ in range(3):
        rollup.run(NOW)

    assert EventCount.objects.aggregate(sum=Sum("count")) == {"sum": 60}
    assert len(rows(lane)) == 3
    assert list(EventTotal.objects.values_list("lane", "outcome", "count")) == totals


def test_what_comes_late_joins_its_hour(lane: int) -> None:
    count(lane, (OLD + MINUTE, "A", "accepted"))
    rollup.run(NOW)
    count(lane, (OLD + 2 * MINUTE, "A", "accepted"))

    rollup.run(NOW)

    assert rows(lane) == {(OLD, "A", "accepted"): 2}


def test_lanes_keep_their_counts_apart(lane: int) -> None:
    other = live_lane(make_connection()).pk
    count(lane, (OLD + MINUTE, "A", "accepted"))
    count(other, (OLD + 2 * MINUTE, "A", "accepted"))

    rollup.run(NOW)

    assert (rows(lane), rows(other)) == ({(OLD, "A", "accepted"): 1}, {(OLD, "A", "accepted"): 1})
