"""Each page in each state, light and dark, wide and slim: no fault for axe, a quiet console, nothing sticks out."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.looks import check_every_look
from tests.browser.pages import ARGUMENTS, url_names
from tests.browser.people import let_in
from tests.browser.sights import SIGHTLESS, SIGHTS, Sight
from tests.browser.windows import Window
from tests.browser.world import World

Windows = Callable[[str], Window]


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

    check_every_look(window.page, subtests)
    assert window.complaints(refusals=sight.refusals) == []
