"""What became of an event on its way to Segment: derived from positions and versions, stored nowhere."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec
from django.db.models import Q

from assistants.messages import Event
from integrations import firsts
from integrations.compose import OWN_FAULT, Composed, Terms, compose_one, marks_of
from integrations.models import Connection, Lane, LaneVersion, Rejection
from integrations.occurrences import ONCE_PER_VISITOR, Record
from integrations.terms import compose_terms, replay_terms

ACCEPTED = "accepted"
REJECTED = "rejected"
DISCARDED = "discarded"
WAITING = "waiting"
SENDING = "sending"
RETRYING = "retrying"
PAUSED = "paused"
EXPIRED = "expired"
BEFORE_START = "before_start"
NOT_CONNECTED = "not_connected"
# Outcomes that a lane has reached; the others are on the way, or none of a lane's business.
OPEN = frozenset({WAITING, SENDING, RETRYING, PAUSED})

FATE_LABELS = {
    WAITING: "Waiting",
    SENDING: "Sending",
    RETRYING: "Retrying",
    PAUSED: "Waiting, paused",
    ACCEPTED: "Accepted by Segment",
    REJECTED: "Rejected by Segment",
    DISCARDED: "Rejected, discarded",
    "event_not_selected": "Not selected",
    "no_user_id": "No user ID",
    "no_user_anon_id": "No user ID or anonymous ID",
    "event_not_defined": "No event name",
    "event_not_string": "Event name is no text",
    "id_required": "An ID is missing",
    "id_not_string": "An ID is no text",
    "properties_not_object": "Properties are no object",
    "traits_not_object": "Traits are no object",
    "message_too_large": "Too large",
    "schema_fault": "Differs from the catalog",
    ONCE_PER_VISITOR: "Sent before for this visitor",
    "erased": "Erased",
    "unreadable": "Unreadable",
    OWN_FAULT: "Sluice failed at it",
    EXPIRED: "Expired",
    BEFORE_START: "Before the connection",
    NOT_CONNECTED: "Not connected",
}
EXPLANATIONS = {
    WAITING: "It is behind the cursor and will be sent as soon as a worker gets to it.",
    SENDING: "It is part of the batch that is being sent at this moment.",
    RETRYING: "Segment could not be reached or asked to wait; the same batch is sent again.",
    PAUSED: "The connection does not send for now. Nothing is lost; it goes on where it stopped.",
    ACCEPTED: "Segment answered 200. That proves that Segment took the request, not that the write key is right.",
    REJECTED: "Segment refused this one event for good, while it accepted others beside it.",
    DISCARDED: "Segment refused this one event for good, and somebody decided to leave it at that.",
    "event_not_selected": "This event was switched off when its turn came.",
    "no_user_id": "This event goes to Segment only with a user ID, and it has none.",
    "no_user_anon_id": "Segment drops events that have neither a user ID nor an anonymous ID.",
    "event_not_defined": "A track call needs the name of its event.",
    "event_not_string": "The name of an event must be a text.",
    "id_required": "A group call needs groupId, an alias call needs previousId and userId.",
    "id_not_string": "User ID and anonymous ID must be texts or numbers.",
    "properties_not_object": "Segment refuses messages whose properties are not an object.",
    "traits_not_object": "Segment refuses messages whose traits are not an object.",
    "message_too_large": "Segment takes at most 32,768 bytes a message.",
    "schema_fault": "Properties are missing or of a wrong type; the connection is set to leave such events out.",
    ONCE_PER_VISITOR: "This event goes once for each visitor, and for this one it went before.",
    "erased": "The person was erased; the position stays, empty.",
    "unreadable": "The stored bytes are damaged and cannot be read; restore them from a backup.",
    OWN_FAULT: "Sluice itself failed when it was to be sent; its log says why. Once that is mended, replay it.",
    EXPIRED: "Its retention ended while it waited, after people were told that it would; it was not sent.",
    BEFORE_START: "It was received before the connection was made; connections begin with the next event.",
    NOT_CONNECTED: "No extension is connected in this environment.",
}
TONES = {
    ACCEPTED: "success",
    REJECTED: "error",
    EXPIRED: "error",
    RETRYING: "warning",
    PAUSED: "warning",
    SENDING: "info",
    WAITING: "info",
}


@dataclass(frozen=True)
class Fate:
    """What became of one event: a code, the words for it, an explanation, and how it is shown."""

    code: str
    label: str
    detail: str
    tone: str


def fates(connection: Connection | None, events: Iterable[Event]) -> list[Fate]:
    """Say what became of each event on its way to a connection; without one all are not connected.

    That is what the live lane did with it, unless a replay got it accepted afterwards.
    """
    events = list(events)
    if connection is None:
        return [fate(NOT_CONNECTED) for _ in events]
    judge = Judge(connection, events)
    return [judge.fate_of(event) for event in events]


def fate(code: str, *, detail: str = "") -> Fate:
    """Return the words for a code."""
    return Fate(code, FATE_LABELS[code], detail or EXPLANATIONS[code], TONES.get(code, "neutral"))


def as_sent(connection: Connection, event: Event) -> str | None:
    """Return the message as it is sent, or would be, as JSON for people; None where it is left out.

    Where the visitor is made known by it, the call that does so comes first.
    """
    composed = Judge(connection, [event]).compose(event)
    if composed.reason:
        return None
    return "\n".join(msgspec.json.format(body, indent=2).decode() for body in composed.messages)


class _LaneJudge:
    """One lane as it is now, with what is needed to say what it does with the events of a page."""

    def __init__(self, connection: Connection, lane: Lane, events: Sequence[Event]) -> None:
        self.lane = lane
        versions = list(LaneVersion.objects.filter(lane=lane).select_related("version").order_by("from_position"))
        self.from_positions = [version.from_position for version in versions]
        self.terms = [self._terms(compose_terms(connection, version.version), events) for version in versions]
        positions = [event.position for event in events]
        self.expired = list(
            lane.expired_ranges.filter(
                first_position__lte=max(positions, default=0), last_position__gte=min(positions, default=0)
            )
        )
        marks = [mark for event in events for mark in marks_of(event, self.terms_at(event.position))]
        self.record = Record(firsts.load(connection.pk, marks))

    def _terms(self, terms: Terms, events: Sequence[Event]) -> Terms:
        if self.lane.kind != Lane.Kind.REPLAY or not events:
            return terms
        behind = min(event.position for event in events) - 1
        return replay_terms(terms, self.lane.replay, self.lane, behind=behind, last_position=None)[0]

    def terms_at(self, position: int) -> Terms:
        return self.terms[max(0, bisect_right(self.from_positions, position) - 1)]

    def compose(self, event: Event) -> Composed:
        """Compose an event as its turn did, or will by what is on record now."""
        return compose_one(event, self.terms_at(event.position), self.record)

    def has_expired(self, position: int) -> bool:
        return any(gone.first_position <= position <= gone.last_position for gone in self.expired)

    def has_sent(self, event: Event) -> bool:
        """Say whether it has passed an event that it had to send."""
        has_passed = self.lane.start < event.position <= self.lane.cursor
        return has_passed and not self.has_expired(event.position) and not self.compose(event).reason


class Judge:
    """A connection's live lane and its replays, with what is needed to judge a page of events."""

    def __init__(self, connection: Connection, events: Sequence[Event]) -> None:
        self.connection = connection
        positions = [event.position for event in events]
        first, last = min(positions, default=0), max(positions, default=0)
        passed = Q(kind=Lane.Kind.REPLAY, start__lt=last, cursor__gte=first)
        lanes = connection.lanes.filter(passed | Q(kind=Lane.Kind.LIVE)).select_related("replay")
        self.live, *replays = (_LaneJudge(connection, lane, events) for lane in lanes.order_by("kind", "pk"))
        self.lane = self.live.lane
        self.replays = replays[::-1]
        rejections = Rejection.objects.of(connection).filter(position__gte=first, position__lte=last)
        self.rejections: dict[int, list[Rejection]] = {}
        for rejection in rejections.select_related("resolved_by", "resolved_in", "replay__lane").order_by("pk"):
            self.rejections.setdefault(rejection.position, []).append(rejection)

    def compose(self, event: Event) -> Composed:
        """Compose an event as it was sent; where the live lane leaves it out, as a replay sent it."""
        composed = self.live.compose(event)
        replays = self._accepting(self.replays, event) if composed.reason else []
        return replays[0].compose(event) if replays else composed

    def accepted_by(self, event: Event) -> list[Lane]:
        """Return the lanes that sent an event and of which Segment took it."""
        return [judge.lane for judge in self._accepting([self.live, *self.replays], event)]

    def fate_of(self, event: Event) -> Fate:
        rejections = self.rejections.get(event.position, [])
        reason = self._reason(event)
        was_rejected = any(rejection.lane_id == self.lane.pk for rejection in rejections)
        if not reason and not was_rejected:
            return fate(ACCEPTED) if event.position <= self.lane.cursor else self._on_its_way(event.position)
        if replays := self._accepting(self.replays, event):
            at_first = FATE_LABELS[REJECTED if was_rejected else reason]
            moment = replays[0].lane.replay.moment
            return fate(ACCEPTED, detail=f"{at_first} at first, then sent by the replay of {moment}.")
        return _rejected(rejections[-1]) if rejections else fate(reason)

    def _reason(self, event: Event) -> str:
        """Say why the live lane did not send an event, or will not; nothing where it did or will."""
        if event.position <= self.lane.start:
            return BEFORE_START
        return EXPIRED if self.live.has_expired(event.position) else self.live.compose(event).reason

    def _accepting(self, judges: Sequence["_LaneJudge"], event: Event) -> list["_LaneJudge"]:
        refused_by = {rejection.lane_id for rejection in self.rejections.get(event.position, [])}
        return [judge for judge in judges if judge.has_sent(event) and judge.lane.pk not in refused_by]

    def _on_its_way(self, position: int) -> Fate:
        if self.connection.status != Connection.Status.ACTIVE:
            return fate(PAUSED)
        if self.lane.next_attempt_at is not None:
            return fate(RETRYING, detail=f"{EXPLANATIONS[RETRYING]} Last answer: {self.lane.last_error}")
        if self.lane.in_flight_to is not None and position <= self.lane.in_flight_to:
            return fate(SENDING)
        return fate(WAITING)


def _rejected(rejection: Rejection) -> Fate:
    """Say what the latest rejection of an event ended in."""
    answered = f"Segment answered {rejection.status}: {rejection.answer}"
    if rejection.resolution == Rejection.Resolution.DISCARDED:
        who, why = rejection.resolved_by or "Somebody", rejection.resolution_reason
        return fate(DISCARDED, detail=f"{answered}. {who} discarded it: {why}")
    if rejection.replay and rejection.is_in_replay:
        return fate(REJECTED, detail=f"{answered}. It waits in the replay of {rejection.replay.moment}.")
    return fate(REJECTED, detail=answered)
