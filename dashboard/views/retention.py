"""How long an environment's events are kept, and changing that."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from assistants import lifecycle
from dashboard.environment_forms import RetentionForm
from dashboard.views.request import SignedInRequest, environment_or_404, posted, render_form
from integrations.keeping import NOTICE


@require_http_methods(["GET", "HEAD", "POST"])
def change(request: SignedInRequest, public_id: str) -> HttpResponse:
    environment = environment_or_404(public_id)
    form = RetentionForm(
        posted(request),
        environment=environment,
        stops_something=False,
        initial={"days": environment.retention_days},
    )
    if form.is_valid():
        days = form.cleaned_data["days"]
        lifecycle.change_retention(environment, days, by=request.user, reason=form.cleaned_data["reason"])
        messages.success(request, f"Events are now kept for {days} day{'' if days == 1 else 's'}.")
        return redirect("environments:detail", environment.public_id)
    return render_form(
        request,
        "environments/retention.html",
        form,
        environment=environment,
        assistant=environment.assistant,
        notice_days=NOTICE.days,
    )
