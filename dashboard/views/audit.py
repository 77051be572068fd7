"""The audit trail: who changed what, where, when and why."""

from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlencode

from django import forms
from django.db.models import QuerySet
from django.http import HttpResponse
from django.views.decorators.http import require_safe

from assistants.models import Assistant, AuditEntry
from dashboard.views.request import SignedInRequest, render_form

PAGE_SIZE = 50
MAX_ID = 2**63 - 1

Choices = list[tuple[str, Any]]


@dataclass(frozen=True)
class Line:
    """One entry of the trail with its action in words."""

    entry: AuditEntry
    action: str
    details: str


def _places() -> Choices:
    """Every assistant with its environments, deleted ones too: what was done to them stays of interest."""
    choices: Choices = [("", "Everywhere")]
    for assistant in Assistant.objects.order_by("name").prefetch_related("environments"):
        name = f"{assistant.name} (deleted)" if assistant.deleted_at else assistant.name
        environments = [
            (f"environment-{environment.public_id}", f"{name}, {environment.label}")
            for environment in assistant.environments.all()
        ]
        choices.append((name, [(f"assistant-{assistant.pk}", name), *environments]))
    return choices


def _actions() -> Choices:
    actions = AuditEntry.objects.order_by("action").values_list("action", flat=True).distinct()
    return [("", "Every action"), *((action, in_words(action)) for action in actions)]


def in_words(action: str) -> str:
    """Read `ingest_key.revoked` as “Ingest key revoked”."""
    return action.replace("_", " ").replace(".", " ").capitalize()


def _details(details: dict[str, Any]) -> str:
    """Read {"changed": ["name", "language"], "region": ""} as “changed: name, language”."""
    told = {name.replace("_", " "): value for name, value in details.items() if value not in ("", [], None)}
    return " · ".join(
        f"{name}: {', '.join(map(str, value)) if isinstance(value, list) else value}" for name, value in told.items()
    )


class AuditFilter(forms.Form):
    """Which entries to show: of one assistant or environment, of one action, older than a given entry."""

    where = forms.ChoiceField(required=False)
    action = forms.ChoiceField(required=False)
    before = forms.IntegerField(min_value=1, max_value=MAX_ID, required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Choices given as a function would be asked for at each look at them.
        cast("forms.ChoiceField", self.fields["where"]).choices = _places()
        cast("forms.ChoiceField", self.fields["action"]).choices = _actions()

    def entries(self) -> QuerySet[AuditEntry]:
        """The entries asked for, the newest first; none at all where the question has errors."""
        if not self.is_valid():
            return AuditEntry.objects.none()
        entries = AuditEntry.objects.order_by("-pk").select_related("assistant", "environment__assistant")
        kind, _, key = self.cleaned_data["where"].partition("-")
        if kind == "assistant":
            entries = entries.filter(assistant=key)
        if kind == "environment":
            entries = entries.filter(environment__public_id=key)
        if action := self.cleaned_data["action"]:
            entries = entries.filter(action=action)
        if before := self.cleaned_data["before"]:
            entries = entries.filter(pk__lt=before)
        return entries

    @property
    def is_narrowed(self) -> bool:
        return bool(self.cleaned_data.get("where") or self.cleaned_data.get("action"))


@require_safe
def entries(request: SignedInRequest) -> HttpResponse:
    form = AuditFilter(request.GET)
    page = list(form.entries()[: PAGE_SIZE + 1])
    shown = page[:PAGE_SIZE]
    asked = {field: request.GET[field] for field in ("where", "action") if request.GET.get(field)}
    return render_form(
        request,
        "audit/list.html",
        form,
        lines=[Line(entry, in_words(entry.action), _details(entry.details)) for entry in shown],
        newest_url=f"?{urlencode(asked)}" if form.cleaned_data.get("before") else "",
        older_url=f"?{urlencode({**asked, 'before': shown[-1].pk})}" if len(page) > PAGE_SIZE else "",
    )
