"""What the built-in recorder took in Segment's place."""

import json
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlencode

from django import forms
from django.db.models import QuerySet
from django.http import HttpResponse
from django.views.decorators.http import require_safe

from dashboard.views.request import SignedInRequest, render_form
from integrations.models import Connection, SandboxMessage
from integrations.sandbox import KEPT_MESSAGES

PAGE_SIZE = 50
MAX_ID = 2**63 - 1


@dataclass(frozen=True)
class Recorded:
    """One message that the recorder took, with whose it was where that is known."""

    row: SandboxMessage
    message: dict[str, Any]
    sender: str

    @property
    def name(self) -> str:
        """What people call it: the event's name, the page's name, or the type."""
        return str(self.message.get("event") or self.message.get("name") or self.message.get("type", "").capitalize())

    @property
    def user(self) -> str:
        return str(self.message.get("userId") or self.message.get("anonymousId") or "")


def _senders() -> dict[str, str]:
    """Connections by the fingerprint of their write key: the recorder knows a sender by nothing else."""
    connections = Connection.objects.filter(settings__region="sandbox").select_related("environment__assistant")
    return {
        connection.write_key_fingerprint: f"{connection.environment.assistant.name}, {connection.environment.label}"
        for connection in connections.order_by("created_at")
    }


class SandboxFilter(forms.Form):
    """Which messages to show: those of one connection, older than a given one."""

    sender = forms.ChoiceField(required=False)
    before = forms.IntegerField(min_value=1, max_value=MAX_ID, required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, senders: dict[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        cast("forms.ChoiceField", self.fields["sender"]).choices = [("", "Every connection"), *senders.items()]

    def messages(self) -> QuerySet[SandboxMessage]:
        """The messages asked for, the newest first; none at all where the question has errors."""
        if not self.is_valid():
            return SandboxMessage.objects.none()
        messages = SandboxMessage.objects.order_by("-pk")
        if sender := self.cleaned_data["sender"]:
            messages = messages.filter(write_key_fingerprint=sender)
        if before := self.cleaned_data["before"]:
            messages = messages.filter(pk__lt=before)
        return messages

    @property
    def is_narrowed(self) -> bool:
        return bool(self.cleaned_data.get("sender"))


@require_safe
def messages(request: SignedInRequest) -> HttpResponse:
    senders = _senders()
    form = SandboxFilter(request.GET, senders=senders)
    rows = list(form.messages()[: PAGE_SIZE + 1])
    shown = rows[:PAGE_SIZE]
    asked = {"sender": form.cleaned_data["sender"]} if form.is_narrowed else {}
    return render_form(
        request,
        "sandbox/list.html",
        form,
        recorded=[Recorded(row, json.loads(row.body), senders.get(row.write_key_fingerprint, "")) for row in shown],
        has_senders=bool(senders),
        kept_messages=KEPT_MESSAGES,
        newest_url=f"?{urlencode(asked)}" if form.cleaned_data.get("before") else "",
        older_url=f"?{urlencode({**asked, 'before': shown[-1].pk})}" if len(rows) > PAGE_SIZE else "",
    )
