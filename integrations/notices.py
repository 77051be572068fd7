"""Tell the configured webhook that a connection needs attention: once per incident."""

import logging

import httpx
from django.conf import settings
from django.utils import timezone

from integrations.egress import guarded_client
from integrations.models import Connection
from integrations.transport import deadline

logger = logging.getLogger(__name__)
NOTICE_SECONDS = 10.0


def send_due() -> int:
    """Announce every incident that nobody was told of yet; return how many were. One that fails is tried again."""
    url = settings.SLUICE_ATTENTION_WEBHOOK
    if not url:
        return 0
    due = Connection.objects.needing_attention().filter(attention_notified_at__isnull=True)
    sent = 0
    for connection in due.select_related("environment__assistant"):
        if _post(url, _notice(connection)):
            Connection.objects.filter(pk=connection.pk, attention_at=connection.attention_at).update(
                attention_notified_at=timezone.now()
            )
            sent += 1
    return sent


def _notice(connection: Connection) -> dict[str, object]:
    """Compose a body that Slack shows as it is, with the facts beside it for programs."""
    place = f"{connection.environment.assistant.name}, {connection.environment.label}"
    return {
        "text": f"Sluice: the Segment connection of {place} needs attention. {connection.attention}",
        "event": "connection.needs_attention",
        "connection": str(connection.pk),
        "assistant": connection.environment.assistant.name,
        "environment": connection.environment.name,
        "cause": connection.attention,
        "since": connection.attention_at.isoformat() if connection.attention_at else None,
        "url": f"{settings.SLUICE_BASE_URL}/connections/{connection.pk}/",
    }


def _post(url: str, notice: dict[str, object]) -> bool:
    """Call the webhook and say whether it took the notice. Its answer is not read: nobody knows how long it is."""
    try:
        with (
            deadline(NOTICE_SECONDS),
            guarded_client(allow_private=settings.SLUICE_ALLOW_PRIVATE_ENDPOINTS, timeout=NOTICE_SECONDS) as client,
            client.stream("POST", url, json=notice) as answer,
        ):
            status, is_success = answer.status_code, answer.is_success
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        logger.warning("The attention webhook could not be called: %s", type(error).__name__)
        return False
    if not is_success:
        logger.warning("The attention webhook answered %d.", status)
    return is_success
