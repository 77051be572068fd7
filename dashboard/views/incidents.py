"""What is amiss and not said by the state of a connection already: events that stopped, lanes that fail or expire."""

from collections.abc import Iterable

from assistants.models import Environment
from integrations.models import Incident

MOST = 10


def open_incidents(environments: Iterable[Environment]) -> list[Incident]:
    """Return the open incidents of some environments, the latest first; connections that need attention say so."""
    incidents = Incident.objects.filter(environment__in=[each.pk for each in environments], ended_at__isnull=True)
    told_elsewhere = incidents.exclude(kind=Incident.Kind.ATTENTION).select_related("environment__assistant")
    return list(told_elsewhere.order_by("-opened_at")[:MOST])
