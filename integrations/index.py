"""The index lane: counts what an environment received, a moment behind the log."""

from collections import Counter

from django.db import transaction

from assistants import log
from integrations import counts, leases
from integrations.leases import Lease, Progress

EVENTS_PER_STEP = 5_000


def step(lease: Lease) -> Progress:
    """Count the next events; return whether there were any. Raises LostLeaseError."""
    blocks = log.next_blocks(lease.environment_id, after=lease.cursor, events=EVENTS_PER_STEP)
    if not blocks:
        return Progress.IDLE
    tally: Counter[counts.CountKey] = Counter()
    for block in blocks:
        minute = block.received_at.replace(second=0, microsecond=0)
        # A lane always moves by whole blocks, so none is counted in part.
        for name, count in Counter(log.names(block)).items():
            tally[(minute, name, counts.RECEIVED)] += count
    last = blocks[-1].last_position
    with transaction.atomic():
        leases.move(lease, cursor=last, begun=True)
        counts.add(lease.lane_id, tally)
    lease.cursor = last
    return Progress.MOVED
