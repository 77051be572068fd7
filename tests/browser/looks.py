"""How a page can be looked at, and what must be true of it each time."""

from dataclasses import dataclass
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RULES: dict[str, Any] = {"runOnly": {"type": "tag", "values": TAGS}, "resultTypes": ["violations"]}
HEIGHT = "document.documentElement.scrollHeight"
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@dataclass(frozen=True)
class Mode:
    """A colour scheme and the size of a window."""

    scheme: Literal["light", "dark"]
    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.scheme}-{self.width}"

    def apply(self, page: Page) -> None:
        """Show all of the page at once: what a bar at the bottom covers just now would count as too small to hit.

        Without motion, or a colour could be looked at on its way to another one.
        """
        page.emulate_media(color_scheme=self.scheme, reduced_motion="reduce")
        page.set_viewport_size({"width": self.width, "height": self.height})
        page.set_viewport_size({"width": self.width, "height": page.evaluate(HEIGHT)})


MODES = [Mode(scheme, *size) for scheme in ("light", "dark") for size in ((1280, 900), (390, 844))]


def check_every_look(page: Page, subtests: pytest.Subtests) -> None:
    """Find nothing that axe objects to and nothing that sticks out, in each mode; a failure names its mode."""
    for mode in MODES:
        with subtests.test(str(mode)):
            mode.apply(page)
            results = Axe().run(page, options=RULES)
            assert results.violations_count == 0, results.generate_report()
            assert page.evaluate(OVERFLOW) == 0
