"""One connection: how it stands, what it sends, where to, and everything a person can do to it."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect, retarget

from assistants import catalog
from assistants.catalog.entry import Entry
from assistants.models import Environment
from dashboard.event_rows import event_table
from dashboard.extension_forms import SwitchForm, event_key
from dashboard.views.connection_page import conflict, connection_frame, connection_or_404
from dashboard.views.integrations import trail_to_integrations
from dashboard.views.overview import overviews
from dashboard.views.request import SignedInRequest, render_form
from integrations import connections, counts, health, options, pace
from integrations.compose import ACCEPTED
from integrations.connections import StaleVersionError
from integrations.counts import EXPIRED, REJECTED
from integrations.models import Connection, Rejection
from integrations.segment import regions


@require_safe
def detail(request: SignedInRequest, connection_id: UUID) -> HttpResponse:
    """Show everything; htmx asks for the state alone, every few seconds."""
    connection = connection_or_404(connection_id)
    if request.htmx:
        return render(request, "connections/_state.html", _state(connection))
    context = {
        **_state(connection),
        **_events(connection, query=request.GET.get("q", "")),
        "trail": trail_to_integrations(connection.environment.assistant),
        "region": regions.label(connection.settings),
        "pace": pace.per_second(connection),
    }
    return render(request, "connections/detail.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def switch_event(request: SignedInRequest, connection_id: UUID) -> HttpResponse:
    """Switch one event on or off, for everything not yet sent; in live only from the page that asks for the reason."""
    connection = connection_or_404(connection_id)
    asked = request.POST if request.method == "POST" else request.GET
    form = SwitchForm(
        request.POST if request.method == "POST" else None,
        environment=connection.environment,
        stops_something=asked.get("is_on") != "true",
        initial=asked.dict(),
    )
    entry = catalog.find(*event_key(asked.get("event", "")))
    if entry is None or asked.get("is_on") not in ("true", "false"):
        messages.error(
            request, "This switch belongs to an event that the catalog does not have. Use one of those below."
        )
        return redirect("connections:detail", connection.pk)
    if (
        request.method == "POST"
        and connection.environment.kind == Environment.Kind.LIVE
        and "reason" not in request.POST
    ):
        page = f"{request.path}?{urlencode({name: asked.get(name, '') for name in ('event', 'is_on', 'version')})}"
        return HttpResponseClientRedirect(page) if request.htmx else redirect(page)
    if request.method != "POST" or not form.is_valid():
        return render_form(
            request,
            "connections/switch_event.html",
            form,
            entry=entry,
            is_on=asked["is_on"] == "true",
            **connection_frame(connection),
        )
    return _switch(request, connection, form, entry)


def _switch(request: SignedInRequest, connection: Connection, form: SwitchForm, entry: Entry) -> HttpResponse:
    wanted = form.cleaned_data
    selection = connections.selection_of(connection)
    changed = selection | {entry.key} if wanted["is_on"] else selection - {entry.key}
    # A switch pressed twice finds that all is as it should be, and needs no version.
    if changed != selection:
        try:
            connections.select_events(
                connection, changed, by=request.user, expected_number=wanted["version"], reason=wanted["reason"]
            )
        except StaleVersionError:
            return conflict(request, connection)
    note = f"{entry.title} is {'on' if wanted['is_on'] else 'off'}, for everything not yet sent."
    if not request.htmx:
        messages.success(request, note)
        return redirect("connections:detail", connection.pk)
    response = render(request, "connections/_events.html", {**_events(connection), "note": note})
    # The whole table: each switch in it carries the version that is in force now.
    response.headers["HX-Reswap"] = "morph:outerHTML"
    return retarget(response, "#connection-events")


@require_POST
def send_test(request: SignedInRequest, connection_id: UUID) -> HttpResponse:
    connection = connection_or_404(connection_id)
    nonce = connections.send_test_event(connection, by=request.user)
    messages.success(request, f"A test event with the nonce {nonce} is on its way.")
    return redirect("connections:detail", connection.pk)


@require_POST
def confirm(request: SignedInRequest, connection_id: UUID) -> HttpResponse:
    """Keep that the person saw the test event of the page they looked at, if it is still the last one."""
    connection = connection_or_404(connection_id)
    if connection.test_accepted_at and request.POST.get("nonce") == connection.test_nonce:
        connections.confirm_seen(connection, by=request.user)
        messages.success(request, "Thank you. The page now says that you saw it, and when.")
    else:
        messages.error(request, "There is another test event by now, or none. Look for the one named below.")
    return redirect("connections:detail", connection.pk)


def _state(connection: Connection) -> dict[str, Any]:
    ends = counts.outcomes(connection)
    accepted, rejected, _ = (ends.pop(outcome, 0) for outcome in (ACCEPTED, REJECTED, EXPIRED))
    return {
        **connection_frame(connection),
        "status": overviews([connection.environment])[0].status,
        "lane": health.lane_state(connection),
        "accepted": accepted,
        "rejected": rejected,
        "left_out": sum(ends.values()),
        "unresolved": Rejection.objects.of(connection).unresolved().count(),
        "is_sandbox": connection.settings["region"] == regions.SANDBOX,
        "test_event": connections.TEST_EVENT,
        "is_testing": bool(connection.test_sent_at and not connection.test_accepted_at),
    }


def _events(connection: Connection, *, query: str = "") -> dict[str, Any]:
    version = connections.version_in_force(connection)
    table = event_table(
        {(type_, name) for type_, name in version.selection},
        counts.received(connection.environment),
        query=query,
        toggle_url=reverse("connections:switch_event", args=[connection.pk]),
        version=version.number,
    )
    return {
        **connection_frame(connection),
        "in_force": version,
        "table": table,
        "query": query,
        "standings": options.standings(version.options),
    }
