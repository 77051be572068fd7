"""Assistants: create, look at, change, delete; and further environments of one."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from assistants import lifecycle
from assistants.models import Assistant, Environment, IngestKey
from dashboard.assistant_forms import AssistantForm, EnvironmentForm, TypedNameForm
from dashboard.views.overview import overviews
from dashboard.views.request import SignedInRequest, assistant_or_404, name_is_free, posted, render_form


@require_http_methods(["GET", "HEAD", "POST"])
def create(request: SignedInRequest) -> HttpResponse:
    form = AssistantForm(posted(request))
    if form.is_valid():
        with name_is_free(form):
            assistant = lifecycle.create_assistant(by=request.user, **form.values)
            messages.success(request, f"{assistant.name} is created, with a draft and a live environment.")
            return redirect("assistants:detail", assistant.pk)
    return render_form(request, "assistants/create.html", form)


@require_safe
def detail(request: SignedInRequest, assistant_id: int) -> HttpResponse:
    assistant = assistant_or_404(assistant_id)
    environments = assistant.environments.present().select_related("assistant", "log_head")
    context = {"assistant": assistant, "overviews": overviews(environments)}
    return render(request, "assistants/detail.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: SignedInRequest, assistant_id: int) -> HttpResponse:
    assistant = assistant_or_404(assistant_id)
    # A form writes into the row it is given; what changed is told from a row that it has not touched.
    form = AssistantForm(posted(request), instance=assistant_or_404(assistant_id))
    if form.is_valid():
        with name_is_free(form):
            lifecycle.change_assistant(assistant, by=request.user, **form.values)
            messages.success(request, "The changes are saved.")
            return redirect("assistants:detail", assistant.pk)
    return render_form(request, "assistants/edit.html", form, assistant=assistant)


@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: SignedInRequest, assistant_id: int) -> HttpResponse:
    assistant = assistant_or_404(assistant_id)
    form = TypedNameForm(posted(request), name=assistant.name)
    if form.is_valid():
        lifecycle.delete_assistant(assistant, by=request.user, reason=form.cleaned_data["reason"])
        messages.success(request, f"{assistant.name} is deleted. Its keys no longer work and nothing of it is sent.")
        return redirect("home")
    return render_form(request, "assistants/delete.html", form, assistant=assistant, **_what_stops(assistant))


def _what_stops(assistant: Assistant) -> dict[str, Any]:
    environments = overviews(assistant.environments.present().select_related("assistant", "log_head"))
    return {
        "active_keys": IngestKey.objects.filter(environment__assistant=assistant, revoked_at__isnull=True).count(),
        "connected": [overview for overview in environments if overview.connection],
        "backlog": sum(overview.backlog for overview in environments),
    }


@require_http_methods(["GET", "HEAD", "POST"])
def add_environment(request: SignedInRequest, assistant_id: int) -> HttpResponse:
    assistant = assistant_or_404(assistant_id)
    form = EnvironmentForm(posted(request), instance=Environment(assistant=assistant))
    if form.is_valid():
        with name_is_free(form):
            environment = lifecycle.add_environment(assistant, name=form.cleaned_data["name"], by=request.user)
            messages.success(
                request, f"The environment {environment.name} is added. Create an ingest key to send to it."
            )
            return redirect("environments:detail", environment.public_id)
    return render_form(request, "assistants/add_environment.html", form, assistant=assistant)
