"""The table of events in a browser: families, one event in several of them, ticking a family, finding, the keyboard."""

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Browser, Locator, Page, expect

from integrations.models import Connection, PendingSetup
from tests.browser.people import let_in
from tests.browser.wizard import EVENTS_IN_ALL, begin, connect, event_box, expect_step, press, select
from tests.make import make_connection

pytestmark = pytest.mark.django_db(transaction=True)

KEY = "d" * 32


def finder(page: Page) -> Locator:
    return page.get_by_role("searchbox", name="Search events and properties")


def selected(page: Page) -> Locator:
    return page.get_by_role("status").filter(has_text="selected")


def found(page: Page) -> Locator:
    return page.locator("[data-found]")


def all_of(page: Page, family: str) -> Locator:
    return page.get_by_role("checkbox", name=f"Select all: {family}", exact=True)


def tables(page: Page) -> list[str]:
    """The families whose tables can be seen."""
    shown = page.get_by_role("heading", level=3).all()
    return [heading.inner_text() for heading in shown]


@pytest.fixture
def table(alices: Page) -> Page:
    begin(alices, "Customer Care")
    connect(alices, KEY, source_name="")
    return alices


def test_the_events_stand_under_their_families(table: Page) -> None:
    assert tables(table) == ["IBM watsonx Assistant", "AI copilot", "Live chat", "Experiments", "Other calls"]
    family = table.get_by_role("navigation", name="Families").get_by_role("link", name="Experiments")
    family.click()
    expect(table.get_by_role("heading", name="Experiments", exact=True)).to_be_in_viewport()


def test_an_event_of_two_families_is_ticked_in_both(table: Page) -> None:
    here, there = event_box(table, "Message Sent"), event_box(table, "Message Sent (Live chat)")

    there.check()
    expect(here).to_be_checked()
    expect(selected(table)).to_have_text(f"1 of {EVENTS_IN_ALL} events selected")
    expect(all_of(table, "AI copilot")).to_have_js_property("indeterminate", True)
    expect(all_of(table, "Live chat")).to_have_js_property("indeterminate", True)

    here.uncheck()
    expect(there).not_to_be_checked()
    expect(all_of(table, "Live chat")).to_have_js_property("indeterminate", False)
    expect(selected(table)).to_have_text(f"0 of {EVENTS_IN_ALL} events selected")

    link = table.get_by_role("link", name="Same event as in AI copilot (Message Sent)")
    link.click()
    expect(here).to_be_in_viewport()


def test_a_family_is_ticked_at_once_with_what_it_shares(table: Page) -> None:
    all_of(table, "Live chat").check()

    expect(selected(table)).to_have_text(f"11 of {EVENTS_IN_ALL} events selected")
    expect(event_box(table, "Component Loaded")).to_be_checked()
    expect(event_box(table, "Live Chat Message Sent")).to_be_checked()
    expect(all_of(table, "AI copilot")).to_have_js_property("indeterminate", True)
    event_box(table, "Conversation Ended").uncheck()
    expect(all_of(table, "Live chat")).to_have_js_property("indeterminate", True)

    press(table, "Next")
    expect_step(table, "Review & Confirm")
    assert len(PendingSetup.objects.get().selection or []) == 10


def test_finding_hides_the_rest_and_ticks_only_what_is_shown(table: Page) -> None:
    event_box(table, "Session Started").check()

    finder(table).fill("message sent")
    expect(found(table)).to_have_text(f"2 of {EVENTS_IN_ALL} events")
    assert tables(table) == ["AI copilot", "Live chat"]
    families = table.get_by_role("navigation", name="Families").get_by_role("link")
    expect(families).to_have_text(["AI copilot", "Live chat"])
    expect(event_box(table, "Session Started")).to_be_hidden()
    expect(event_box(table, "Live Chat Message Sent")).to_be_visible()
    all_of(table, "Live chat").check()
    expect(selected(table)).to_have_text(f"3 of {EVENTS_IN_ALL} events selected")

    finder(table).press("Enter")
    expect_step(table, "Select events")
    finder(table).fill("")
    expect(found(table)).to_have_text("")
    expect(event_box(table, "Session Started")).to_be_checked()
    expect(all_of(table, "Live chat")).to_have_js_property("indeterminate", True)

    finder(table).fill("no such thing")
    expect(found(table)).to_have_text(f"0 of {EVENTS_IN_ALL} events")
    assert tables(table) == []
    press(table, "Next")
    expect_step(table, "Review & Confirm")
    assert PendingSetup.objects.get().selection == [
        ["track", "Session Started"],
        ["track", "Message Sent"],
        ["track", "Live Chat Message Sent"],
    ]


def test_finding_and_ticking_need_no_mouse(table: Page) -> None:
    finder(table).focus()
    table.keyboard.type("experiment_id")
    expect(found(table)).to_have_text(f"1 of {EVENTS_IN_ALL} events")
    table.keyboard.press("Tab")
    expect(table.get_by_role("link", name="Experiments", exact=True)).to_be_focused()
    table.keyboard.press("Tab")
    expect(all_of(table, "Experiments")).to_be_focused()
    table.keyboard.press("Space")
    expect(selected(table)).to_have_text(f"1 of {EVENTS_IN_ALL} events selected")
    table.keyboard.press("Tab")
    expect(event_box(table, "Experiment Viewed")).to_be_focused()
    table.keyboard.press("Enter")
    expect_step(table, "Review & Confirm")


def test_what_was_typed_stays_when_a_switch_renders_the_table_again(alices: Page) -> None:
    connection = make_connection()
    alices.goto(f"/connections/{connection.pk}/")
    finder(alices).fill("rating")
    switch = alices.get_by_role("switch", name="Feedback Submitted")

    switch.click()

    expect(switch).to_be_checked()
    expect(alices.get_by_text("Feedback Submitted is on, for everything not yet sent.")).to_be_attached()
    expect(finder(alices)).to_have_value("rating")
    expect(alices.get_by_role("switch", name="Session Started")).to_be_hidden()


def test_the_catalog_is_searched_while_one_types(alices: Page) -> None:
    alices.goto("/catalog/")

    finder(alices).fill("tool invoked")

    expect(found(alices)).to_have_text(f"1 of {EVENTS_IN_ALL} events")
    assert tables(alices) == ["Action Invoked"]
    expect(alices.get_by_role("heading", name="Experiments")).to_be_hidden()


def test_options_and_samples(alices: Page) -> None:
    connection = make_connection(selection=[("track", "Message Sent")])
    alices.goto(f"/connections/{connection.pk}/")
    alices.get_by_role("link", name="Change options").click()
    alices.get_by_label("Send what people wrote").check()
    press(alices, "Save")
    expect(alices.get_by_role("region", name="Options")).to_contain_text("Message texts are sent")

    alices.get_by_role("link", name="Send samples").click()
    press(alices, "Send 1 sample from Draft")
    expect(alices.get_by_role("main").get_by_role("status").first).to_contain_text("1 sample of the user sluice-sample")


def test_without_a_script_a_family_is_ticked_and_found_by_buttons(browser: Browser, base_url: str, alice: User) -> None:
    context = browser.new_context(base_url=base_url, java_script_enabled=False)
    let_in(context, alice)
    page = context.new_page()
    begin(page, "Customer Care")
    connect(page, KEY, source_name="")
    event_box(page, "Session Started").check()

    press(page, "Select all of Live chat")
    expect_step(page, "Select events")
    expect(event_box(page, "Session Started")).to_be_checked()
    expect(event_box(page, "Message Sent")).to_be_checked()
    expect(selected(page)).to_have_text(f"12 of {EVENTS_IN_ALL} events selected")
    press(page, "Select none of AI copilot")
    expect(selected(page)).to_have_text(f"5 of {EVENTS_IN_ALL} events selected")

    finder(page).fill("message")
    finder(page).press("Enter")
    expect_step(page, "Select events")
    expect(finder(page)).to_have_value("message")
    expect(event_box(page, "Session Started")).to_be_hidden()
    expect(selected(page)).to_have_text(f"5 of {EVENTS_IN_ALL} events selected")
    select(page, "Message Handled")
    press(page, "Finish")

    connection = Connection.objects.get()
    assert len(connection.versions.get().selection) == 6
    context.close()
