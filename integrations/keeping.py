"""Until when events that wait are kept: to the end of their retention, and until people were told in time."""

from datetime import datetime, timedelta

from integrations.models import Lane

NOTICE = timedelta(days=7)


def notice_time(retention_days: int) -> timedelta:
    """How long before they expire people are told of events: a week, or half of a retention that is short."""
    return min(NOTICE, timedelta(days=retention_days) / 2)


def kept_until(lane: Lane, told_at: datetime | None, now: datetime) -> datetime | None:
    """Return until when the oldest waiting event is kept at least; the lane came `with_oldest_waiting`.

    Where people were not told yet (`told_at` is None), that is reckoned as if they were now.
    """
    if lane.oldest_waiting_at is None:
        return None
    days = lane.environment.retention_days
    return max(lane.oldest_waiting_at + timedelta(days=days), (told_at or now) + notice_time(days))
