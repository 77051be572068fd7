"""How long an environment's events are kept: never less than its retention, and for lanes that wait until all is told.

An event that a lane has not read when its retention ends expires, but only if people were told in time.
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Min, Q

from assistants import retention
from assistants.models import Assistant, Environment, LogTail
from integrations import expiry, firsts, rejections
from integrations.models import Connection, EventCount, EventTotal, Lane

# Senders repeat what they got no answer for within minutes, or hours; afterwards a repeat is a new event.
KEY_DAYS = 3
# What was deleted by mistake can be brought back by an operator for so long.
DELETED_DAYS = 1
PASSES = 20


def run(now: datetime) -> None:
    """Drop what has had its time, in every environment; may run twice at once."""
    expiry.look(now)
    for environment in Environment.objects.present():
        expiry.expire(environment, now)
        _drop_old(environment, now)
        rejections.drop_old(environment.pk)
    gone_before = now - timedelta(days=DELETED_DAYS)
    for environment in _deleted_before(gone_before):
        _delete(environment)
    Assistant.objects.filter(deleted_at__lt=gone_before, environments__isnull=True).delete()


def _drop_old(environment: Environment, now: datetime) -> None:
    keys_before = now - timedelta(days=min(KEY_DAYS, environment.retention_days))
    blocks_before = now - timedelta(days=environment.retention_days)
    for _ in range(PASSES):
        if not retention.drop_keys(environment.pk, received_before=keys_before):
            break
    for _ in range(PASSES):
        if not _drop_blocks(environment, received_before=blocks_before):
            break


def _drop_blocks(environment: Environment, *, received_before: datetime) -> int:
    with transaction.atomic():
        # Locked before the lanes are looked at: a replay that starts meanwhile begins behind what goes, or is seen.
        LogTail.objects.select_for_update().get(environment=environment)
        return retention.drop_blocks(environment.pk, received_before=received_before, up_to=_read_by_all(environment))


def _read_by_all(environment: Environment) -> int:
    """Return the position that every lane has passed: what a paused one has not read stays until it expires."""
    lanes = Lane.objects.open().filter(environment=environment)
    position: int | None = lanes.aggregate(lowest=Min("cursor"))["lowest"]
    return position or 0


def _deleted_before(moment: datetime) -> list[Environment]:
    return list(Environment.objects.filter(Q(deleted_at__lt=moment) | Q(assistant__deleted_at__lt=moment)))


def _delete(environment: Environment) -> None:
    """Delete an environment with all that it holds; the audit trail stays."""
    with transaction.atomic():
        retention.drop_log(environment)
        lane_ids = list(Lane.objects.filter(environment=environment).values_list("pk", flat=True))
        EventCount.objects.filter(lane_id__in=lane_ids).delete()
        EventTotal.objects.filter(lane_id__in=lane_ids).delete()
        connections = Connection.objects.filter(environment=environment)
        firsts.forget(connections.values_list("pk", flat=True))
        connections.delete()
        environment.delete()
