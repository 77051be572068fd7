"""What the pages of a connection share: which one an address names, their frame, and the answer to a stale form."""

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from assistants.models import Environment
from dashboard.views.integrations import trail_to_integrations
from dashboard.views.request import SignedInRequest
from integrations.models import Connection

CONFLICT = 409


def connection_or_404(connection_id: UUID) -> Connection:
    present = Connection.objects.present().filter(environment__assistant__deleted_at__isnull=True)
    related = ("environment__assistant", "environment__log_head", "confirmed_by", "pacing_group")
    return get_object_or_404(present.select_related(*related), pk=connection_id)


def connection_frame(connection: Connection) -> dict[str, Any]:
    environment = connection.environment
    return {
        "connection": connection,
        "environment": environment,
        "assistant": environment.assistant,
        "is_live": environment.kind == Environment.Kind.LIVE,
        "trail": [
            *trail_to_integrations(environment.assistant),
            (f"Segment in {environment.label}", reverse("connections:detail", args=[connection.pk])),
        ],
    }


def conflict(request: SignedInRequest, connection: Connection) -> HttpResponse:
    return render(request, "connections/conflict.html", connection_frame(connection), status=CONFLICT)
