"""Charts drawn on the server as SVG: no script, no style attributes, the numbers in words beside the shapes."""

from collections.abc import Sequence

from django.utils.html import format_html
from django.utils.safestring import SafeString

BAR_WIDTH = 3
BAR_STEP = 4
SPARKLINE_HEIGHT = 24


def sparkline(counts: Sequence[int]) -> SafeString:
    """Draw one small bar per count, the oldest first, the tallest as high as the drawing."""
    width = len(counts) * BAR_STEP - (BAR_STEP - BAR_WIDTH)
    return format_html(
        '<svg class="sparkline" role="img" width="{0}" height="{1}" viewBox="0 0 {0} {1}">'
        '<title>{2}</title><path d="{3}"/></svg>',
        width,
        SPARKLINE_HEIGHT,
        _in_words(counts),
        "".join(_bar(index, height) for index, height in enumerate(_heights(counts)) if height),
    )


def _heights(counts: Sequence[int]) -> list[int]:
    """Scale to whole pixels; what happened at all stays visible as one pixel."""
    highest = max(counts, default=0)
    return [max(1, round(count / highest * SPARKLINE_HEIGHT)) if count else 0 for count in counts]


def _bar(index: int, height: int) -> str:
    return f"M{index * BAR_STEP} {SPARKLINE_HEIGHT}v-{height}h{BAR_WIDTH}v{height}z"


def _in_words(counts: Sequence[int]) -> str:
    if not any(counts):
        return f"Nothing in {len(counts)} hours"
    return f"Per hour, {len(counts)} hours: lowest {min(counts):,}, highest {max(counts):,}, last {counts[-1]:,}"
