"""The text format in which Prometheus reads metrics.

Source: Prometheus, “Exposition formats”, text-based format 0.0.4.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
COUNTER, GAUGE, HISTOGRAM = "counter", "gauge", "histogram"

Labels = Mapping[str, str]


@dataclass
class Family:
    """All samples of one metric: labels with a value each; `suffix` tells apart what a histogram consists of."""

    name: str
    kind: str
    help: str
    samples: list[tuple[str, Labels, float]] = field(default_factory=list)

    def add(self, labels: Labels, value: float, *, suffix: str = "") -> None:
        self.samples.append((suffix, labels, value))

    def add_histogram(self, labels: Labels, bounds: Sequence[float], counts: Sequence[int], total: float) -> None:
        """Add a histogram: `counts` by bucket, one more than there are `bounds`, and the `total` of all values."""
        seen = 0
        for bound, count in zip([*map(_number, bounds), "+Inf"], counts, strict=True):
            seen += count
            self.add({**labels, "le": bound}, seen, suffix="_bucket")
        self.add(labels, total, suffix="_sum")
        self.add(labels, seen, suffix="_count")


def exposed(families: Iterable[Family]) -> str:
    """Write metrics as Prometheus reads them."""
    lines: list[str] = []
    for family in families:
        lines += [f"# HELP {family.name} {_escaped(family.help)}", f"# TYPE {family.name} {family.kind}"]
        lines += [
            f"{family.name}{suffix}{_written(labels)} {_number(value)}" for suffix, labels, value in family.samples
        ]
    return "\n".join([*lines, ""])


def _written(labels: Labels) -> str:
    pairs = ",".join(f'{name}="{_escaped(value, quotes=True)}"' for name, value in labels.items())
    return f"{{{pairs}}}" if pairs else ""


def _escaped(text: str, *, quotes: bool = False) -> str:
    text = text.replace("\\", r"\\").replace("\n", r"\n")
    return text.replace('"', r"\"") if quotes else text


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(float(value))
