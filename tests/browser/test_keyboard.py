"""Everything without a mouse: what has the focus, where it goes, and that it can be seen."""

import pytest
from playwright.sync_api import Locator, Page, expect

from integrations.models import Connection
from tests.browser.wizard import IBM_EVENTS, SANDBOX, begin, event_box, expect_step, key_field
from tests.make import make_connection

pytestmark = pytest.mark.django_db(transaction=True)

MOST_STOPS = 120
# Whether a finger or a mouse at the middle of the focused element would meet it: nothing lies on top.
IS_UNCOVERED = """() => {
  const focused = document.activeElement;
  const box = focused.getBoundingClientRect();
  const met = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
  return met !== null && (focused.contains(met) || [...focused.labels ?? []].some((label) => label.contains(met)));
}"""


def tab_to(page: Page, target: Locator) -> None:
    """Press Tab until the target has the focus."""
    for _ in range(MOST_STOPS):
        if target.evaluate("(element) => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    expect(target).to_be_focused()


def test_the_first_stop_of_a_page_leads_to_what_it_is_about(alices: Page) -> None:
    alices.goto("/catalog/")
    skip = alices.get_by_role("link", name="Skip to main content")
    expect(skip).not_to_be_in_viewport()

    alices.keyboard.press("Tab")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    alices.keyboard.press("Enter")

    expect(alices.get_by_role("main")).to_be_focused()


def test_the_wizard_needs_no_mouse(alices: Page) -> None:
    page = alices
    begin(page, "Customer Care")

    tab_to(page, key_field(page))
    page.keyboard.type("k" * 32)
    tab_to(page, page.get_by_role("radio", checked=True))
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("radio", name=SANDBOX)).to_be_checked()
    page.keyboard.press("Enter")

    expect_step(page, "Select events")
    opener = page.get_by_role("button", name="Properties of Message Handled")
    tab_to(page, opener)
    page.keyboard.press("Enter")
    expect(page.get_by_role("table", name="Properties of Message Handled")).to_be_visible()
    page.keyboard.press("Space")
    expect(page.get_by_role("table", name="Properties of Message Handled")).to_be_hidden()
    for event in IBM_EVENTS[1:3]:
        tab_to(page, event_box(page, event))
        page.keyboard.press("Space")
    tab_to(page, page.get_by_role("button", name="Next", exact=True))
    page.keyboard.press("Enter")

    expect_step(page, "Review & Confirm")
    tab_to(page, page.get_by_role("button", name="Finish"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_contain_text("Segment is connected in the draft environment")
    version = Connection.objects.get().versions.get()
    assert version.selection == [["track", "Action Started"], ["track", "Session Started"]]


def test_a_mistake_takes_the_focus_to_the_summary_and_from_there_to_the_field(alices: Page) -> None:
    begin(alices, "Customer Care")
    alices.get_by_role("button", name="Next", exact=True).press("Enter")

    expect(alices.get_by_role("alert")).to_be_focused()
    alices.keyboard.press("Tab")
    expect(alices.get_by_role("link", name="Segment key")).to_be_focused()
    alices.keyboard.press("Enter")
    expect(key_field(alices)).to_be_focused()


def test_a_dialog_takes_the_focus_and_gives_it_back(alices: Page) -> None:
    connection = make_connection()
    alices.goto(f"/assistants/{connection.environment.assistant_id}/integrations/")
    opener = alices.get_by_role("link", name="Open Segment")
    dialog = alices.get_by_role("dialog", name="Open extension")

    tab_to(alices, opener)
    alices.keyboard.press("Enter")
    expect(dialog).to_be_visible()
    assert dialog.evaluate("(element) => element.contains(document.activeElement)")
    tab_to(alices, dialog.get_by_role("button", name="Confirm"))

    alices.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(opener).to_be_focused()

    alices.keyboard.press("Enter")
    tab_to(alices, dialog.get_by_role("button", name="Cancel"))
    alices.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    expect(opener).to_be_focused()


def test_a_switch_keeps_the_focus_when_the_server_has_answered(alices: Page) -> None:
    connection = make_connection()
    alices.goto(f"/connections/{connection.pk}/")
    switch = alices.get_by_role("switch", name="Session Started")

    tab_to(alices, switch)
    alices.keyboard.press("Space")

    expect(alices.get_by_text("Session Started is off, for everything not yet sent.")).to_be_attached()
    expect(switch).not_to_be_checked()
    expect(switch).to_be_focused()


def test_the_navigation_of_a_phone_opens_and_closes(alices: Page) -> None:
    alices.set_viewport_size({"width": 390, "height": 844})
    alices.goto("/")
    catalog = alices.get_by_role("link", name="Catalog")
    expect(catalog).to_be_hidden()

    tab_to(alices, alices.get_by_role("button", name="Navigation"))
    alices.keyboard.press("Enter")
    expect(catalog).to_be_visible()
    alices.keyboard.press("Escape")
    expect(catalog).to_be_hidden()
    expect(alices.get_by_role("button", name="Navigation")).to_be_focused()


@pytest.mark.parametrize(("width", "height"), [(1280, 900), (390, 844)])
def test_nothing_covers_what_has_the_focus(alices: Page, width: int, height: int) -> None:
    begin(alices, "Customer Care")
    alices.set_viewport_size({"width": width, "height": height})
    key_field(alices).fill("k" * 32)
    alices.get_by_role("radio", name=SANDBOX).check()
    alices.get_by_role("button", name="Next", exact=True).click()
    expect_step(alices, "Select events")
    last = alices.get_by_role("button", name="Next", exact=True)
    alices.get_by_role("checkbox", name="Select all: IBM watsonx Assistant").focus()

    stops = 0
    while not last.evaluate("(element) => element === document.activeElement"):
        assert alices.evaluate(IS_UNCOVERED), alices.evaluate("document.activeElement.outerHTML")
        alices.keyboard.press("Tab")
        stops += 1

    # Five boxes for all, 24 events and ten repeated ones with a link each, 22 that open, and Back.
    assert stops == 5 + 24 + 10 * 2 + 22 + 1
