"""Incidents: which ones there are by what is found at one moment. Two sweeps that look at once open each one once."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from integrations.models import Incident


@dataclass(frozen=True)
class Found:
    """Something amiss, as it is found at this moment; the same `kind`, environment and `key` make one incident."""

    kind: Incident.Kind
    environment_id: int
    key: str
    cause: str
    began_at: datetime
    connection_id: UUID | None = None
    lane_id: int | None = None


def update(
    kinds: Collection[Incident.Kind], found: Iterable[Found], now: datetime, *, ending: Callable[[Incident], str]
) -> None:
    """Open an incident for each thing found that has none, and end those of these kinds that are found no more.

    `ending` says in words how one ended; nothing where it has not.
    """
    present = {(each.kind.value, each.environment_id, each.key): each for each in found}
    for incident in Incident.objects.filter(kind__in=kinds, ended_at__isnull=True):
        is_found = present.pop((incident.kind, incident.environment_id, incident.key), None)
        if not is_found and (words := ending(incident)):
            _end(incident, words, now)
    # Another sweep may open the same ones at this moment.
    Incident.objects.bulk_create([_opened(each, now) for each in present.values()], ignore_conflicts=True)


def _end(incident: Incident, words: str, now: datetime) -> None:
    Incident.objects.filter(pk=incident.pk, ended_at__isnull=True).update(ended_at=now, ending=words[:200])


def _opened(found: Found, now: datetime) -> Incident:
    return Incident(
        environment_id=found.environment_id,
        connection_id=found.connection_id,
        lane_id=found.lane_id,
        kind=found.kind,
        key=found.key,
        cause=found.cause[:500],
        began_at=found.began_at,
        opened_at=now,
    )
