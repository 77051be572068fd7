"""A Segment that is far away: 80 ms from each request to its answer, one request at a time and eight at once."""

import statistics
import uuid

from bench.results import Row, hundredths, spread, thousands
from bench.stage import Bench

ROUND_TRIP_SECONDS = 0.08
IN_ORDER_EVENTS, ANY_ORDER_EVENTS = 50_000, 300_000
ARRIVAL_SECONDS = 120.0
OVERHEAD, TIMES = 0.9, 5.0


def rows(bench: Bench, rounds: int) -> list[Row]:
    bench.recorder.be_far(ROUND_TRIP_SECONDS)
    try:
        in_order = [rate(bench, IN_ORDER_EVENTS) for _ in range(rounds)]
        any_order = [rate(bench, ANY_ORDER_EVENTS, any_order=True)[0] for _ in range(rounds)]
    finally:
        bench.recorder.be_far(0.0)
    parts = [moved * requests * ROUND_TRIP_SECONDS / IN_ORDER_EVENTS for moved, requests in in_order]
    times = [many / one for many, (one, _) in zip(any_order, in_order, strict=True)]
    return [
        Row(
            "80 ms to Segment, one request at a time: a part of what such requests can move",
            f"≥ {OVERHEAD}",
            f"{spread(parts, hundredths)}: {spread([moved for moved, _ in in_order], thousands)} events/s",
            statistics.median(parts) >= OVERHEAD,
        ),
        Row(
            "the same, where the order of arrival may differ: times as much",
            f"≥ {TIMES:.0f}",
            f"{spread(times, '{:.1f}'.format)}: {spread(any_order, thousands)} events/s",
            statistics.median(times) >= TIMES,
        ),
    ]


def rate(bench: Bench, events: int, *, any_order: bool = False) -> tuple[float, int]:
    """Return how many events a second arrive once they do, and in how many requests."""
    options = {"any_order": True} if any_order else {}
    connected = bench.stack.connect(bench.recorder.url, ["Message Handled"], options=options)
    run = uuid.uuid4().hex[:5]
    bench.load(run, events, 100, 16, keys=[connected.key])
    bench.recorder.wait_for(events, ARRIVAL_SECONDS)
    bench.stack.check_ledger()
    received = bench.recorder.take()
    bench.check(received, [run], events, connected)
    # The first request carries what was there at that moment; it is not one of many full ones.
    begin = min(received.times)
    arrived_later = sum(at > begin for at in received.times)
    return arrived_later / (max(received.times) - begin), received.requests
