"""The Celery tasks: a wake-up for a lane, and a sign of life."""

import contextlib
from datetime import UTC, datetime

from celery import shared_task

from assistants.log_context import on_lane
from integrations import delivery, leases, wake
from integrations.clients import segment_client
from integrations.health import WORKER
from integrations.models import Heartbeat, Lane


@shared_task(name=wake.RUN_LANE, ignore_result=True)
def run_lane_task(lane_id: int) -> None:
    """Take a turn at a lane, and ask for another one if there is more to do.

    The wake-up stays on the books until the turn is over, because the holder reads what comes meanwhile: without that,
    every append under load would send a worker to a lane that is held. Afterwards the lane is looked at once more, for
    an event that came behind the last read and whose wake-up was held back.
    """
    with on_lane(lane_id):
        _take_turn(lane_id)


def _take_turn(lane_id: int) -> None:
    progress = delivery.take_turn(lane_id, segment_client())
    if progress is None and leases.is_held(lane_id):
        return  # whoever holds it ends like this
    wake.clear(lane_id)
    if kind := Lane.objects.due().filter(pk=lane_id).values_list("kind", flat=True).first():
        with contextlib.suppress(wake.Broken):
            wake.wake(lane_id, is_live=kind == Lane.Kind.LIVE)


@shared_task(name=wake.HEARTBEAT, ignore_result=True)
def heartbeat_task(published_ms: int | None = None) -> None:
    """Show that a worker takes tasks from the broker, and how long this one took to come: as long as a wake-up does.

    `published_ms` is in milliseconds since 1970 by the publisher's clock, which may be a little ahead of this one.
    """
    now = datetime.now(UTC)
    lag_seconds = None if published_ms is None else max(0.0, now.timestamp() - published_ms / 1_000)
    Heartbeat.beat(WORKER, now, lag_seconds=lag_seconds)
