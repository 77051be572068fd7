"""Wake-ups: tell the workers that a lane may have work. Losing one costs a moment, so nobody ever waits for one.

A thread per process publishes them, so that neither an append nor a page depends on the broker. Wake-ups of one lane
are coalesced: in this process by waiting a moment, and among processes by a flag in a shared cache that the worker
clears when its turn is over.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Iterable

from celery import current_app
from django.conf import settings
from django.core.cache.backends.redis import RedisCache
from django.db import Error as DatabaseError
from django.db import close_old_connections, connection
from redis.exceptions import RedisError

from integrations.health import SWEEP, missing_processes
from integrations.models import Lane

logger = logging.getLogger(__name__)
RUN_LANE = "sluice.run_lane"
HEARTBEAT = "sluice.heartbeat"

# A lost wake-up is published again by the sweep after this time.
FLAG_SECONDS = 5
# How often a process that takes events looks whether there is a sweep.
LOOK_SECONDS = settings.SLUICE_STAND_IN_SECONDS
# Celery's priorities on Redis, where the lowest number goes first.
FIRST, LAST = 0, 9
# After a failure the broker is left alone for this time.
BREAK_SECONDS = 2.0
LANES_REMEMBERED_SECONDS = 2.0
# Appends within this time share a wake-up; the embedded broker is asked ten times a second only.
GATHER_SECONDS = 0.05 if settings.EMBEDDED else 0.0
IS_CACHE_SHARED = settings.CACHE_URL.startswith("redis")
# A cache of its own, of which nobody waits for an answer: one that freezes must not hold up a sweep.
FLAG_TIMEOUTS = {"socket_timeout": 0.25, "socket_connect_timeout": 0.25}


class Broken(Exception):
    """The broker did not take a wake-up, or is not asked for the moment."""


class Waker:
    """Publishes wake-ups for environments whose log has grown."""

    def __init__(self) -> None:
        # Those whose replays are to be woken as well are true.
        self._environments: dict[int, bool] = {}
        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None
        self._lanes: dict[int, tuple[float, list[int]]] = {}
        self._look_at: float | None = None

    def start(self) -> None:
        """Stand in for a sweep from now on, whenever none shows itself."""
        with self._wake:
            self._look_at = time.monotonic() + LOOK_SECONDS
            self._start()

    def appended(self, heads: dict[int, int]) -> None:
        """Note that these environments have new events; returns at once."""
        self._note(heads, with_replays=False)

    def changed(self, environment_id: int) -> None:
        """Note that what an environment's lanes may do was changed by somebody, its replays included; returns at once.

        New events are nothing to a replay: woken by each of them, replays would keep workers from live lanes.
        """
        self._note([environment_id], with_replays=True)

    def _note(self, environment_ids: Iterable[int], *, with_replays: bool) -> None:
        with self._wake:
            for environment_id in environment_ids:
                self._environments[environment_id] = with_replays or self._environments.get(environment_id, False)
            self._start()
            self._wake.notify()

    def _start(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name="waker", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while True:
            with self._wake:
                if not self._environments:
                    self._wake.wait(self._seconds_to_look())
                environments, self._environments = self._environments, {}
            for environment_id, with_replays in environments.items():
                self._wake_lanes(environment_id, with_replays=with_replays)
            if self._seconds_to_look() == 0:
                self._look_at = time.monotonic() + LOOK_SECONDS
                _stand_in_for_sweep()
            time.sleep(GATHER_SECONDS)

    def _seconds_to_look(self) -> float | None:
        """How long until it is time to look for a sweep; None where that is somebody else's business."""
        return None if self._look_at is None else max(0.0, self._look_at - time.monotonic())

    def _wake_lanes(self, environment_id: int, *, with_replays: bool) -> None:
        try:
            for lane_id in self._live_lanes(environment_id):
                wake(lane_id)
            for lane_id in _due_replays(environment_id) if with_replays else []:
                wake(lane_id, is_live=False)
        except Broken:
            return  # said already where it broke; the sweep delivers
        except DatabaseError as error:
            logger.warning("Could not look up the lanes to wake: %s", type(error).__name__)
            connection.close()

    def _live_lanes(self, environment_id: int) -> list[int]:
        now = time.monotonic()
        remembered = self._lanes.get(environment_id)
        if remembered and remembered[0] > now:
            return remembered[1]
        close_old_connections()
        lanes = Lane.objects.running().filter(environment_id=environment_id, kind=Lane.Kind.LIVE)
        lane_ids = list(lanes.values_list("pk", flat=True))
        connection.close()
        self._lanes[environment_id] = (now + LANES_REMEMBERED_SECONDS, lane_ids)
        return lane_ids


def _stand_in_for_sweep() -> None:
    """Wake every lane that is due, if no sweep has shown itself lately; what else a sweep does has to wait for one."""
    try:
        close_old_connections()
        if SWEEP in missing_processes():
            for lane_id, kind in Lane.objects.due().values_list("pk", "kind"):
                wake(lane_id, is_live=kind == Lane.Kind.LIVE)
    except Broken:
        return
    except DatabaseError as error:
        logger.warning("Could not look for lanes that are due: %s", type(error).__name__)
    finally:
        connection.close()


def _due_replays(environment_id: int) -> list[int]:
    close_old_connections()
    replays = Lane.objects.due().filter(environment_id=environment_id, kind=Lane.Kind.REPLAY)
    lane_ids = list(replays.values_list("pk", flat=True))
    connection.close()
    return lane_ids


class _Breaker:
    """Keeps a broker that failed from being asked again at once."""

    def __init__(self) -> None:
        self.open_until = 0.0

    def check(self) -> None:
        if time.monotonic() < self.open_until:
            raise Broken

    def trip(self, error: Exception) -> None:
        logger.warning("The broker did not take a wake-up (%s); the sweep delivers meanwhile.", type(error).__name__)
        self.open_until = time.monotonic() + BREAK_SECONDS


flags = RedisCache(settings.CACHE_URL, {"OPTIONS": FLAG_TIMEOUTS})
breaker = _Breaker()
waker = Waker()


def wake(lane_id: int, *, is_live: bool = True) -> None:
    """Publish a wake-up for a lane unless one is pending. Raises Broken where the broker does not take it.

    Live lanes come first: hundreds of index lanes that the sweep wakes at once must not hold up an event.
    """
    breaker.check()
    if not _is_first(lane_id):
        return
    try:
        # By name: the task itself wakes its lane again, so its module imports this one.
        publish(RUN_LANE, lane_id, priority=FIRST if is_live else LAST)
    except Broken:
        clear(lane_id)
        raise


def publish(task: str, *args: int, expires_seconds: float | None = None, priority: int = FIRST) -> None:
    """Hand a task to the broker. Raises Broken where it does not take it, or did not a moment ago."""
    breaker.check()
    try:
        current_app.send_task(task, args=args, retry=False, expires=expires_seconds, priority=priority)
    except Exception as error:  # each transport has errors of its own, and none of them may stop a sweep or an append
        breaker.trip(error)
        raise Broken from error


def clear(lane_id: int) -> None:
    """Take a pending wake-up off the books: from here on a new event needs a new one."""
    if not IS_CACHE_SHARED:
        return
    try:
        flags.delete(_flag(lane_id))
    except (RedisError, OSError) as error:
        logger.warning("Could not clear a wake-up: %s", type(error).__name__)


def _is_first(lane_id: int) -> bool:
    """Say whether no wake-up of a lane is pending. A cache that is away costs wake-ups too many, never one too few."""
    if not IS_CACHE_SHARED:
        return True
    try:
        return flags.add(_flag(lane_id), 1, FLAG_SECONDS)
    except (RedisError, OSError) as error:
        logger.warning("Could not note a wake-up: %s", type(error).__name__)
        return True


def _flag(lane_id: int) -> str:
    return f"wake:{lane_id}"


def broker_answers() -> bool:
    """Say whether the broker can be reached, within the time a publisher would wait."""
    options = current_app.conf.broker_transport_options
    with contextlib.suppress(Exception), current_app.connection_for_write(transport_options=options) as broker:
        broker.ensure_connection(max_retries=1, timeout=1, interval_start=0, interval_step=0)
        return True
    return False
