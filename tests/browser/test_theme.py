"""The theme: the system's until somebody chooses one, and the same colours either way."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.wizard import press

pytestmark = pytest.mark.django_db(transaction=True)

# Every custom property that a style sheet sets, as it is computed for the page.
TOKENS = """() => {
  const names = new Set(["color-scheme"]);
  const collect = (rules) => {
    for (const rule of rules) {
      for (const name of rule.style ?? []) if (name.startsWith("--")) names.add(name);
      if (rule.cssRules) collect(rule.cssRules);
    }
  };
  for (const sheet of document.styleSheets) collect(sheet.cssRules);
  const computed = getComputedStyle(document.documentElement);
  return Object.fromEntries([...names].sort().map((name) => [name, computed.getPropertyValue(name)]));
}"""


def choose(page: Page, theme: str) -> None:
    press(page, "Account")
    press(page, theme)
    press(page, "Account")
    expect(page.get_by_role("button", name=theme, exact=True, pressed=True)).to_be_visible()


def colours(page: Page, scheme: str) -> dict[str, str]:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    tokens: dict[str, str] = page.evaluate(TOKENS)
    return tokens


def test_a_chosen_theme_has_the_colours_of_the_systems(alices: Page) -> None:
    alices.goto("/")
    light, dark = colours(alices, "light"), colours(alices, "dark")
    assert (light["color-scheme"], dark["color-scheme"]) == ("light", "dark")
    assert light["--cds-background"] != dark["--cds-background"]

    choose(alices, "Dark")
    assert (colours(alices, "light"), colours(alices, "dark")) == (dark, dark)

    choose(alices, "Light")
    assert (colours(alices, "light"), colours(alices, "dark")) == (light, light)

    choose(alices, "System")
    assert (colours(alices, "light"), colours(alices, "dark")) == (light, dark)
