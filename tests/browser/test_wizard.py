"""The main job in a browser: connect draft, then live, and see events arrive; by labels and roles only."""

import json
import re
from uuid import uuid4

import httpx
import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from assistants.models import Environment
from integrations import connections
from integrations.clients import segment_client
from integrations.delivery import run_lane
from integrations.models import Connection
from integrations.sandbox import recorded
from tests.browser.people import sign_in, sign_out
from tests.browser.wizard import (
    EVENTS_IN_ALL,
    IBM_EVENTS,
    SANDBOX,
    begin,
    connect,
    event_box,
    expect_error,
    expect_note,
    expect_reviewed,
    expect_step,
    finish,
    key_field,
    press,
    select,
)

pytestmark = pytest.mark.django_db(transaction=True)

DRAFT_KEY = "d" * 28 + "1a2b"
LIVE_KEY = "l" * 28 + "3c4d"
NOTHING_SELECTED = "Select at least one event; without any, nothing would ever be sent."


def deliver(environment: Environment) -> None:
    """Do what a worker does when it is woken."""
    for lane in environment.lanes.all():
        run_lane(lane.pk, segment_client())


def open_segment(page: Page, environment: str) -> None:
    page.get_by_role("link", name="Open Segment").click()
    dialog = page.get_by_role("dialog", name="Open extension")
    dialog.get_by_label("Environment").select_option(label=environment)
    press(dialog, "Confirm")


def create_ingest_key(page: Page) -> str:
    """Create a key on the page of an environment and read it there."""
    page.get_by_label("Label of a new key").fill("Web chat")
    press(page, "Create key")
    return page.get_by_role("region", name="Ingest key", exact=True).inner_text()


def track(base_url: str, key: str, *events: str) -> None:
    """Send events as an assistant does, through the API that Segment's libraries speak."""
    batch = [
        {"type": "track", "event": event, "userId": "customer-2071", "messageId": str(uuid4())} for event in events
    ]
    assert httpx.post(f"{base_url}/v1/batch", auth=(key, ""), json={"batch": batch}).json() == {"success": True}


def expect_fates(page: Page, event: str, *fates: str) -> None:
    """See what the debugger says became of the events of one name, the newest first."""
    rows = page.get_by_role("table", name="Events").get_by_role("row")
    named = rows.filter(has=page.get_by_role("link", name=event, exact=True))
    expect(named).to_contain_text([*fates])


def selected(connection: Connection) -> set[str]:
    return {name for _type, name in connections.selection_of(connection)}


def test_the_wizard_connects_draft_and_then_live(page: Page, alice: User) -> None:
    sign_in(page, alice)

    begin(page, "Customer Care")
    expect(page.get_by_text("This first configuration applies to the draft environment only.")).to_be_visible()
    connect(page, DRAFT_KEY, source_name="Care, draft")
    select(page, *IBM_EVENTS)
    expect_reviewed(page, "Environment", "Draft")
    expect_reviewed(page, "Source name", "Care, draft")
    expect_reviewed(page, "Segment key", "••••••••1a2b")
    expect_reviewed(page, "Region", SANDBOX)
    expect_reviewed(page, "Events", re.compile(".*".join(IBM_EVENTS)))
    finish(page, "draft")

    expect(page.get_by_role("link", name="Add Segment")).to_have_count(0)
    open_segment(page, "Live")
    expect_step(page, "Connect")
    expect(page.get_by_label("Source name")).to_have_value("")
    press(page, "Copy from Draft")
    expect_note(page, "Region, source name and events are copied from Draft. The Segment key is not.")
    expect(page.get_by_label("Source name")).to_have_value("Care, draft")
    expect(page.get_by_role("radio", name=SANDBOX)).to_be_checked()
    expect(key_field(page)).to_have_value("")
    connect(page, LIVE_KEY, source_name="Care, live")
    for event in IBM_EVENTS:
        expect(event_box(page, event)).to_be_checked()
    event_box(page, "Message Handled").uncheck()
    select(page)
    expect_reviewed(page, "Environment", "Live")
    expect_reviewed(page, "Segment key", "••••••••3c4d")
    finish(page, "live")

    draft, live = Connection.objects.order_by("environment_id")
    assert (draft.environment.label, draft.source_name, draft.write_key_last4) == ("Draft", "Care, draft", "1a2b")
    assert (live.environment.label, live.source_name, live.write_key_last4) == ("Live", "Care, live", "3c4d")
    assert (selected(draft), selected(live)) == (set(IBM_EVENTS), set(IBM_EVENTS[1:]))


def test_events_arrive_in_an_open_debugger_and_stop_when_they_are_switched_off(alices: Page, base_url: str) -> None:
    page = alices
    begin(page, "Customer Care")
    connect(page, DRAFT_KEY, source_name="")
    select(page, *IBM_EVENTS)
    press(page, "Finish")
    page.get_by_role("link", name="Point your assistant at Sluice").click()
    key = create_ingest_key(page)
    connection = Connection.objects.get()

    page.get_by_role("link", name="Debugger", exact=True).click()
    expect(page.get_by_role("heading", name="No events yet")).to_be_visible()
    track(base_url, key, "Message Handled", "Order Placed")
    expect_fates(page, "Message Handled", "Waiting")
    expect_fates(page, "Order Placed", "Not selected")
    deliver(connection.environment)
    expect_fates(page, "Message Handled", "Accepted by Segment")

    page.goto("/")
    page.get_by_role("link", name="Integrations of Customer Care").click()
    open_segment(page, "Draft")
    page.get_by_role("switch", name="Message Handled").click()
    expect(page.get_by_text("Message Handled is off, for everything not yet sent.")).to_be_attached()
    expect(page.get_by_role("switch", name="Message Handled")).not_to_be_checked()
    assert selected(connection) == set(IBM_EVENTS[1:])

    page.get_by_role("link", name="Debugger", exact=True).click()
    expect_fates(page, "Message Handled", "Accepted by Segment")
    track(base_url, key, "Message Handled", "Session Started")
    expect_fates(page, "Message Handled", "Not selected", "Accepted by Segment")
    deliver(connection.environment)
    expect_fates(page, "Session Started", "Accepted by Segment")
    assert [json.loads(message.body)["event"] for message in recorded()] == ["Session Started", "Message Handled"]


def test_connect_says_at_the_field_what_is_wrong_and_keeps_the_rest(alices: Page) -> None:
    page = alices
    begin(page, "Customer Care")
    page.get_by_label("Source name").fill("Care, draft")
    page.get_by_role("radio", name=SANDBOX).check()

    press(page, "Next")
    expect_error(page, key_field(page), "Enter the Segment key.")
    expect(page.get_by_label("Source name")).to_have_value("Care, draft")
    expect(page.get_by_role("radio", name=SANDBOX)).to_be_checked()

    key_field(page).fill("two words")
    press(page, "Next")
    expect_error(page, key_field(page), "The Segment key has spaces inside. Copy it again, in one piece.")
    expect(key_field(page)).to_have_value("")

    key_field(page).fill(f"  {DRAFT_KEY}  ")
    press(page, "Next")
    expect_step(page, "Select events")


def test_an_own_url_that_nobody_answers_is_said_at_the_field(alices: Page, unused_url: str) -> None:
    page = alices
    begin(page, "Customer Care")
    key_field(page).fill(DRAFT_KEY)
    page.get_by_role("radio", name="Own URL").check()
    press(page, "Next")
    own_url = page.get_by_role("textbox", name="Base URL")
    expect_error(page, own_url, "Enter the URL to send to, or choose another region.")
    own_url.fill(unused_url)
    press(page, "Next")
    expect_error(page, own_url, "127.0.0.1 cannot be reached. Check the name, the port and whether the server runs.")
    expect(own_url).to_have_value(unused_url)
    expect(page.get_by_text("••••••••1a2b")).to_be_visible()


def test_select_events_counts_aloud_asks_for_one_and_back_keeps_all(alices: Page) -> None:
    page = alices
    begin(page, "Customer Care")
    connect(page, DRAFT_KEY, source_name="Care, draft")
    count = page.get_by_role("status").filter(has_text="selected")
    expect(count).to_have_text(f"0 of {EVENTS_IN_ALL} events selected")

    press(page, "Next")
    expect(page.get_by_role("alert")).to_contain_text(f"Events: {NOTHING_SELECTED}")

    properties = page.get_by_role("table", name="Properties of Session Started")
    expect(properties).to_be_hidden()
    opener = page.get_by_role("button", name="Properties of Session Started")
    opener.click()
    expect(opener).to_have_attribute("aria-expanded", "true")
    expect(properties.get_by_role("rowheader", name="sessionId")).to_be_visible()

    everything = page.get_by_role("checkbox", name="Select all: IBM watsonx Assistant")
    everything.check()
    expect(count).to_have_text(f"4 of {EVENTS_IN_ALL} events selected")
    event_box(page, "Action Started").uncheck()
    expect(count).to_have_text(f"3 of {EVENTS_IN_ALL} events selected")
    expect(everything).to_have_js_property("indeterminate", True)

    press(page, "Back")
    expect_step(page, "Connect")
    expect(page.get_by_label("Source name")).to_have_value("Care, draft")
    expect(page.get_by_role("radio", name=SANDBOX)).to_be_checked()
    expect(page.get_by_text("••••••••1a2b")).to_be_visible()
    press(page, "Next")
    expect_step(page, "Select events")
    for event in IBM_EVENTS:
        expect(event_box(page, event)).to_be_checked(checked=event != "Action Started")

    press(page, "Next")
    expect_step(page, "Review & Confirm")
    press(page, "Back")
    expect_step(page, "Select events")
    expect(count).to_have_text(f"3 of {EVENTS_IN_ALL} events selected")


def test_a_test_event_from_connect_is_accepted_and_not_confirmed(alices: Page) -> None:
    page = alices
    begin(page, "Customer Care")
    key_field(page).fill(DRAFT_KEY)
    page.get_by_role("radio", name=SANDBOX).check()
    press(page, "Send test event")
    trial = page.get_by_role("alert")
    expect(trial).to_contain_text("Accepted, not confirmed: status 200")
    nonce = trial.get_by_role("code").text_content()
    assert nonce

    page.goto("/sandbox/")
    page.locator("summary", has_text="Sluice Connection Tested").click()
    expect(page.get_by_role("region", name="Sluice Connection Tested")).to_contain_text(nonce)


def test_an_unfinished_setup_goes_on_after_signing_out_and_in(page: Page, alice: User) -> None:
    sign_in(page, alice)
    begin(page, "Customer Care")
    connect(page, DRAFT_KEY, source_name="Care, draft")
    sign_out(page)
    sign_in(page, alice)

    page.get_by_role("link", name="Integrations of Customer Care").click()
    expect(page.get_by_text("Finish setup")).to_be_visible()
    open_segment(page, "Draft")
    expect_step(page, "Select events")
    page.get_by_role("link", name="Connect (done)").click()
    expect(page.get_by_label("Source name")).to_have_value("Care, draft")
    expect(page.get_by_text("••••••••1a2b")).to_be_visible()


def test_live_cannot_be_opened_before_draft_is_complete(alices: Page) -> None:
    page = alices
    begin(page, "Customer Care")
    page.get_by_role("link", name="Integrations").click()
    open_segment(page, "Live")
    expect_error(
        page,
        page.get_by_label("Environment"),
        "You must complete configuration for the draft environment before you can add the extension in the Live "
        "environment.",
    )
