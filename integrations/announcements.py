"""What people are told of an incident, in words for them and as facts for programs."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings

from integrations import keeping
from integrations.models import Incident, Lane, Notice

EVENTS = {
    Incident.Kind.ATTENTION: "connection.needs_attention",
    Incident.Kind.FAILING: "lane.failing",
    Incident.Kind.SILENT: "event.stopped",
    Incident.Kind.EXPIRING: "events.expiring",
}


@dataclass(frozen=True)
class Announcement:
    """A heading, the sentences below it, and the facts."""

    heading: str
    sentences: list[str]
    facts: dict[str, Any]

    @property
    def text(self) -> str:
        return " ".join([f"Sluice: {self.heading}.", *self.sentences])


def announcement(incident: Incident, moment: Notice.Moment, now: datetime) -> Announcement:
    """Put an incident into words; reads how much waits at this moment."""
    place = f"{incident.environment.assistant.name}, {incident.environment.label}"
    is_over = moment == Notice.Moment.ENDED
    heading = _heading(Incident.Kind(incident.kind), place)
    sentences = [incident.ending] if is_over else [_sentence(incident.cause), *_outlook(incident, now)]
    facts = {
        "event": EVENTS[Incident.Kind(incident.kind)],
        "is_over": is_over,
        "connection": str(incident.connection_id) if incident.connection_id else None,
        "assistant": incident.environment.assistant.name,
        "environment": incident.environment.name,
        "cause": incident.cause,
        "since": incident.began_at.isoformat(),
        "url": _url(incident),
    }
    return Announcement(f"Over: {heading}" if is_over else heading, sentences, facts)


def _sentence(text: str) -> str:
    """End what may be Segment's own words like a sentence."""
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _heading(kind: Incident.Kind, place: str) -> str:
    return {
        Incident.Kind.ATTENTION: f"the Segment connection of {place} needs attention",
        Incident.Kind.FAILING: f"Segment does not take the events of {place}",
        Incident.Kind.SILENT: f"an event of {place} has stopped coming",
        Incident.Kind.EXPIRING: f"events of {place} that wait will expire",
    }[kind]


def _outlook(incident: Incident, now: datetime) -> list[str]:
    """Say what happens next, and how much waits for it."""
    if incident.kind == Incident.Kind.SILENT:
        return [f"It came last at {incident.began_at:%Y-%m-%d %H:%M} UTC."]
    lane = _lane(incident)
    waiting = _waiting(lane.backlog if lane else 0)
    if incident.kind == Incident.Kind.ATTENTION:
        return [f"Nothing is sent until somebody has seen to it; {waiting}."]
    if incident.kind == Incident.Kind.FAILING:
        return [f"Sluice tries again by itself; {waiting}."]
    until = keeping.kept_until(lane, None, now) if lane else None
    return [f"From {until or now:%Y-%m-%d %H:%M} UTC on, what has not been sent by then expires; {waiting}."]


def _lane(incident: Incident) -> Lane | None:
    lanes = Lane.objects.with_oldest_waiting()
    if incident.lane_id:
        return lanes.filter(pk=incident.lane_id).first()
    return lanes.filter(connection=incident.connection_id, kind=Lane.Kind.LIVE).first()


def _waiting(backlog: int) -> str:
    return "1 event waits" if backlog == 1 else f"{backlog:,} events wait"


def _url(incident: Incident) -> str:
    if incident.connection_id:
        return f"{settings.SLUICE_BASE_URL}/connections/{incident.connection_id}/"
    return f"{settings.SLUICE_BASE_URL}/environments/{incident.environment.public_id}/"
