"""The steps of the wizard as a person takes them: by labels and roles, whether scripts run or not."""

import re

from playwright.sync_api import Locator, Page, expect

SANDBOX = "Sandbox (built into Sluice)"
IBM_EVENTS = ("Message Handled", "Session Started", "Action Started", "Action Completed")
EVENTS_IN_ALL = 24


def press(page: Page | Locator, button: str) -> None:
    page.get_by_role("button", name=button, exact=True).click()


def begin(page: Page, assistant: str) -> None:
    """Create an assistant and add Segment to it, as far as the first step."""
    page.goto("/")
    page.get_by_role("link", name="Create assistant").click()
    page.get_by_label("Name").fill(assistant)
    press(page, "Create")
    expect_note(page, f"{assistant} is created, with a draft and a live environment.")
    page.get_by_role("link", name="Integrations").click()
    page.get_by_role("link", name="Add Segment").click()
    expect(page.get_by_role("heading", name="Segment", level=1)).to_be_visible()
    press(page, "Add")
    expect_step(page, "Connect")


def key_field(page: Page) -> Locator:
    return page.get_by_label("Segment key", exact=True)


def event_box(page: Page, event: str) -> Locator:
    return page.get_by_role("checkbox", name=event, exact=True)


def connect(page: Page, key: str, *, source_name: str) -> None:
    """Fill in the first step, for the sandbox, and go on."""
    page.get_by_label("Source name").fill(source_name)
    key_field(page).fill(key)
    page.get_by_role("radio", name=SANDBOX).check()
    press(page, "Next")
    expect_step(page, "Select events")


def select(page: Page, *events: str) -> None:
    """Tick events in the second step and go on."""
    for event in events:
        event_box(page, event).check()
    press(page, "Next")
    expect_step(page, "Review & Confirm")


def finish(page: Page, environment: str) -> None:
    """Finish, read that it is connected, and close."""
    press(page, "Finish")
    expect(page.get_by_role("main")).to_contain_text(f"Segment is connected in the {environment} environment")
    page.get_by_role("link", name="Close").click()
    expect(page.get_by_role("heading", name="Integrations", level=1)).to_be_visible()


def expect_step(page: Page, step: str) -> None:
    """See at which step the wizard is: the line of steps says it, and the step's own heading."""
    current = page.get_by_role("navigation", name="Steps").locator("[aria-current=step]")
    expect(current).to_have_text(step)
    expect(page.get_by_role("heading", name=step, level=2)).to_be_visible()


def expect_reviewed(page: Page, term: str, definition: str | re.Pattern[str]) -> None:
    """See what the last step says of one thing that was entered."""
    entry = page.locator("dl > div").filter(has=page.get_by_role("term").get_by_text(term, exact=True))
    expect(entry.get_by_role("definition")).to_have_text(definition)


def expect_note(page: Page, text: str) -> None:
    """Read a message on top of the page."""
    expect(page.get_by_role("main").get_by_role("status").first).to_contain_text(text)


def expect_error(page: Page, field: Locator, error: str) -> None:
    """See an error in the summary and at the field, which the browser can tell belongs to it."""
    expect(page.get_by_role("alert")).to_contain_text(error)
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_accessible_description(re.compile(re.escape(error)))
