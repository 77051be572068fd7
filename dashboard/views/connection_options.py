"""How a connection sends what is selected: its options, a sample of each event, and its events as a tracking plan."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.template.defaultfilters import pluralize
from django.views.decorators.http import require_http_methods, require_safe

from assistants import catalog
from assistants.catalog.entry import Entry
from assistants.catalog.tracking_plan import tracking_plan
from dashboard.extension_forms import ChangeForm, OptionsForm, event_value
from dashboard.views.connection_page import conflict, connection_frame, connection_or_404
from dashboard.views.downloads import json_file
from dashboard.views.request import SignedInRequest, posted, render_form
from integrations import connections, samples, shape
from integrations.connections import StaleVersionError
from integrations.models import Connection, ConnectionVersion
from integrations.options import ONCE, once_entries
from integrations.segment import regions


@require_http_methods(["GET", "HEAD", "POST"])
def change_options(request: SignedInRequest, connection_id: UUID) -> HttpResponse:
    connection = connection_or_404(connection_id)
    version = connections.version_in_force(connection)
    form = OptionsForm(
        posted(request),
        environment=connection.environment,
        entries=_countable(connection, version),
        initial={
            **version.options,
            ONCE: [event_value(entry.key) for entry in once_entries(version.options)],
            "version": version.number,
        },
    )
    if not form.is_valid():
        return render_form(request, "connections/options.html", form, **connection_frame(connection))
    try:
        connections.select_events(
            connection,
            connections.selection_of(connection),
            by=request.user,
            options=_options(version, form),
            expected_number=form.cleaned_data["version"],
            reason=form.cleaned_data["reason"],
        )
    except StaleVersionError:
        return conflict(request, connection)
    messages.success(request, "The options are saved, for everything not yet sent.")
    return redirect("connections:detail", connection.pk)


@require_http_methods(["GET", "HEAD", "POST"])
def send_samples(request: SignedInRequest, connection_id: UUID) -> HttpResponse:
    """Ask first: what is sent here arrives in the real source, and in whatever is connected to it."""
    connection = connection_or_404(connection_id)
    form = ChangeForm(posted(request), environment=connection.environment, stops_something=False)
    if not form.is_valid():
        return render_form(
            request,
            "connections/samples.html",
            form,
            entries=samples.sampled(connection),
            sample_user=samples.SAMPLE_USER,
            region=regions.label(connection.settings),
            is_sandbox=connection.settings["region"] == regions.SANDBOX,
            **connection_frame(connection),
        )
    sent = samples.send(connection, by=request.user, reason=form.cleaned_data["reason"])
    messages.success(request, _told(connection, sent))
    return redirect("connections:detail", connection.pk)


@require_safe
def plan(request: SignedInRequest, connection_id: UUID) -> JsonResponse:
    """Serve the selected events, as this connection sends them, as rules for a tracking plan."""
    connection = connection_or_404(connection_id)
    version = connections.version_in_force(connection)
    selection = connections.selection_of(connection)
    rules = tracking_plan(
        (entry for entry in catalog.everything() if entry.key in selection),
        properties_of=lambda entry: shape.properties_sent(entry, version.options),
    )
    environment = connection.environment
    return json_file(rules, name=f"tracking-plan-{environment.assistant.name}-{environment.name}")


def _options(version: ConnectionVersion, form: OptionsForm) -> dict[str, Any]:
    """Return the options as they will be: what the form does not ask about stays as it is."""
    chosen = {**version.options, **form.options}
    return chosen if chosen.get(ONCE) else {name: value for name, value in chosen.items() if name != ONCE}


def _countable(connection: Connection, version: ConnectionVersion) -> list[Entry]:
    """Return the events that may go once for each visitor: named ones that are selected, and those that do so now."""
    chosen = connections.selection_of(connection) | {entry.key for entry in once_entries(version.options)}
    return [entry for entry in catalog.entries() if entry.key in chosen and entry.type == "track"]


def _told(connection: Connection, sent: samples.Sent) -> str:
    count = len(sent.entries)
    if not count:
        return "No event is selected of which there could be a sample. Nothing was sent."
    waits = "" if connection.status == Connection.Status.ACTIVE else " They wait until you resume."
    return (
        f"{count} sample{pluralize(count)} of the user {samples.SAMPLE_USER}, one of each selected event, "
        f"{pluralize(count, 'is,are')} on the way.{waits} Their message IDs were made from {sent.nonce}."
    )
