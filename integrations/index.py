"""The index lane: counts what an environment received and how it differs from the catalog, a moment behind the log.

A block says how many events of which names it has, and mostly that there is nothing amiss with them. So most blocks are
counted without being unpacked.
"""

from collections import Counter
from collections.abc import Sequence

from django.db import transaction

from assistants import log
from assistants.log import Outline, Summary
from integrations import counts, leases, schema_warnings
from integrations.compose import OWN_SOURCES
from integrations.leases import Lease, Progress

BLOCKS_PER_STEP = 500
# As many events are unpacked at once; a block has at most a few thousand.
UNPACKED_PER_STEP = 5_000


def step(lease: Lease) -> Progress:
    """Count the next events; return whether there were any. Raises LostLeaseError."""
    summaries = _within_bounds(log.next_summaries(lease.environment_id, after=lease.cursor, limit=BLOCKS_PER_STEP))
    if not summaries:
        return Progress.IDLE
    unpacked = log.outlines(lease.environment_id, [summary for summary in summaries if _has_to_be_unpacked(summary)])
    tally: Counter[counts.CountKey] = Counter()
    warnings: dict[schema_warnings.Key, schema_warnings.Seen] = {}
    for summary in summaries:
        # A lane always moves by whole blocks, so none is counted in part.
        _count(summary, unpacked.get(summary.last_position), tally)
        # What Sluice itself appends is nobody's mistake.
        if summary.source not in OWN_SOURCES:
            _compare(summary, unpacked.get(summary.last_position), warnings)
    last = summaries[-1].last_position
    with transaction.atomic():
        leases.move(lease, cursor=last, begun=True, along=counts.additions(lease.lane_id, tally))
        schema_warnings.add(lease.environment_id, warnings)
    lease.cursor = last
    return Progress.MOVED


def _within_bounds(summaries: Sequence[Summary]) -> Sequence[Summary]:
    """Cut where more events would have to be unpacked than are at once; at least one block remains."""
    events = 0
    for index, summary in enumerate(summaries):
        events += summary.events if _has_to_be_unpacked(summary) else 0
        if events > UNPACKED_PER_STEP and index:
            return summaries[:index]
    return summaries


def _has_to_be_unpacked(summary: Summary) -> bool:
    return not summary.names or not (summary.is_faultless or summary.source in OWN_SOURCES)


def _count(summary: Summary, outlines: Sequence[Outline | None] | None, tally: Counter[counts.CountKey]) -> None:
    minute = summary.received_at.replace(second=0, microsecond=0)
    if summary.names:
        for named in summary.names:
            tally[minute, named.counted_name, counts.RECEIVED] += named.count
    else:
        for name, count in Counter(map(log.counted_name, outlines or ())).items():
            tally[minute, name, counts.RECEIVED] += count


def _compare(
    summary: Summary,
    outlines: Sequence[Outline | None] | None,
    warnings: dict[schema_warnings.Key, schema_warnings.Seen],
) -> None:
    if outlines is None:
        schema_warnings.gather_unknown(summary.names, received_at=summary.received_at, tally=warnings)
    else:
        schema_warnings.gather(outlines, received_at=summary.received_at, tally=warnings)
