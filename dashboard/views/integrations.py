"""The Integrations page of an assistant: add the Segment extension, open it in an environment, remove it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from assistants import catalog
from assistants.models import Assistant, Environment
from dashboard.extension_forms import EnvironmentChoiceForm, RemoveForm
from dashboard.views.overview import Status, overviews
from dashboard.views.request import SignedInRequest, assistant_or_404, render_form
from integrations import connections, setup
from integrations.models import Connection, PendingSetup


@dataclass(frozen=True)
class Place:
    """How the extension stands in one environment: connected, begun, or neither."""

    environment: Environment
    connection: Connection | None
    pending: PendingSetup | None
    status: Status


def setup_url(environment: Environment, step: str) -> str:
    """Return the address of a step of the wizard."""
    return reverse(f"setup:{step}", args=[environment.assistant_id, environment.public_id])


def trail_to_integrations(assistant: Assistant) -> list[tuple[str, str]]:
    """Return the breadcrumb's links above whatever belongs to an extension."""
    return [
        (assistant.name, reverse("assistants:detail", args=[assistant.pk])),
        ("Integrations", reverse("integrations:list", args=[assistant.pk])),
    ]


def places_of(assistant: Assistant) -> list[Place]:
    """Look at each environment of the assistant, draft first."""
    environments = assistant.environments.present().select_related("assistant", "log_head")
    begun = PendingSetup.objects.filter(environment__in=environments, expires_at__gt=timezone.now())
    pending = {row.environment_id: row for row in begun}
    return [
        Place(each.environment, each.connection, pending.get(each.environment.pk), each.status)
        for each in overviews(environments)
    ]


@require_safe
def page(request: SignedInRequest, assistant_id: int) -> HttpResponse:
    assistant = assistant_or_404(assistant_id)
    places = places_of(assistant)
    context = {
        "assistant": assistant,
        "trail": trail_to_integrations(assistant)[:1],
        "places": places,
        "is_added": any(place.connection or place.pending for place in places),
        "is_connected": any(place.connection for place in places),
        "is_unfinished": any(place.pending and not place.connection for place in places),
        "open_form": EnvironmentChoiceForm(
            environments=[place.environment for place in places], initial=_first(places)
        ),
        "remove_form": RemoveForm(name="DELETE", auto_id="id_remove_%s"),
    }
    return render(request, "integrations/page.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def overview(request: SignedInRequest, assistant_id: int) -> HttpResponse:
    """Describe the extension; POST adds it: the wizard for draft begins, or goes on where it was left."""
    assistant = assistant_or_404(assistant_id)
    places = places_of(assistant)
    draft = next(place for place in places if place.environment.kind == Environment.Kind.DRAFT)
    if request.method == "POST" and draft.connection:
        return redirect("extensions:open", assistant.pk)
    if request.method == "POST":
        pending = setup.begin(draft.environment, by=request.user)
        return redirect(setup_url(draft.environment, setup.next_step(pending)))
    context = {
        "assistant": assistant,
        "trail": trail_to_integrations(assistant),
        "draft": draft,
        "families": catalog.families(),
    }
    return render(request, "integrations/overview.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def open_extension(request: SignedInRequest, assistant_id: int) -> HttpResponse:
    """Ask for the environment, then go to its connection, or to the first incomplete step of its wizard."""
    assistant = assistant_or_404(assistant_id)
    places = places_of(assistant)
    environments = [place.environment for place in places]
    form = EnvironmentChoiceForm(
        request.POST if request.method == "POST" else None, environments=environments, initial=_first(places)
    )
    if request.method == "POST" and form.is_valid():
        chosen = next(place for place in places if place.environment.public_id == form.cleaned_data["environment"])
        try:
            return redirect(_opened(request, chosen))
        except setup.SetupError as error:
            form.add_error("environment", str(error))
    return render_form(
        request, "integrations/open.html", form, assistant=assistant, trail=trail_to_integrations(assistant)
    )


def _opened(request: SignedInRequest, place: Place) -> str:
    if place.connection:
        return reverse("connections:detail", args=[place.connection.pk])
    pending = setup.begin(place.environment, by=request.user)
    return setup_url(place.environment, setup.next_step(pending))


@require_http_methods(["GET", "HEAD", "POST"])
def remove(request: SignedInRequest, assistant_id: int) -> HttpResponse:
    """Remove the extension from every environment, once DELETE was typed."""
    assistant = assistant_or_404(assistant_id)
    form = RemoveForm(request.POST if request.method == "POST" else None, name="DELETE")
    if request.method == "POST" and form.is_valid():
        connections.remove_extension(
            assistant, connections.SEGMENT, by=request.user, reason=form.cleaned_data["reason"]
        )
        messages.success(request, f"Segment is removed from {assistant.name}. Nothing is sent to it any more.")
        return redirect("integrations:list", assistant.pk)
    return render_form(
        request, "integrations/remove.html", form, assistant=assistant, trail=trail_to_integrations(assistant)
    )


def _first(places: Sequence[Place]) -> dict[str, Any]:
    """Preselect what is unfinished, else draft."""
    unfinished = next((place for place in places if place.pending), places[0])
    return {"environment": unfinished.environment.public_id}
