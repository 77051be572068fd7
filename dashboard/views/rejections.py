"""The rejections of a connection: which events Segment refused and why, what became of them, discarding."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.template.defaultfilters import pluralize
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from assistants.messages import Event
from dashboard.rejection_forms import MAX_ID, DiscardForm, RejectionChoice
from dashboard.views.connection_page import connection_frame, connection_or_404
from dashboard.views.request import SignedInRequest, posted, render_form
from integrations import rejections
from integrations.models import Connection, Rejection, RejectionQuerySet
from integrations.rejections import REASON_LABELS

# Each row's event is looked up by itself.
PAGE_SIZE = 25
SAMPLES_SHOWN = 5
UNRESOLVED, RESOLVED = "unresolved", "resolved"


@dataclass(frozen=True)
class Row:
    """One rejection with its event, as far as that is kept."""

    rejection: Rejection
    event: Event | None

    @property
    def reason(self) -> str:
        return REASON_LABELS.get(self.rejection.reason, self.rejection.reason)


class RejectionFilter(forms.Form):
    """Which rejections to list: open or resolved ones, those like one of them, below an ID."""

    state = forms.ChoiceField(choices=[(UNRESOLVED, "Unresolved"), (RESOLVED, "Resolved")], required=False)
    like = forms.IntegerField(min_value=1, max_value=MAX_ID, required=False)
    before = forms.IntegerField(min_value=1, max_value=MAX_ID, required=False)

    @property
    def asked(self) -> dict[str, Any]:
        """What narrows the list, as an address says it."""
        return {field: self.cleaned_data[field] for field in ("state", "like") if self.cleaned_data.get(field)}

    @property
    def is_resolved(self) -> bool:
        return self.cleaned_data.get("state") == RESOLVED


@require_safe
def listing(request: SignedInRequest, connection_id: UUID) -> HttpResponse:
    connection = connection_or_404(connection_id)
    form = RejectionFilter(request.GET)
    of_connection = Rejection.objects.of(connection)
    like = of_connection.filter(pk=form.cleaned_data["like"]).first() if form.is_valid() else None
    page = list(_matching(of_connection, form, like)[: PAGE_SIZE + 1])
    shown = page[:PAGE_SIZE]
    older = {**form.asked, "before": shown[-1].pk} if len(page) > PAGE_SIZE else {}
    return render_form(
        request,
        "rejections/list.html",
        form,
        **connection_frame(connection),
        groups=rejections.groups(connection),
        unresolved=of_connection.unresolved().count(),
        resolved=of_connection.exclude(resolved_at__isnull=True).count(),
        is_resolved=form.is_resolved,
        like=like,
        rows=_rows(connection, shown),
        newest_url=f"?{urlencode(form.asked)}" if form.cleaned_data.get("before") else "",
        older_url=f"?{urlencode(older)}" if older else "",
    )


@require_http_methods(["GET", "HEAD", "POST"])
def discard(request: SignedInRequest, connection_id: UUID) -> HttpResponse:
    """Ask why before anything is discarded; what is chosen stands in the address, and in the form."""
    connection = connection_or_404(connection_id)
    choice = RejectionChoice(posted(request) or request.GET)
    chosen = choice.chosen(connection)
    form = DiscardForm(posted(request), environment=connection.environment)
    if not form.is_valid():
        count = chosen.count()
        return render_form(
            request,
            "rejections/discard.html",
            form,
            **{**connection_frame(connection), "trail": trail_to_rejections(connection)},
            choice=choice,
            count=count,
            rows=_rows(connection, list(chosen.order_by("-pk")[:SAMPLES_SHOWN])),
            more=max(count - SAMPLES_SHOWN, 0),
        )
    count = rejections.discard(connection, chosen, by=request.user, reason=form.cleaned_data["reason"])
    messages.success(request, f"{count:,} rejected event{pluralize(count)} discarded.")
    return redirect("connections:rejections", connection.pk)


def trail_to_rejections(connection: Connection) -> list[tuple[str, str]]:
    """Return the breadcrumb's links above whatever is done to rejections."""
    url = reverse("connections:rejections", args=[connection.pk])
    return [*connection_frame(connection)["trail"], ("Rejections", url)]


def _matching(of_connection: RejectionQuerySet, form: RejectionFilter, like: Rejection | None) -> RejectionQuerySet:
    """Return the rejections asked for, the newest first; none where the question has errors."""
    if form.errors:
        return of_connection.none()
    matching = of_connection.exclude(resolved_at__isnull=True) if form.is_resolved else of_connection.unresolved()
    if like:
        matching = matching.like(like)
    if before := form.cleaned_data["before"]:
        matching = matching.filter(pk__lt=before)
    return matching.select_related("replay__lane", "resolved_by", "resolved_in").order_by("-pk")


def _rows(connection: Connection, shown: list[Rejection]) -> list[Row]:
    events = rejections.events_at(connection.environment_id, [rejection.position for rejection in shown])
    return [Row(rejection, events.get(rejection.position)) for rejection in shown]
