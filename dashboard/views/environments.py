"""One environment: its ingest keys, how to send to it, what intake refused, where its events go."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import User
from django.db.models import F, Max, Sum
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from assistants import keys, lifecycle
from assistants.models import Environment, IngestKey, Refusal
from dashboard.assistant_forms import EnvironmentForm, IngestKeyForm, ReasonForm, TypedNameForm
from dashboard.views.incidents import open_incidents
from dashboard.views.overview import overviews
from dashboard.views.request import (
    SignedInRequest,
    environment_or_404,
    further_environment_or_404,
    name_is_free,
    posted,
    render_form,
)
from dashboard.views.schema_check import warned_of
from dashboard.views.snippets import KEY_VARIABLE, key_export, page_snippets, snippets
from dashboard.views.source_page import in_use

REFUSALS_SHOWN = timedelta(days=7)


@dataclass(frozen=True)
class RefusalSum:
    """The latest refusal of one source for one reason, and how many items there were of its kind."""

    latest: Refusal
    total: int


@require_safe
def detail(request: SignedInRequest, public_id: str) -> HttpResponse:
    environment = environment_or_404(public_id)
    return render_form(request, "environments/detail.html", IngestKeyForm(), **_page(environment))


@sensitive_variables("shown")
@require_POST
def create_key(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Answer with the new key in the page itself: behind a redirect it would have to be kept somewhere readable."""
    environment = environment_or_404(public_id)
    form = IngestKeyForm(request.POST)
    shown: dict[str, Any] = {}
    if form.is_valid():
        shown = _create_key(environment, form, by=request.user)
        form = IngestKeyForm()
    if request.htmx:
        return render_form(request, "environments/_keys.html", form, **_keys(environment), **shown)
    return render_form(request, "environments/detail.html", form, **_page(environment), **shown)


@require_http_methods(["GET", "HEAD", "POST"])
def revoke_key(request: SignedInRequest, public_id: str, key_id: str) -> HttpResponse:
    environment = environment_or_404(public_id)
    key = get_object_or_404(IngestKey.objects.select_related("environment"), environment=environment, public_id=key_id)
    form = ReasonForm(posted(request))
    if form.is_valid():
        keys.revoke_ingest_key(key, by=request.user, reason=form.cleaned_data["reason"])
        messages.success(request, f"The key {key.public_id} is revoked. Whoever still presents it gets the answer 401.")
        return redirect("environments:detail", environment.public_id)
    return render_form(request, "environments/revoke_key.html", form, **_frame(environment), key=key)


@require_http_methods(["GET", "HEAD", "POST"])
def rename(request: SignedInRequest, public_id: str) -> HttpResponse:
    environment = further_environment_or_404(public_id)
    # A form writes into the row it is given; the heading goes on naming the environment as it is.
    form = EnvironmentForm(posted(request), instance=further_environment_or_404(public_id))
    if form.is_valid():
        with name_is_free(form):
            lifecycle.rename_environment(environment, name=form.cleaned_data["name"], by=request.user)
            messages.success(request, f"The environment is now named {form.cleaned_data['name']}.")
            return redirect("environments:detail", environment.public_id)
    return render_form(request, "environments/rename.html", form, **_frame(environment))


@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: SignedInRequest, public_id: str) -> HttpResponse:
    environment = further_environment_or_404(public_id)
    form = TypedNameForm(posted(request), name=environment.name)
    if form.is_valid():
        lifecycle.delete_environment(environment, by=request.user, reason=form.cleaned_data["reason"])
        messages.success(request, f"The environment {environment.name} is deleted. Nothing of it is sent any more.")
        return redirect("assistants:detail", environment.assistant_id)
    return render_form(request, "environments/delete.html", form, **_frame(environment))


def _frame(environment: Environment) -> dict[str, Any]:
    return {"environment": environment, "assistant": environment.assistant}


@sensitive_variables("key")
def _create_key(environment: Environment, form: IngestKeyForm, *, by: User) -> dict[str, Any]:
    """Create the key that is asked for and return what the page shows of it."""
    label, origins = form.cleaned_data["label"], form.cleaned_data["origins"]
    if form.is_for_browsers:
        return {"new_browser_key": keys.create_browser_key(environment, label=label, origins=origins, by=by)}
    key = keys.create_ingest_key(environment, label=label, by=by)
    return {"new_key": key, "key_export": key_export(key)}


def _page(environment: Environment) -> dict[str, Any]:
    ingest_keys = _keys(environment)
    return {
        **ingest_keys,
        "overview": overviews([environment])[0],
        "incidents": open_incidents([environment]),
        "sources": in_use(environment),
        "refusals": _refusals(environment),
        "refusals_days": REFUSALS_SHOWN.days,
        "warned": warned_of(environment),
        "snippets": snippets(),
        "page_snippets": page_snippets(_newest_browser_key(ingest_keys["keys"])),
        "key_variable": KEY_VARIABLE,
        "base_url": settings.SLUICE_BASE_URL,
    }


def _keys(environment: Environment) -> dict[str, Any]:
    by_state = environment.ingest_keys.order_by(F("revoked_at").desc(nulls_first=True), "-created_at")
    return {**_frame(environment), "keys": list(by_state)}


def _newest_browser_key(ingest_keys: list[IngestKey]) -> str:
    """Return the text of the browser key that was created last; nothing where none is active."""
    return next((key.browser_text for key in ingest_keys if key.is_active and key.is_browser_key), "")


def _refusals(environment: Environment) -> list[RefusalSum]:
    """One line for each source and code, the latest first."""
    rows = Refusal.objects.filter(environment=environment, last_at__gte=timezone.now() - REFUSALS_SHOWN)
    groups = rows.values("source", "code").annotate(total=Sum("count"), latest=Max("pk"))
    totals = {group["latest"]: group["total"] for group in groups}
    return [RefusalSum(refusal, totals[refusal.pk]) for refusal in Refusal.objects.filter(pk__in=totals)]
