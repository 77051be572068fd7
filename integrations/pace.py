"""How far apart requests keep: one holder's by his own clock, those of a pacing group by a row that all of it move.

Source: Segment, HTTP API: partners should stay below 50 requests a second.
"""

import time
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.db.models.functions import Now

from integrations.models import Connection, PacingGroup
from integrations.segment.regions import CUSTOM, SANDBOX

SEGMENT_PER_SECOND = 50
# A replay leaves room for live events, wherever it sends to.
REPLAY_PER_SECOND = 10
_NO_WAIT = timedelta(0)


@dataclass(frozen=True)
class Pace:
    """How many requests a second one lane may make, None for any number; and the group whose pace it keeps besides."""

    per_second: int | None
    group_id: int | None = None


def pace_of(connection: Connection, *, is_replay: bool = False) -> Pace:
    """Return the pace of a connection's live lane, or of a replay."""
    group_id = connection.pacing_group_id
    per_second = None if group_id else connection.requests_per_second or usual_pace(connection)
    if is_replay:
        per_second = min(per_second or REPLAY_PER_SECOND, REPLAY_PER_SECOND)
    return Pace(per_second, group_id)


def per_second(connection: Connection) -> int | None:
    """Return how many requests a second go to where a connection sends, from all that share its pace."""
    group = connection.pacing_group
    return group.requests_per_second if group else connection.requests_per_second or usual_pace(connection)


def usual_pace(connection: Connection) -> int | None:
    """Return the pace where nobody chose one: what Segment asks for, and none elsewhere."""
    return None if connection.settings["region"] in (CUSTOM, SANDBOX) else SEGMENT_PER_SECOND


class Pacer:
    """Keeps one holder's requests apart."""

    def __init__(self) -> None:
        self._next_at = 0.0

    def wait(self, pace: Pace) -> None:
        """Wait for the time of the next request, which is taken with it."""
        if pace.per_second is not None:
            time.sleep(max(0.0, self._next_at - time.monotonic()))
            self._next_at = time.monotonic() + 1 / pace.per_second
        if pace.group_id is not None:
            time.sleep(_reserve(pace.group_id).total_seconds())

    def is_free(self, pace: Pace) -> bool:
        """Say whether nobody else of the group waits at this moment: a replay lets live events go first."""
        return (
            pace.group_id is None
            or not PacingGroup.objects.filter(pk=pace.group_id, next_request_at__gt=Now()).exists()
        )


def _reserve(group_id: int) -> timedelta:
    """Take a group's next time for a request, by the clock of the database; return how long that is from now."""
    with transaction.atomic():
        group = PacingGroup.objects.select_for_update().annotate(now=Now()).filter(pk=group_id).first()
        if group is None:
            return _NO_WAIT
        at = max(group.now, group.next_request_at or group.now)
        interval = timedelta(seconds=1 / group.requests_per_second)
        PacingGroup.objects.filter(pk=group_id).update(next_request_at=at + interval)
    return at - group.now
