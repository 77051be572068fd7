"""The replays of a connection: those there were, one as it goes on, and a new one, looked at before it starts."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from dashboard.replay_forms import MAX_NAMES, RangeForm, RejectedForm, StartForm
from dashboard.replay_words import consequences, labelled, subject
from dashboard.views.connection_page import connection_frame, connection_or_404
from dashboard.views.request import SignedInRequest, posted, render_form
from integrations import connections, replay
from integrations.counts import RECEIVED
from integrations.models import Connection, EventCount, Lane, Rejection, Replay
from integrations.replay import ReplayError
from integrations.replay_preview import preview
from integrations.replay_standing import Standing, standings

PAGE_SIZE = 20
# A person waits for the page.
BUDGET_SECONDS = 1.0
NAMES_OF = timedelta(days=7)


@dataclass(frozen=True)
class Line:
    """One replay of the list."""

    standing: Standing
    subject: str


@require_safe
def listing(request: SignedInRequest, connection_id: UUID) -> HttpResponse:
    connection = connection_or_404(connection_id)
    page = request.GET.get("page", "")
    number = int(page) if page.isdecimal() and len(page) < 7 else 1
    start = (max(number, 1) - 1) * PAGE_SIZE
    found = list(_replays(connection)[start : start + PAGE_SIZE + 1])
    context = {
        **connection_frame(connection),
        "lines": [Line(its, subject(its.replay)) for its in standings(found[:PAGE_SIZE])],
        "newer_url": f"?{urlencode({'page': number - 1})}" if start else "",
        "older_url": f"?{urlencode({'page': number + 1})}" if len(found) > PAGE_SIZE else "",
    }
    return render(request, "replays/list.html", context)


@require_safe
def detail(request: SignedInRequest, connection_id: UUID, replay_id: UUID) -> HttpResponse:
    """Show a replay; htmx asks for its standing alone, every few seconds, until it has ended."""
    connection = connection_or_404(connection_id)
    shown = replay_or_404(connection, replay_id)
    its = standings([shown])[0]
    context = {
        **connection_frame(connection),
        "trail": trail_to_replays(connection),
        "replay": shown,
        "standing": its,
        "left_out": labelled(its.left_out),
        "unresolved": Rejection.objects.unresolved().filter(lane=shown.lane_id).count(),
    }
    if request.htmx:
        return render(request, "replays/_standing.html", context)
    begun_with = shown.lane.lane_versions.select_related("version").order_by("from_position")[0].version
    return render(request, "replays/detail.html", {**context, "subject": subject(shown), "begun_with": begun_with})


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: SignedInRequest, connection_id: UUID) -> HttpResponse:
    """Ask which events, show what would become of them, and start it; which ones stands in the address throughout."""
    connection = connection_or_404(connection_id)
    form = _scope_form(request, connection)
    context = {**connection_frame(connection), "trail": trail_to_replays(connection), **_reach(connection)}
    if not form.is_valid():
        return render_form(request, "replays/new.html", form, **context)
    start_form = StartForm(posted(request), environment=connection.environment)
    if start_form.is_valid():
        try:
            started = replay.start(
                connection,
                form.scope,
                has_new_ids=start_form.has_new_ids,
                by=request.user,
                reason=start_form.cleaned_data["reason"],
            )
        except ReplayError as error:
            start_form.add_error(None, str(error))
        else:
            messages.success(request, "The replay has started. You need not wait for it here.")
            return redirect("connections:replay", connection.pk, started.pk)
    found = preview(connection, form.scope, budget_seconds=BUDGET_SECONDS)
    return render_form(
        request,
        "replays/preview.html",
        start_form,
        **context,
        scope=form.scope,
        address=form.address,
        is_of_rejections=form.scope.rejections is not None,
        found=found,
        left_out=labelled(found.left_out),
        consequences=consequences(found),
        in_force=connections.version_in_force(connection),
    )


def replay_or_404(connection: Connection, replay_id: UUID) -> Replay:
    return get_object_or_404(_replays(connection), pk=replay_id)


def trail_to_replays(connection: Connection) -> list[tuple[str, str]]:
    """Return the breadcrumb's links above whatever belongs to a replay."""
    url = reverse("connections:replays", args=[connection.pk])
    return [*connection_frame(connection)["trail"], ("Replays", url)]


def _replays(connection: Connection) -> QuerySet[Replay]:
    """A connection's replays, the newest first, with what their standing needs."""
    replays = Replay.objects.filter(lane__connection=connection).select_related("lane__connection", "created_by")
    return replays.order_by("-lane_id")


def _scope_form(request: SignedInRequest, connection: Connection) -> RangeForm | RejectedForm:
    if RejectedForm.is_meant(request.GET):
        return RejectedForm(request.GET, connection=connection)
    return RangeForm(request.GET or None, connection=connection, names=_names(connection))


def _names(connection: Connection) -> list[str]:
    """The names that came lately, for people to choose from."""
    lanes = Lane.objects.filter(environment=connection.environment_id, kind=Lane.Kind.INDEX)
    counted = EventCount.objects.filter(lane__in=lanes, outcome=RECEIVED, minute__gte=timezone.now() - NAMES_OF)
    return list(counted.order_by("name").values_list("name", flat=True).distinct()[:MAX_NAMES])


def _reach(connection: Connection) -> dict[str, Any]:
    first, last = replay.reach(connection)
    return {"reach_first": first, "reach_last": last, "is_empty": first > last}
