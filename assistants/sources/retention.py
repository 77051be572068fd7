"""How long what sources leave behind is kept: payloads, counts, conversations, parts of environments that are gone."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet

from assistants.models import Conversation, HeldPart, SourcePayload, SourceTally

PAYLOADS_KEPT = 200
PAYLOAD_DAYS = 3
TALLY_DAYS = 30
# A conversation that rests for so long is over; a later message begins another one.
CONVERSATION_DAYS = 30
# A pass stays short, so that neither a lock nor a transaction lasts.
ROWS_PER_PASS = 10_000


def drop_old(now: datetime) -> None:
    """Delete what has had its time, no more than a pass's share; may run twice at once."""
    _drop(SourcePayload.objects.filter(received_at__lt=now - timedelta(days=PAYLOAD_DAYS)))
    _drop_all_but_the_newest_payloads()
    _drop(SourceTally.objects.filter(hour__lt=now - timedelta(days=TALLY_DAYS)))
    _drop(Conversation.objects.filter(updated_at__lt=now - timedelta(days=CONVERSATION_DAYS)), by="updated_at")
    gone = Q(environment__deleted_at__isnull=False) | Q(environment__assistant__deleted_at__isnull=False)
    _drop(HeldPart.objects.filter(gone))


def _drop_all_but_the_newest_payloads() -> None:
    for environment_id, kind in SourcePayload.objects.order_by().values_list("environment_id", "kind").distinct():
        payloads = SourcePayload.objects.filter(environment_id=environment_id, kind=kind).order_by("-pk")
        oldest_kept = payloads.values_list("pk", flat=True)[PAYLOADS_KEPT - 1 : PAYLOADS_KEPT].first()
        if oldest_kept is not None:
            _drop(payloads.filter(pk__lt=oldest_kept))


def _drop(rows: "QuerySet[Any]", *, by: str = "pk") -> None:
    """Delete rows, a pass's share of them in the order of `by`."""
    last = rows.order_by(by).values_list(by, flat=True)[ROWS_PER_PASS - 1 : ROWS_PER_PASS].first()
    share = rows if last is None else rows.filter(**{f"{by}__lte": last})
    share.delete()
