"""Take away what has had its time: unfinished wizards, old deliveries, read wake-ups of the embedded broker."""

import sqlite3
from datetime import datetime, timedelta

from django.conf import settings

from integrations.models import Delivery, PendingSetup

DELIVERY_DAYS = 7
DELIVERIES_PER_PASS = 10_000


def run(now: datetime) -> None:
    """Prune everything that is due; may run twice at once."""
    PendingSetup.objects.filter(expires_at__lt=now).delete()
    _prune_deliveries(now)
    _prune_embedded_broker()


def _prune_deliveries(now: datetime) -> None:
    old = Delivery.objects.filter(at__lt=now - timedelta(days=DELIVERY_DAYS)).order_by("at")
    Delivery.objects.filter(pk__in=list(old.values_list("pk", flat=True)[:DELIVERIES_PER_PASS])).delete()


def _prune_embedded_broker() -> None:
    """Delete delivered messages: Kombu's SQLAlchemy transport only marks them."""
    prefix = "sqla+sqlite:///"
    if not settings.CELERY_BROKER_URL.startswith(prefix):
        return
    with sqlite3.connect(settings.CELERY_BROKER_URL.removeprefix(prefix), timeout=5) as broker:
        tables = broker.execute("SELECT count(*) FROM sqlite_master WHERE name = 'kombu_message'").fetchone()
        if tables[0]:
            broker.execute("DELETE FROM kombu_message WHERE visible = 0")
