"""Erase a person: stretch by stretch of the log with all that lanes know of it, then every other trace.

It may be interrupted anywhere and goes on where it was. A lane that has read a stretch reads it again before its next
attempt, because its terms count as changed; what is on its way to Segment at that moment may still arrive there.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

import msgspec
from django.db import transaction
from django.db.models import F

from assistants import catalog, erasure
from assistants.erasure import Slice
from assistants.messages import Event, Message
from assistants.models import Erasure
from integrations.compose import Terms, marks_of
from integrations.models import Connection, FirstOccurrence, Lane, Rejection, SandboxMessage
from integrations.occurrences import Watch

SLICES_PER_PASS = 10
# SQLite takes at most 999 parameters in one statement.
CHUNK = 500
_IDS = ("userId", "anonymousId", "previousId")

Value = TypeVar("Value", bytes, int)


def go_on(now: datetime) -> None:
    """Do a sweep's share of every erasure that is under way; two sweeps take turns."""
    for open_one in Erasure.objects.filter(finished_at__isnull=True).order_by("pk"):
        for _ in range(SLICES_PER_PASS):
            if not step(open_one.pk, now):
                break


def run(open_one: Erasure, now: datetime) -> Erasure:
    """Do all of an erasure and return it as it is then."""
    while step(open_one.pk, now):
        pass
    return Erasure.objects.get(pk=open_one.pk)


@transaction.atomic
def step(erasure_id: int, now: datetime) -> bool:
    """Do the next stretch of an erasure, or what is left behind the last one; return whether there is more to do."""
    open_ones = Erasure.objects.select_for_update(of=("self",)).filter(finished_at__isnull=True)
    request = open_ones.select_related("environment__assistant").filter(pk=erasure_id).first()
    if request is None:
        return False
    stretch = erasure.next_slice(request)
    if stretch is None:
        _finish(request, now)
        return False
    if stretch.events:
        _erase(request, stretch)
    Erasure.objects.filter(pk=request.pk).update(
        position=stretch.last_position, events=F("events") + len(stretch.events)
    )
    return True


def _erase(request: Erasure, stretch: Slice) -> None:
    """Clear events and what lanes noted of them. Lanes first: whoever notes an attempt has done so, or sees this."""
    lanes = Lane.objects.filter(environment=request.environment_id, connection__isnull=False)
    lane_ids = list(lanes.select_for_update(of=("self",)).order_by("pk").values_list("pk", flat=True))
    lanes.update(terms_seq=F("terms_seq") + 1)
    erasure.clear_blocks(stretch)
    for positions in _chunks([event.position for event in stretch.events]):
        Rejection.objects.filter(lane__in=lane_ids, position__in=positions).update(answer="")
    _forget_occurrences(request, stretch.events)


def _finish(request: Erasure, now: datetime) -> None:
    _forget_occurrences(request, list(_visits(request.user_id)))
    _clear_sandbox(request)
    erasure.clear_traces(request.environment_id, request.user_id)
    request.finished_at = now
    erasure.finish(request)


def _forget_occurrences(request: Erasure, events: Sequence[Event]) -> None:
    """Delete every mark that these events may hold, whatever the connections' options are or were."""
    for connection_id in Connection.objects.filter(environment=request.environment_id).values_list("pk", flat=True):
        every_key = frozenset(entry.key for entry in catalog.everything())
        watch = Watch(connection_id.bytes, every_key, identifies=True)
        marks = {
            mark
            for by_session in (False, True)
            for event in events
            for mark in marks_of(event, Terms(connection_id, every_key, anonymous_sessions=by_session, watch=watch))
        }
        for digests in _chunks(sorted(marks)):
            FirstOccurrence.objects.filter(connection_id=connection_id, digest__in=digests).delete()


def _visits(user_id: str) -> Iterable[Event]:
    """Make up events of this visitor: marks stay when the events that held them are pruned."""
    at = datetime(1970, 1, 1, tzinfo=UTC)
    for entry in catalog.everything():
        message = Message(type=entry.type, event=entry.name or None, message_id="", timestamp="", user_id=user_id)
        yield Event(0, at, "", message)
        yield Event(0, at, "", msgspec.structs.replace(message, user_id=None, anonymous_id=user_id))


def _clear_sandbox(request: Erasure) -> None:
    """The sandbox knows the sender by the key, so what was sent under a key of before stays until it is trimmed."""
    fingerprints = Connection.objects.filter(environment=request.environment_id).values("write_key_fingerprint")
    for row in SandboxMessage.objects.filter(write_key_fingerprint__in=fingerprints):
        message = json.loads(row.body)
        if any(str(message.get(name)) == request.user_id for name in _IDS):
            row.delete()


def _chunks(values: Sequence[Value]) -> Iterable[Sequence[Value]]:
    return (values[start : start + CHUNK] for start in range(0, len(values), CHUNK))
