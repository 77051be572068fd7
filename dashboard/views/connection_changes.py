"""Changes to a connection as a whole: pause, resume, disconnect, another key or region."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from dashboard.extension_forms import ChangeForm, PaceForm, SettingsForm
from dashboard.views.connection_page import conflict, connection_frame, connection_or_404
from dashboard.views.request import SignedInRequest, posted, render_form
from integrations import connections
from integrations.models import Connection, PacingGroup


@dataclass(frozen=True)
class Change:
    """A change that takes no input but a reason: its words, and whether a flow of events ends."""

    title: str
    text: str
    button: str
    done: str
    stops_something: bool
    is_danger: bool = False


PAUSE = Change(
    title="Pause sending",
    text="Nothing is lost: events are kept and wait until you resume, up to the end of the retention.",
    button="Pause",
    done="Sending is paused. Events are kept and wait.",
    stops_something=True,
)
RESUME = Change(
    title="Resume sending",
    text="Sending goes on where it stopped, beginning with the oldest event that waits.",
    button="Resume",
    done="Sending goes on where it stopped.",
    stops_something=False,
)
DISCONNECT = Change(
    title="Disconnect this environment",
    text="Nothing of this environment is sent to Segment any more, not even what waits now. Other environments stay as "
    "they are. Connecting again begins with the events that come from then on.",
    button="Disconnect",
    done="This environment is disconnected from Segment.",
    stops_something=True,
    is_danger=True,
)


@require_http_methods(["GET", "HEAD", "POST"])
def pause(request: SignedInRequest, connection_id: UUID) -> HttpResponse:
    return _change(request, connection_id, PAUSE, connections.pause)


@require_http_methods(["GET", "HEAD", "POST"])
def resume(request: SignedInRequest, connection_id: UUID) -> HttpResponse:
    return _change(request, connection_id, RESUME, connections.resume)


@require_http_methods(["GET", "HEAD", "POST"])
def disconnect(request: SignedInRequest, connection_id: UUID) -> HttpResponse:
    return _change(request, connection_id, DISCONNECT, connections.disconnect)


def _change(request: SignedInRequest, connection_id: UUID, change: Change, act: Callable[..., None]) -> HttpResponse:
    connection = connection_or_404(connection_id)
    form = ChangeForm(
        request.POST if request.method == "POST" else None,
        environment=connection.environment,
        stops_something=change.stops_something,
    )
    if request.method != "POST" or not form.is_valid():
        return render_form(request, "connections/change.html", form, change=change, **connection_frame(connection))
    act(connection, by=request.user, reason=form.cleaned_data["reason"])
    messages.success(request, change.done)
    if change is DISCONNECT:
        return redirect("integrations:list", connection.environment.assistant_id)
    return redirect("connections:detail", connection.pk)


@sensitive_post_parameters("write_key")
@require_http_methods(["GET", "HEAD", "POST"])
def change_settings(request: SignedInRequest, connection_id: UUID) -> HttpResponse:
    connection = connection_or_404(connection_id)
    form = SettingsForm(
        request.POST if request.method == "POST" else None,
        environment=connection.environment,
        stops_something=True,
        key_is_kept=True,
        initial={"source_name": connection.source_name, **connection.settings, "seen": _seen(connection)},
    )
    if request.method != "POST" or not form.is_valid():
        return render_form(request, "connections/settings.html", form, **connection_frame(connection))
    with transaction.atomic():
        current = Connection.objects.select_for_update().get(pk=connection.pk)
        if _seen(current) != form.cleaned_data["seen"]:
            return conflict(request, connection)
        connections.change_destination(
            current,
            settings=form.destination,
            source_name=form.cleaned_data["source_name"],
            write_key=form.cleaned_data["write_key"] or None,
            by=request.user,
            reason=form.cleaned_data["reason"],
        )
    messages.success(
        request, "The settings are saved. Everything not yet sent goes there; send a test event to see it."
    )
    return redirect("connections:detail", connection.pk)


@require_http_methods(["GET", "HEAD", "POST"])
def change_pace(request: SignedInRequest, connection_id: UUID) -> HttpResponse:
    connection = connection_or_404(connection_id)
    group = connection.pacing_group
    form = PaceForm(
        posted(request),
        environment=connection.environment,
        stops_something=False,
        initial={
            "per_second": group.requests_per_second if group else connection.requests_per_second,
            "group": group.name if group else "",
        },
    )
    if not form.is_valid():
        groups = PacingGroup.objects.order_by("name")
        return render_form(request, "connections/pace.html", form, groups=groups, **connection_frame(connection))
    connections.set_pace(
        connection,
        per_second=form.cleaned_data["per_second"],
        group_name=form.cleaned_data["group"],
        by=request.user,
        reason=form.cleaned_data["reason"],
    )
    messages.success(request, "The pace is saved. It holds from the next request on.")
    return redirect("connections:detail", connection.pk)


def _seen(connection: Connection) -> str:
    """Sum up the settings a form was made from, so that a form made from others is noticed."""
    facts = [connection.settings, connection.source_name, connection.write_key_fingerprint]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
