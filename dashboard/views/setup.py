"""The wizard: Connect, Select events, Review & Confirm, and what comes next."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeAlias

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from assistants import catalog
from assistants.models import Environment
from dashboard.event_rows import EventTable, event_table
from dashboard.extension_forms import ConnectForm, EventKey, EventsForm, event_key
from dashboard.views.integrations import setup_url, trail_to_integrations
from dashboard.views.request import UNPROCESSABLE, SignedInRequest, environment_or_404
from integrations import counts, options, samples, setup
from integrations.models import PendingSetup
from integrations.segment import regions
from integrations.setup import Step

STEPS = ((Step.CONNECT, "Connect"), (Step.EVENTS, "Select events"), (Step.REVIEW, "Review & Confirm"))
UNUSUAL_KEY = (
    "The Segment key does not look like most keys, which have 32 letters and digits. "
    "If you copied it whole, go on: this is a hint and nothing more."
)
StepView: TypeAlias = Callable[[SignedInRequest, PendingSetup], HttpResponse]
PageView: TypeAlias = Callable[[SignedInRequest, int, str], HttpResponse]


def wizard_step(step: Step) -> Callable[[StepView], PageView]:
    """Give a view the unfinished setup; lead elsewhere who has none, or has an earlier step to complete first."""

    def decorate(view: StepView) -> PageView:
        @wraps(view)
        def page(request: SignedInRequest, assistant_id: int, public_id: str) -> HttpResponse:
            environment = _environment_or_404(assistant_id, public_id)
            pending = setup.pending(environment)
            if pending is None:
                return _without_setup(environment)
            missing = setup.next_step(pending)
            if list(Step).index(missing) < list(Step).index(step):
                return redirect(setup_url(environment, missing))
            try:
                return view(request, pending)
            except setup.SetupError as error:
                messages.error(request, str(error))
                return redirect("integrations:list", assistant_id)

        return page

    return decorate


@sensitive_post_parameters("write_key")
@require_http_methods(["GET", "HEAD", "POST"])
@wizard_step(Step.CONNECT)
def connect(request: SignedInRequest, pending: PendingSetup) -> HttpResponse:
    action = request.POST.get("_action", "next")
    if request.method != "POST":
        return _connect_page(request, pending, _connect_form(pending))
    if action == "copy":
        setup.copy_from_draft(pending)
        messages.success(request, "Region, source name and events are copied from Draft. The Segment key is not.")
        return redirect(setup_url(pending.environment, Step.CONNECT))
    form = _connect_form(pending, request.POST, asks_host=action != "back")
    is_valid = form.is_valid()
    pending = _keep(pending, form)
    if action == "back":
        return redirect("extensions:overview", pending.environment.assistant_id)
    if not is_valid:
        return _connect_page(request, pending, form)
    if action == "test":
        return _connect_page(request, pending, _connect_form(pending), trial=setup.try_key(pending))
    if form.lacks_usual_shape:
        messages.warning(request, UNUSUAL_KEY)
    return redirect(setup_url(pending.environment, Step.EVENTS))


@require_http_methods(["GET", "HEAD", "POST"])
@wizard_step(Step.EVENTS)
def events(request: SignedInRequest, pending: PendingSetup) -> HttpResponse:
    if request.method != "POST":
        return _events_page(request, pending, EventsForm(), {(type_, name) for type_, name in pending.selection or ()})
    form = EventsForm(request.POST)
    action, _, family = request.POST.get("_action", "next").partition(":")
    # What was sent is shown again as it was sent, whether it is refused or only looked through.
    sent = {event_key(value) for value in request.POST.getlist("events")}
    if action in ("search", "tick", "untick"):
        return _events_page(request, pending, EventsForm(), _ticked(request, pending, sent, action, family))
    is_valid = form.is_valid()
    if action == "back":
        setup.save_events(pending, form.selection)
        return redirect(setup_url(pending.environment, Step.CONNECT))
    if not is_valid:
        return _events_page(request, pending, form, sent)
    setup.save_events(pending, form.selection)
    return redirect(setup_url(pending.environment, Step.REVIEW))


@require_http_methods(["GET", "HEAD", "POST"])
@wizard_step(Step.REVIEW)
def review(request: SignedInRequest, pending: PendingSetup) -> HttpResponse:
    environment = pending.environment
    if request.method != "POST":
        return _review_page(request, pending)
    if request.POST.get("_action") == "back":
        return redirect(setup_url(environment, Step.EVENTS))
    setup.finish(pending, by=request.user)
    return redirect(setup_url(environment, "done"))


@require_safe
def done(request: SignedInRequest, assistant_id: int, public_id: str) -> HttpResponse:
    environment = _environment_or_404(assistant_id, public_id)
    connection = setup.connected(environment)
    if connection is None:
        return _without_setup(environment)
    context = {**_frame(environment), "connection": connection, "samples": samples.sampled(connection)}
    return render(request, "setup/done.html", context)


@require_POST
@wizard_step(Step.CONNECT)
def cancel(request: SignedInRequest, pending: PendingSetup) -> HttpResponse:
    setup.cancel(pending, by=request.user)
    messages.success(request, f"The setup for {pending.environment.label} is cancelled. What you entered is deleted.")
    return redirect("integrations:list", pending.environment.assistant_id)


def _environment_or_404(assistant_id: int, public_id: str) -> Environment:
    environment = environment_or_404(public_id)
    if environment.assistant_id != assistant_id:
        raise Http404("This assistant has no such environment.")
    return environment


def _without_setup(environment: Environment) -> HttpResponse:
    """Where to go without an unfinished setup: to what came of it, else to where one begins."""
    if setup.connected(environment):
        return redirect(setup_url(environment, "done"))
    return redirect("extensions:overview", environment.assistant_id)


def _connect_form(pending: PendingSetup, *args: Any, asks_host: bool = True) -> ConnectForm:
    return ConnectForm(
        *args,
        key_is_kept=bool(pending.write_key),
        draft_key_last4=_draft_key_last4(pending),
        asks_host=asks_host,
        initial=_initial(pending),
    )


def _initial(pending: PendingSetup) -> dict[str, str]:
    kept = pending.settings
    return {
        "source_name": pending.source_name,
        "region": kept.get("region", "us"),
        "endpoint": kept.get("endpoint") or kept.get("unchecked_endpoint", ""),
    }


def _draft_key_last4(pending: PendingSetup) -> str:
    draft = setup.draft_connection(pending.environment)
    return draft.write_key_last4 if draft else ""


def _keep(pending: PendingSetup, form: ConnectForm) -> PendingSetup:
    """Keep whatever is valid: nobody has to enter a key again because of a mistake in the field below it."""
    valid = form.cleaned_data
    pending = setup.save_connect(
        pending,
        settings=form.destination or pending.settings,
        source_name=valid.get("source_name", pending.source_name),
        write_key=valid.get("write_key", ""),
    )
    return setup.reuse_draft_key(pending) if valid.get("reuse_key") else pending


def _connect_page(
    request: SignedInRequest, pending: PendingSetup, form: ConnectForm, *, trial: setup.Trial | None = None
) -> HttpResponse:
    context = {
        **_frame(pending.environment, Step.CONNECT),
        "form": form,
        "pending": pending,
        "trial": trial,
        "is_sandbox": pending.settings.get("region") == regions.SANDBOX,
        "can_copy": setup.draft_connection(pending.environment) is not None,
    }
    return render(request, "setup/connect.html", context, status=UNPROCESSABLE if form.errors else 200)


def _ticked(
    request: SignedInRequest, pending: PendingSetup, chosen: set[EventKey], action: str, slug: str
) -> set[EventKey]:
    """Tick or untick the rows of a family that are shown; what the page does without a script."""
    groups = _event_table(request, pending, chosen).groups
    values = set().union(*(group.keys for group in groups if group.family.slug == slug))
    keys = {event_key(value) for value in values}
    return {"tick": chosen | keys, "untick": chosen - keys}.get(action, chosen)


def _event_table(request: SignedInRequest, pending: PendingSetup, chosen: set[EventKey]) -> EventTable:
    return event_table(chosen, counts.received(pending.environment), query=request.POST.get("q", ""))


def _events_page(
    request: SignedInRequest, pending: PendingSetup, form: EventsForm, chosen: set[EventKey]
) -> HttpResponse:
    table = _event_table(request, pending, chosen)
    context = {
        **_frame(pending.environment, Step.EVENTS),
        "form": form,
        "table": table,
        "query": request.POST.get("q", ""),
        "status": f"{table.selected_count} of {table.total_count} events selected",
    }
    return render(request, "setup/events.html", context, status=UNPROCESSABLE if form.errors else 200)


def _review_page(request: SignedInRequest, pending: PendingSetup) -> HttpResponse:
    selection = {(type_, name) for type_, name in pending.selection or ()}
    context = {
        **_frame(pending.environment, Step.REVIEW),
        "pending": pending,
        "region": regions.label(pending.settings),
        "entries": [entry for entry in catalog.everything() if entry.key in selection],
        "standings": options.standings({}),
    }
    return render(request, "setup/review.html", context)


def _frame(environment: Environment, current: Step | None = None) -> dict[str, Any]:
    """What every step shows: where one is, and the way back to the steps that are done."""
    order = [step for step, _ in STEPS]
    position = order.index(current) if current else len(order)
    steps = [
        {
            "label": label,
            "state": "done" if index < position else "current" if index == position else "upcoming",
            "url": setup_url(environment, step) if current and index < position else "",
        }
        for index, (step, label) in enumerate(STEPS)
    ]
    return {
        "environment": environment,
        "assistant": environment.assistant,
        "steps": steps,
        "trail": [
            *trail_to_integrations(environment.assistant),
            ("Segment", reverse("extensions:overview", args=[environment.assistant_id])),
        ],
    }
