"""One event in full: as it was received, as it is sent, and what became of it."""

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from assistants import log
from assistants.catalog.check import check
from assistants.messages import Event, pretty_json
from assistants.models import Environment
from dashboard.schema_words import deviation_words
from dashboard.views.request import SignedInRequest, environment_or_404
from integrations import replay, setup
from integrations.compose import OWN_SOURCES
from integrations.fates import as_sent, fates
from integrations.models import Connection, Delivery, Lane, Rejection
from integrations.terms import is_chosen

# An environment has few lanes; of those that ever passed the event, the newest matter.
LANES_ASKED = 5
DELIVERIES_READ = 200
DELIVERIES_SHOWN = 20


@require_safe
def event(request: SignedInRequest, public_id: str, position: int) -> HttpResponse:
    environment = environment_or_404(public_id)
    head = log.head(environment.pk)
    if not 0 < position <= head:
        raise Http404(f"No event has the position {position}.")
    connection = setup.connected(environment)
    found = log.find(environment.pk, position)
    context = {
        "environment": environment,
        "assistant": environment.assistant,
        "connection": connection,
        "position": position,
        "event": found,
        "fate": fates(connection, [found])[0] if found else None,
        "received": pretty_json(found.message) if found and found.message else "",
        "warnings": _warnings(found) if found else None,
        "sent": as_sent(connection, found) if connection and found and found.message else None,
        "deliveries": _deliveries(environment, position, found),
        "can_be_replayed": bool(found and connection and replay.is_settled(connection, position)),
        **_rejections(environment, connection, position),
        "older": position - 1,
        "newer": position + 1 if position < head else 0,
    }
    return render(request, "debugger/event.html", context)


def _warnings(found: Event) -> list[str] | None:
    """Say how the event differs from the catalog; None where it is not compared with it, as in the summary."""
    message = found.message
    if message is None or message.type != "track" or not message.event or found.source in OWN_SOURCES:
        return None
    return deviation_words(message.event, check(message))


def _rejections(environment: Environment, connection: Connection | None, position: int) -> dict[str, list[Rejection]]:
    """The event's rejections by this connection, the oldest first, and by earlier ones."""
    related = ("lane__connection", "replay__lane", "resolved_by", "resolved_in")
    all_of_them = Rejection.objects.filter(lane__environment=environment, position=position).select_related(*related)
    own: list[Rejection] = []
    earlier: list[Rejection] = []
    for rejection in all_of_them.order_by("pk"):
        (own if rejection.lane.connection == connection else earlier).append(rejection)
    return {"rejections": own, "earlier_rejections": earlier}


def _deliveries(environment: Environment, position: int, found: Event | None) -> list[Delivery]:
    """The attempts whose range held the position, the newest first; of replays, those that were to send the event."""
    lanes = Lane.objects.filter(environment=environment, connection__isnull=False, start__lt=position)
    covering = [
        delivery
        for lane in lanes.select_related("connection", "replay").order_by("-pk")[:LANES_ASKED]
        if found is None or is_chosen(lane, found)
        for delivery in _from_position(lane, position)
        if delivery.first_position <= position
    ]
    return sorted(covering, key=lambda delivery: delivery.pk, reverse=True)[:DELIVERIES_SHOWN]


def _from_position(lane: Lane, position: int) -> list[Delivery]:
    """A lane's attempts that ended at or behind a position, the nearest first, by the index on the last position."""
    attempts = Delivery.objects.filter(lane=lane, last_position__gte=position).order_by("last_position", "-pk")
    attempts = attempts.select_related("lane")
    return list(attempts[:DELIVERIES_READ])
