"""What a measurement brought: plain figures."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Throughput:
    """One run: from the first request until the last event was acknowledged, and until it was at the recorder."""

    events: int
    seconds: float
    accepted_seconds: float
    cpu_seconds: float
    requests: int

    @property
    def rate(self) -> float:
        """Events a second from end to end."""
        return self.events / self.seconds

    @property
    def accepted_rate(self) -> float:
        """Events acknowledged a second."""
        return self.events / self.accepted_seconds

    @property
    def cpu_per_10_000(self) -> float:
        return self.cpu_seconds / self.events * 10_000

    def __str__(self) -> str:
        return f"{self.rate:,.0f} events/s at {self.cpu_per_10_000:.2f} CPU-s per 10,000"


@dataclass(frozen=True)
class Latency:
    """Milliseconds from the 2xx to the arrival, at a steady pace."""

    per_second: int
    p50: float
    p95: float

    @classmethod
    def of(cls, milliseconds: Sequence[float], *, per_second: int) -> "Latency":
        steps = statistics.quantiles(milliseconds, n=20)
        return cls(per_second, p50=steps[9], p95=steps[18])


@dataclass(frozen=True)
class Cost:
    """What one source took: events a second, and the same of the Segment route with as many events a request."""

    kind: str
    events_per_request: float
    rate: float
    segment_rate: float

    @property
    def ratio(self) -> float:
        return self.rate / self.segment_rate

    def __str__(self) -> str:
        return (
            f"{self.kind}: {self.events_per_request:.1f} events a request, {self.rate:,.0f} events/s, "
            f"{self.ratio:.2f} of the Segment route's {self.segment_rate:,.0f}"
        )


@dataclass(frozen=True)
class Row:
    """One figure of the table: what was to be reached, what was, and whether that is enough."""

    figure: str
    target: str
    reached: str
    is_met: bool

    def __str__(self) -> str:
        return f"{self.figure}: {self.reached} (to reach: {self.target}){'' if self.is_met else ' MISSED'}"


@dataclass(frozen=True)
class Results:
    """All of it: batches, library and bare loop in the same rounds, single events, latency, sources, the long ones."""

    batches: list[Throughput]
    library: list[Throughput]
    tuned: list[Throughput]
    bare: list[Throughput]
    singles: list[Throughput]
    singles_alone: list[float]
    latencies: list[Latency]
    costs: list[Cost]
    rows: list[Row]

    def ratios(self, others: Sequence[Throughput]) -> list[float]:
        """How many times as fast as something else Sluice was, round by round."""
        return [ours.rate / theirs.rate for ours, theirs in zip(self.batches, others, strict=True)]

    def cpu_ratios(self, library: Sequence[Throughput]) -> list[float]:
        """How much processor time Sluice took for an event, as a part of what the library took, round by round."""
        pairs = zip(self.batches, library, strict=True)
        return [ours.cpu_per_10_000 / theirs.cpu_per_10_000 for ours, theirs in pairs]


def spread(figures: Sequence[float], form: Callable[[float], str]) -> str:
    """Write a median, with the least and the greatest figure beside it."""
    return f"{form(statistics.median(figures))} ({form(min(figures))} to {form(max(figures))})"


def thousands(figure: float) -> str:
    return f"{figure:,.0f}"


def hundredths(figure: float) -> str:
    return f"{figure:.2f}"
