"""The theme: the system's until somebody chooses one, and the same colours either way."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.wizard import press

pytestmark = pytest.mark.django_db(transaction=True)

COLOURS = """() => [...document.querySelectorAll("body, main, main *")].map((element) => {
  const style = getComputedStyle(element);
  return [element.tagName, style.color, style.backgroundColor, style.borderTopColor].join(" ");
})"""


def choose(page: Page, theme: str) -> None:
    press(page, "Account")
    press(page, theme)
    press(page, "Account")
    expect(page.get_by_role("button", name=theme, exact=True, pressed=True)).to_be_visible()
    page.keyboard.press("Escape")


def both(page: Page) -> tuple[list[str], list[str]]:
    """The colours of everything on the page where the system is light, and where it is dark."""
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    light = page.evaluate(COLOURS)
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    return light, page.evaluate(COLOURS)


def test_a_chosen_theme_has_the_colours_of_the_systems(alices: Page) -> None:
    alices.goto("/")
    light, dark = both(alices)
    assert light != dark

    choose(alices, "Dark")
    assert both(alices) == (dark, dark)

    choose(alices, "Light")
    assert both(alices) == (light, light)

    choose(alices, "System")
    assert both(alices) == (light, dark)
