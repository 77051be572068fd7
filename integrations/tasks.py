"""The Celery tasks: a wake-up for a lane, and a sign of life."""

import contextlib
from datetime import UTC, datetime

from celery import shared_task

from integrations import delivery, wake
from integrations.clients import segment_client
from integrations.health import WORKER
from integrations.models import Heartbeat


@shared_task(name=wake.RUN_LANE, ignore_result=True)
def run_lane_task(lane_id: int) -> None:
    """Take a turn at a lane, and ask for another one if there is more to do."""
    # Before the lane is read: an event that comes later publishes a wake-up of its own.
    wake.clear(lane_id)
    if delivery.run_lane(lane_id, segment_client()):
        with contextlib.suppress(wake.Broken):
            wake.wake(lane_id)


@shared_task(name=wake.HEARTBEAT, ignore_result=True)
def heartbeat_task() -> None:
    """Show that a worker takes tasks from the broker."""
    Heartbeat.beat(WORKER, datetime.now(UTC))
