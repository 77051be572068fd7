"""The index lane: counts what an environment received and how it differs from the catalog, a moment behind the log."""

from collections import Counter

from django.db import transaction

from assistants import log
from integrations import counts, leases, schema_warnings
from integrations.compose import OWN_SOURCES
from integrations.leases import Lease, Progress

EVENTS_PER_STEP = 5_000


def step(lease: Lease) -> Progress:
    """Count the next events; return whether there were any. Raises LostLeaseError."""
    blocks = log.next_blocks(lease.environment_id, after=lease.cursor, events=EVENTS_PER_STEP)
    if not blocks:
        return Progress.IDLE
    tally: Counter[counts.CountKey] = Counter()
    warnings: dict[schema_warnings.Key, schema_warnings.Seen] = {}
    for block in blocks:
        minute = block.received_at.replace(second=0, microsecond=0)
        # A lane always moves by whole blocks, so none is counted in part.
        outlines = log.outlines(block)
        for name, count in Counter(map(log.counted_name, outlines)).items():
            tally[(minute, name, counts.RECEIVED)] += count
        # What Sluice itself appends is nobody's mistake.
        if block.source not in OWN_SOURCES:
            schema_warnings.gather(outlines, received_at=block.received_at, tally=warnings)
    last = blocks[-1].last_position
    with transaction.atomic():
        leases.move(lease, cursor=last, begun=True)
        counts.add(lease.lane_id, tally)
        schema_warnings.add(lease.environment_id, warnings)
    lease.cursor = last
    return Progress.MOVED
