"""The debugger of one environment: its newest events with their fates, kept up to date while somebody looks."""

from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from urllib.parse import urlencode

from django import forms
from django.http import HttpResponse, HttpResponseBadRequest
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from assistants import log
from assistants.models import Environment
from dashboard.views.request import SignedInRequest, environment_or_404, render_form
from integrations import setup
from integrations.counts import RECEIVED
from integrations.fates import FATE_LABELS, OPEN, fates
from integrations.models import Connection, EventCount, Lane
from integrations.search import Found, Page, search

# A person waits for a page, and an open page asks for news every two seconds.
BUDGET_SECONDS = 0.3
# An open page asks again about its newest events whose fate will still change: so many at most, and no further back.
WATCHED_EVENTS = 50
WATCHED_REACH = 1_000
NAMES_OFFERED = 100
MAX_POSITION = 2**63 - 1


class EventFilter(forms.Form):
    """Which events to show: by a part of the name, by fate, below a position."""

    name = forms.CharField(
        max_length=200, required=False, widget=forms.TextInput(attrs={"list": "names", "autocomplete": "off"})
    )
    fate = forms.ChoiceField(choices=[("", "Any fate"), *FATE_LABELS.items()], required=False)
    before = forms.IntegerField(min_value=1, max_value=MAX_POSITION, required=False, widget=forms.HiddenInput)

    @property
    def asked(self) -> dict[str, str]:
        """What narrows the list, as an address says it."""
        return {field: self.cleaned_data[field] for field in ("name", "fate") if self.cleaned_data.get(field)}

    def search(self, environment: Environment, connection: Connection | None, *, after: int = 0) -> Page:
        return search(
            environment,
            connection,
            name=self.cleaned_data["name"],
            fate=self.cleaned_data["fate"],
            before=self.cleaned_data["before"],
            after=after,
            budget_seconds=BUDGET_SECONDS,
        )


class NewsFilter(EventFilter):
    """What an open page says of itself: up to where it is true, which events it watches, whether it is paused."""

    after = forms.IntegerField(min_value=0, max_value=MAX_POSITION)
    watch = forms.RegexField(r"^\d{1,18}(,\d{1,18})*$", required=False)
    paused = forms.BooleanField(required=False)
    turn = forms.ChoiceField(choices=[("pause", "Pause"), ("resume", "Resume")], required=False)

    @property
    def is_paused(self) -> bool:
        """As the person has just turned it, else as it was."""
        turn: str = self.cleaned_data["turn"]
        return turn == "pause" if turn else bool(self.cleaned_data["paused"])

    @property
    def watched(self) -> list[int]:
        return [int(position) for position in self.cleaned_data["watch"].split(",") if position][:WATCHED_EVENTS]


@dataclass(frozen=True)
class Live:
    """What an open page says of itself when it next asks for news."""

    asked: dict[str, str]
    after: int
    watch: str
    is_paused: bool = False


@require_safe
def events(request: SignedInRequest, public_id: str) -> HttpResponse:
    environment = environment_or_404(public_id)
    connection = setup.connected(environment)
    # Read before the events are: one that comes in between is shown here and not taken for shown.
    head = log.head(environment.pk)
    form = EventFilter(request.GET)
    page = form.search(environment, connection) if form.is_valid() else Page([], next_before=None)
    asked, before = form.asked, form.cleaned_data.get("before")
    context = {
        "environment": environment,
        "assistant": environment.assistant,
        "connection": connection,
        "page": page,
        "head": head,
        "names": _names(environment),
        "chips": _chips(asked),
        "newest_url": f"?{urlencode(asked)}",
        "older_url": f"?{urlencode({**asked, 'before': page.next_before})}" if page.next_before else "",
        "live": None if before or form.errors else Live(asked, _newest(head, page), _watch(page.found)),
    }
    return render_form(request, "debugger/list.html", form, **context)


@require_safe
def newer(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Answer an open page: the events behind the newest it has seen, and what became of those it watches."""
    environment = environment_or_404(public_id)
    form = NewsFilter(request.GET)
    if not form.is_valid():
        return HttpResponseBadRequest(form.errors.as_json(), content_type="application/json")
    connection = setup.connected(environment)
    after = form.cleaned_data["after"]
    head = log.head(environment.pk)
    page = form.search(environment, connection, after=after)
    watched = _watched(environment, connection, form.watched)
    shown = [] if form.is_paused else page.found
    context = {
        "environment": environment,
        "found": shown,
        "watched": watched,
        "gap_before": page.next_before if shown else None,
        "news": _news(page, head - after, is_filtered=bool(form.asked)),
        "was_turned": bool(form.cleaned_data["turn"]),
        "live": Live(
            form.asked,
            after if form.is_paused else _newest(head, page),
            _watch([*shown, *watched]),
            form.is_paused,
        ),
        "now": timezone.now(),
    }
    return render(request, "debugger/_newer.html", context)


def _chips(asked: dict[str, str]) -> list[tuple[str, str]]:
    """What narrows the list, in words, each with the address of the list without it."""
    words = {"name": "Name contains {}", "fate": "Fate: {}"}
    return [
        (
            words[field].format(FATE_LABELS.get(value, value)),
            f"?{urlencode({other: asked[other] for other in asked if other != field})}",
        )
        for field, value in asked.items()
    ]


def _newest(head: int, page: Page) -> int:
    return max(head, page.found[0].event.position if page.found else 0)


def _news(page: Page, behind: int, *, is_filtered: bool) -> str:
    """Say how many events came, as far as that is known without looking at each."""
    count = len(page.found) if is_filtered else behind
    if page.next_before and is_filtered:
        return f"more than {count:,} new events"
    return f"{count:,} new event{'' if count == 1 else 's'}" if count > 0 else ""


def _watch(shown: list[Found]) -> str:
    """Name the newest events whose fate will still change."""
    positions = sorted({found.event.position for found in shown if found.fate.code in OPEN}, reverse=True)
    return ",".join(str(position) for position in positions[:WATCHED_EVENTS])


def _watched(environment: Environment, connection: Connection | None, positions: list[int]) -> list[Found]:
    if not positions:
        return []
    near = islice(log.walk_back(environment.pk, before=max(positions) + 1), WATCHED_REACH)
    watched = [event for event in near if event.position in set(positions)]
    return [Found(event, fate) for event, fate in zip(watched, fates(connection, watched), strict=True)]


def _names(environment: Environment) -> list[str]:
    """The names that came in the last 24 hours, for the field to suggest."""
    lanes = Lane.objects.filter(environment=environment, kind=Lane.Kind.INDEX)
    counted = EventCount.objects.filter(
        lane__in=lanes, outcome=RECEIVED, minute__gte=timezone.now() - timedelta(hours=24)
    )
    return list(counted.order_by("name").values_list("name", flat=True).distinct()[:NAMES_OFFERED])
