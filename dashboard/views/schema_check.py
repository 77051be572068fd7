"""How an environment's events differ from the catalog, summed up over a day, a week or a month."""

from datetime import timedelta

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from assistants.models import Environment
from dashboard.schema_words import Warned, warned
from dashboard.views.request import SignedInRequest, environment_or_404
from integrations import schema_warnings

PERIODS = {"1": "Last 24 hours", "7": "Last 7 days", "30": "Last 30 days"}


@require_safe
def warnings(request: SignedInRequest, public_id: str) -> HttpResponse:
    environment = environment_or_404(public_id)
    asked = request.GET.get("days", "")
    days = asked if asked in PERIODS else "1"
    context = {
        "environment": environment,
        "assistant": environment.assistant,
        "warned": warned_of(environment, days=int(days)),
        "most": schema_warnings.MAX_SUMMARIES,
        "periods": [(value, label, value == days) for value, label in PERIODS.items()],
    }
    return render(request, "environments/schema_check.html", context)


def warned_of(environment: Environment, *, days: int = 1) -> list[Warned]:
    """Return how the environment's events differed from the catalog in the last days, the latest first."""
    now = timezone.now()
    return warned(schema_warnings.summaries(environment, since=now - timedelta(days=days)), now=now)
