"""Take away what has had its time: events, deliveries, counts, unfinished wizards, sessions, old wake-ups."""

import logging
import sqlite3
from contextlib import closing
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import transaction

from assistants.sources import retention as sources
from integrations import durations, retention
from integrations.models import Delivery, EventCount, Incident, Lane, PendingSetup, SchemaWarning

logger = logging.getLogger(__name__)

DELIVERY_DAYS = 7
DELIVERIES_PER_PASS = 10_000
SCHEMA_WARNING_DAYS = 30
SCHEMA_WARNINGS_PER_PASS = 10_000
INCIDENT_DAYS = 90
# No page looks further back; totals stay.
EVENT_COUNT_DAYS = 31


def run(now: datetime) -> None:
    """Prune everything that is due; may run twice at once."""
    PendingSetup.objects.filter(expires_at__lt=now).delete()
    retention.run(now)
    durations.sum_up(now)
    _prune_deliveries(now)
    _prune_event_counts(now)
    _prune_schema_warnings(now)
    Incident.objects.filter(ended_at__lt=now - timedelta(days=INCIDENT_DAYS)).delete()
    sources.drop_old(now)
    Session.objects.filter(expire_date__lt=now).delete()
    _prune_embedded_broker()


def _prune_deliveries(now: datetime) -> None:
    old = Delivery.objects.filter(at__lt=now - timedelta(days=DELIVERY_DAYS)).order_by("at")
    with transaction.atomic():
        # What another sweep is deleting at this moment is passed over: the two would wait for each other's rows.
        oldest = old.select_for_update(skip_locked=True).values_list("pk", flat=True)[:DELIVERIES_PER_PASS]
        Delivery.objects.filter(pk__in=list(oldest)).delete()


def _prune_event_counts(now: datetime) -> None:
    """Delete lane by lane, as the key begins with it; each pass takes what five minutes have added."""
    old = EventCount.objects.filter(minute__lt=now - timedelta(days=EVENT_COUNT_DAYS))
    for lane_id in Lane.objects.values_list("pk", flat=True):
        old.filter(lane_id=lane_id).delete()


def _prune_schema_warnings(now: datetime) -> None:
    old = SchemaWarning.objects.filter(last_at__lt=now - timedelta(days=SCHEMA_WARNING_DAYS)).order_by("pk")
    with transaction.atomic():
        oldest = old.select_for_update(skip_locked=True).values_list("pk", flat=True)[:SCHEMA_WARNINGS_PER_PASS]
        SchemaWarning.objects.filter(pk__in=list(oldest)).delete()


def _prune_embedded_broker() -> None:
    """Delete delivered messages: Kombu's SQLAlchemy transport only marks them."""
    prefix = "sqla+sqlite:///"
    if not settings.CELERY_BROKER_URL.startswith(prefix):
        return
    try:
        with closing(sqlite3.connect(settings.CELERY_BROKER_URL.removeprefix(prefix), timeout=5)) as broker, broker:
            _delete_delivered(broker)
    except sqlite3.Error as error:
        logger.warning("The embedded broker could not be pruned: %s", error)


def _delete_delivered(broker: sqlite3.Connection) -> None:
    if broker.execute("SELECT count(*) FROM sqlite_master WHERE name = 'kombu_message'").fetchone()[0]:
        broker.execute("DELETE FROM kombu_message WHERE visible = 0")
