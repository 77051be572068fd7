"""Erasing a person from an environment: asking for it, and how far what was asked for is."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from assistants import erasure
from dashboard.environment_forms import EraseForm
from dashboard.views.request import SignedInRequest, environment_or_404, posted, render_form

MOST = 20


@sensitive_post_parameters("user_id", "repeated")
@require_http_methods(["GET", "HEAD", "POST"])
def erase(request: SignedInRequest, public_id: str) -> HttpResponse:
    environment = environment_or_404(public_id)
    form = EraseForm(posted(request), environment=environment, stops_something=False)
    if form.is_valid():
        user_id, reason = form.cleaned_data["user_id"], form.cleaned_data["reason"]
        asked_for = erasure.request(environment, user_id, by=request.user, reason=reason)
        messages.success(request, f"The user {asked_for.fingerprint} will be erased within minutes.")
        return redirect("environments:erase", environment.public_id)
    return render_form(
        request,
        "environments/erase.html",
        form,
        environment=environment,
        assistant=environment.assistant,
        erasures=environment.erasures.select_related("requested_by")[:MOST],
    )
