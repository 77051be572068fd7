"""Delivery: a worker takes a lane's lease, a turn at the lane, and gives the lease back."""

import contextlib
import logging
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial

from django.db import Error as DatabaseError

from assistants import encryption
from integrations import index, leases, settle
from integrations.leases import Lease, LostLeaseError, Progress
from integrations.models import Lane
from integrations.turn import Client, Turn

logger = logging.getLogger(__name__)

# A holder gives the lane back after this time, so that others get their turn.
TURN_SECONDS = 5.0
# A replay is in nobody's way: live lanes wait for workers.
REPLAY_TURN_SECONDS = 0.5
# A lane on which Sluice itself fails is left alone for this time: it would fail again, and fill the log.
OWN_FAULT_DELAY = timedelta(seconds=60)


def run_lane(lane_id: int, client: Client) -> bool:
    """Take a turn at a lane, if it is free and due; return whether it has more to do at once. Raises as `take_turn`."""
    progress = take_turn(lane_id, client)
    return progress is Progress.MOVED or (progress is Progress.IDLE and _has_more(lane_id))


def take_turn(lane_id: int, client: Client) -> Progress | None:
    """Take a turn at a lane, if it is free and due; return how it ended, None where it was not, or was lost.

    Touches database and network, so not for use within a transaction. Raises the database's errors; any other one is a
    fault of Sluice, which the lane shows as its last error.
    """
    lease = leases.take(lane_id)
    if lease is None:
        return None
    try:
        return _take_turn(lease, client)
    except LostLeaseError:
        logger.warning("Lane %d was taken over; this turn is given up.", lane_id)
        return None
    finally:
        leases.release(lease)


def _take_turn(lease: Lease, client: Client) -> Progress:
    try:
        return _work(lease, client)
    except encryption.DecryptionError as error:
        settle.record_unreadable_key(lease, str(error))
        return Progress.STOPPED
    except (LostLeaseError, DatabaseError):
        raise
    except Exception as error:
        with contextlib.suppress(LostLeaseError):
            leases.postpone(lease, delay=OWN_FAULT_DELAY, error=f"Sluice itself failed: {type(error).__name__}.")
        raise


def _work(lease: Lease, client: Client) -> Progress:
    """Work until the lane is idle, has to stop, or the turn is over."""
    until = time.monotonic() + (REPLAY_TURN_SECONDS if lease.kind == Lane.Kind.REPLAY else TURN_SECONDS)
    if lease.kind == Lane.Kind.INDEX:
        return _repeat(partial(index.step, lease), until)
    with contextlib.closing(Turn(lease, client, until)) as turn:
        return _repeat(turn.step, until)


def _repeat(step: Callable[[], Progress], until: float) -> Progress:
    progress = step()
    while progress is Progress.MOVED and time.monotonic() < until:
        progress = step()
    return progress


def _has_more(lane_id: int) -> bool:
    # An event that came between the last read and the release had its wake-up turned away by the lease.
    return Lane.objects.behind().filter(pk=lane_id).exists()
