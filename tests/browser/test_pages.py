"""Each page in each state, light and dark, wide and slim: axe finds nothing, the console is quiet, no overflow."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.browser.pages import ARGUMENTS, url_names
from tests.browser.people import let_in
from tests.browser.sights import SIGHTLESS, SIGHTS, Sight
from tests.browser.windows import Window
from tests.browser.world import World

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RULES: dict[str, Any] = {"runOnly": {"type": "tag", "values": TAGS}, "resultTypes": ["violations"]}
HEIGHT = "document.documentElement.scrollHeight"
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"

Windows = Callable[[str], Window]


@dataclass(frozen=True)
class Mode:
    """How somebody looks at a page."""

    scheme: Literal["light", "dark"]
    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.scheme}-{self.width}"

    def apply(self, page: Page) -> None:
        """Show all of the page at once: what a bar at the bottom covers just now would count as too small to hit."""
        page.emulate_media(color_scheme=self.scheme)
        page.set_viewport_size({"width": self.width, "height": self.height})
        page.set_viewport_size({"width": self.width, "height": page.evaluate(HEIGHT)})


MODES = [Mode(scheme, *size) for scheme in ("light", "dark") for size in ((1280, 900), (390, 844))]


@pytest.fixture(scope="module")
def windows(browser: Browser, base_url: str, world: World) -> Iterator[Windows]:
    """A window for each person who looks; it opens at first use and stays."""
    opened: dict[str, Window] = {}

    def window_of(who: str) -> Window:
        if who not in opened:
            context = browser.new_context(base_url=base_url)
            if user := {"alice": world.alice, "bob": world.bob}.get(who):
                let_in(context, user)
            opened[who] = Window(context.new_page())
        opened[who].listen()
        return opened[who]

    yield window_of
    for window in opened.values():
        window.page.context.close()


def test_every_address_is_looked_at_or_shows_nothing() -> None:
    names = set(url_names())

    assert set(ARGUMENTS) == names
    assert {sight.url_name for sight in SIGHTS} == names - set(SIGHTLESS)
    assert len({str(sight) for sight in SIGHTS}) == len(SIGHTS)


@pytest.mark.parametrize("sight", SIGHTS, ids=str)
def test_a_page_is_accessible_quiet_and_fits(
    sight: Sight, windows: Windows, world: World, subtests: pytest.Subtests
) -> None:
    window = windows(sight.who)
    sight.show(window.page, world)

    for mode in MODES:
        with subtests.test(str(mode)):
            mode.apply(window.page)
            results = Axe().run(window.page, options=RULES)
            assert results.violations_count == 0, results.generate_report()
            assert window.page.evaluate(OVERFLOW) == 0
    assert window.complaints(refusals=sight.refusals) == []
