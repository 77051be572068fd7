"""The home page: every assistant with the state of its environments; what needs attention comes first."""

from dataclasses import dataclass

from django.core.paginator import Paginator
from django.db.models import Exists, OuterRef
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from assistants.models import Assistant, Environment
from dashboard.views.incidents import open_incidents
from dashboard.views.overview import Overview, overviews
from dashboard.views.request import SignedInRequest
from integrations.models import Connection

PAGE_SIZE = 25


@dataclass(frozen=True)
class Card:
    """One assistant with its environments."""

    assistant: Assistant
    overviews: list[Overview]


@require_safe
def home(request: SignedInRequest) -> HttpResponse:
    alarm = Connection.objects.needing_attention().filter(environment__assistant=OuterRef("pk"))
    assistants = Assistant.objects.present().annotate(has_alarm=Exists(alarm)).order_by("-has_alarm", "name")
    page = Paginator(assistants, PAGE_SIZE).get_page(request.GET.get("page"))
    cards = _cards(list(page.object_list))
    alarms = [overview for card in cards for overview in card.overviews if overview.needs_attention]
    incidents = open_incidents(overview.environment for card in cards for overview in card.overviews)
    return render(request, "home.html", {"cards": cards, "alarms": alarms, "incidents": incidents, "page": page})


def _cards(assistants: list[Assistant]) -> list[Card]:
    environments = Environment.objects.present().filter(assistant__in=assistants)
    of_assistant: dict[int, list[Overview]] = {assistant.pk: [] for assistant in assistants}
    for overview in overviews(environments.select_related("assistant", "log_head")):
        of_assistant[overview.environment.assistant_id].append(overview)
    return [Card(assistant, of_assistant[assistant.pk]) for assistant in assistants]
