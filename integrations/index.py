"""The index lane: counts what an environment received, a moment behind the log."""

from collections import Counter

from django.db import transaction

from assistants.log import Reader
from integrations import counts, leases
from integrations.compose import counted_name
from integrations.leases import Lease, Progress

EVENTS_PER_STEP = 5_000


def step(lease: Lease, reader: Reader) -> Progress:
    """Count the next events; return whether there were any. Raises LostLeaseError."""
    events = reader.window(EVENTS_PER_STEP)
    if not events:
        return Progress.IDLE
    tally: Counter[counts.CountKey] = Counter()
    for event in events:
        minute = event.received_at.replace(second=0, microsecond=0)
        tally[(minute, counted_name(event), counts.RECEIVED)] += 1
    last = events[-1].position
    with transaction.atomic():
        leases.move(lease, cursor=last, begun=True)
        counts.add(lease.lane_id, tally)
    lease.cursor = last
    reader.pass_to(last)
    return Progress.MOVED
