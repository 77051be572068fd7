"""The sweep: finds work that nobody was woken for, does it itself where nobody else does; tells, derives and prunes.

It needs no broker. Two sweeps do no harm: leases keep them apart, and everything else may run twice.
"""

import contextlib
import logging
import time
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection

from assistants.intake.wholes import WHOLES_PER_TRANSACTION, derive_due
from assistants.log_context import on_lane
from assistants.memory import spare_garbage_collection
from assistants.models import Environment
from integrations import delivery, erase, lanes, notices, prune, rollup, silence, wake, watch
from integrations.clients import segment_client
from integrations.health import SWEEP
from integrations.models import Heartbeat, Lane

logger = logging.getLogger(__name__)

# A lane that stays due for so long has no worker, whatever the broker says.
PATIENCE = timedelta(seconds=10)
HEARTBEAT_EVERY = timedelta(seconds=15)
PRUNE_EVERY = timedelta(minutes=5)
ROLLUP_EVERY = timedelta(hours=1)
NEVER = datetime.min.replace(tzinfo=UTC)
# What is complete becomes events as soon as that, however long a sweep waits for the next one.
DERIVE_EVERY_SECONDS = 0.25
# It reads two weeks of counts.
SILENCE_EVERY = timedelta(hours=1)


class Sweep:
    """One sweep process; `run_once` is one pass."""

    def __init__(self) -> None:
        self._due_since: dict[int, datetime] = {}
        self._notices = notices.Notices()
        self._next_heartbeat = self._next_prune = self._next_silence = self._next_rollup = NEVER

    def run_for_ever(self) -> None:
        """Sweep until the process is stopped; a database that is away only delays the next pass."""
        spare_garbage_collection()
        while True:
            next_at = time.monotonic() + settings.SLUICE_SWEEP_SECONDS
            try:
                self.run_once(datetime.now(UTC))
                _derive_until(next_at)
            except DatabaseError as error:
                logger.warning("A sweep was cut short: %s", type(error).__name__)
                connection.close()
            time.sleep(max(0.0, next_at - time.monotonic()))

    def run_once(self, now: datetime) -> None:
        """Count new environments, move lanes, send notices, derive what is complete, erase, and at times prune."""
        for environment in Environment.objects.present().exclude(lanes__kind=Lane.Kind.INDEX):
            lanes.start_index_lane(environment)
        self._move_lanes(now)
        self._tell(now)
        Heartbeat.beat(SWEEP, now)
        if now >= self._next_heartbeat:
            self._next_heartbeat = now + HEARTBEAT_EVERY
            _ask_for_heartbeat(now)
        derive_due(now)
        erase.go_on(now)
        if now >= self._next_prune:
            self._next_prune = now + PRUNE_EVERY
            prune.run(now)
        if now >= self._next_rollup:
            self._next_rollup = now + ROLLUP_EVERY
            rollup.run(now)

    def _tell(self, now: datetime) -> None:
        """Look for what is amiss, and tell people of it."""
        watch.look(now)
        if now >= self._next_silence:
            self._next_silence = now + SILENCE_EVERY
            silence.look(now)
        self._notices.send_due(now)

    def _move_lanes(self, now: datetime) -> None:
        due = dict(Lane.objects.due().order_by("pk").values_list("pk", "kind"))
        self._due_since = {lane_id: self._due_since.get(lane_id, now) for lane_id in due}
        for lane_id, kind in due.items():
            if not self._woken(lane_id, now, is_live=kind == Lane.Kind.LIVE):
                _run_lane(lane_id)

    def _woken(self, lane_id: int, now: datetime, *, is_live: bool) -> bool:
        """Hand the lane to a worker; say whether one can be expected to come."""
        if now - self._due_since[lane_id] >= PATIENCE:
            return False
        try:
            wake.wake(lane_id, is_live=is_live)
        except wake.Broken:
            return False
        return True


def _derive_until(next_at: float) -> None:
    """Derive what becomes complete up to that time (monotonic seconds), without a pause as long as it is much."""
    while (left := next_at - time.monotonic()) > 0:
        if derive_due(datetime.now(UTC)) < WHOLES_PER_TRANSACTION:
            time.sleep(min(left, DERIVE_EVERY_SECONDS))


def _run_lane(lane_id: int) -> None:
    """Take a turn at a lane; one at which Sluice itself fails must not keep the others waiting."""
    with on_lane(lane_id):
        try:
            delivery.run_lane(lane_id, segment_client())
        except DatabaseError:
            raise
        except Exception:
            logger.exception("Lane %d cannot be moved.", lane_id)


def _ask_for_heartbeat(now: datetime) -> None:
    published_ms = int(now.timestamp() * 1_000)
    with contextlib.suppress(wake.Broken):
        wake.publish(wake.HEARTBEAT, published_ms, expires_seconds=HEARTBEAT_EVERY.total_seconds())
