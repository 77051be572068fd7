"""What a person does on the pages of sources to see them in their states."""

from playwright.sync_api import Page, expect

from tests.browser.wizard import press
from tests.browser.world import World

DRY_RUN = "Dry run on the last"


def dry_run(page: Page) -> None:
    """Press the button that people see, not the one that stands for Enter."""
    page.get_by_role("button", name=DRY_RUN).click()


def try_the_rules(page: Page, world: World) -> None:
    dry_run(page)
    expect(page.get_by_role("heading", name="Dry run")).to_be_visible()


def choose_a_signature(page: Page, world: World) -> None:
    page.get_by_role("radio", name="A signature in a header (HMAC)").check()
    expect(page.get_by_label("Header with the signature")).to_be_visible()


def break_a_rule(page: Page, world: World) -> None:
    choose_a_signature(page, world)
    page.get_by_label("When").first.fill("type ==")
    page.get_by_label("Value of field 2 of rule 1").fill("nope(id)")
    press(page, "Save rules")
    expect(page.get_by_role("alert")).to_contain_text("Rule 1, when: is not complete.")


def show_as_json(page: Page, world: World) -> None:
    press(page, "Edit as JSON")
    expect(page.get_by_label("Configuration")).to_be_visible()


def break_the_json(page: Page, world: World) -> None:
    show_as_json(page, world)
    page.get_by_label("Configuration").fill('{"rules": [}')
    press(page, "Save rules")
    expect(page.get_by_role("alert")).to_contain_text("Line 1, character 12")


def make_a_source_key(page: Page, world: World) -> None:
    press(page, "Create an ingest key")
    expect(page.get_by_text("The ingest key is created.")).to_be_visible()
