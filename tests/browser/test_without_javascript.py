"""The same without a script: each control is a link or a form first."""

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Browser, Page, expect

from assistants.keys import digest
from assistants.models import Environment, Erasure, IngestKey
from integrations import connections
from integrations.models import Connection
from tests.browser.people import let_in, sign_in
from tests.browser.wizard import (
    IBM_EVENTS,
    begin,
    connect,
    event_box,
    expect_error,
    expect_note,
    expect_step,
    finish,
    key_field,
    press,
    select,
)
from tests.make import append, make_connection, make_environment, make_message

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def plain(browser: Browser, base_url: str) -> Iterator[Page]:
    """A page in a browser that runs no scripts."""
    context = browser.new_context(base_url=base_url, java_script_enabled=False)
    yield context.new_page()
    context.close()


@pytest.fixture
def page(plain: Page, alice: User) -> Page:
    """The same, with Alice signed in."""
    let_in(plain.context, alice)
    return plain


def open_connection(page: Page, connection: Connection) -> None:
    page.goto(f"/connections/{connection.pk}/")


def status(connection: Connection) -> str:
    connection.refresh_from_db()
    return connection.status


def test_the_wizard_connects_draft_and_opens_live(plain: Page, alice: User) -> None:
    sign_in(plain, alice)
    begin(plain, "Customer Care")
    plain.get_by_label("Source name").fill("Care, draft")
    press(plain, "Next")
    expect_error(plain, key_field(plain), "Enter the Segment key.")
    expect(plain.get_by_label("Source name")).to_have_value("Care, draft")

    connect(plain, "d" * 32, source_name="Care, draft")
    expect(plain.get_by_role("table", name="Properties of Session Started")).to_be_visible()
    event_box(plain, "Session Started").check()
    press(plain, "Back")
    expect_step(plain, "Connect")
    press(plain, "Next")
    expect(event_box(plain, "Session Started")).to_be_checked()
    select(plain, *IBM_EVENTS)
    finish(plain, "draft")

    plain.get_by_role("link", name="Open Segment").click()
    expect(plain.get_by_role("heading", name="Open extension", level=1)).to_be_visible()
    plain.get_by_label("Environment").select_option(label="Live")
    press(plain, "Confirm")
    expect_step(plain, "Connect")
    connection = Connection.objects.get()
    assert {name for _type, name in connections.selection_of(connection)} == set(IBM_EVENTS)


def test_a_switch_in_draft_is_a_button_of_a_form(page: Page) -> None:
    connection = make_connection()
    open_connection(page, connection)

    page.get_by_role("switch", name="Session Started").click()

    expect_note(page, "Session Started is off, for everything not yet sent.")
    expect(page.get_by_role("switch", name="Session Started")).not_to_be_checked()
    assert connections.selection_of(connection) == set()

    page.get_by_role("switch", name="Action Started").click()

    expect_note(page, "Action Started is on, for everything not yet sent.")
    assert connections.selection_of(connection) == {("track", "Action Started")}


def test_a_switch_in_live_asks_for_the_reason_on_a_page_of_its_own(page: Page) -> None:
    connection = make_connection(make_environment("live"))
    open_connection(page, connection)

    page.get_by_role("switch", name="Session Started").click()
    expect(page.get_by_role("heading", name="Switch off Session Started in Live", level=1)).to_be_visible()
    page.get_by_label("Type Live to confirm").fill("live")
    press(page, "Switch off in Live")
    expect_error(page, page.get_by_label("Reason"), "Say why: changes in live keep their reason.")
    assert connections.selection_of(connection) == {("track", "Session Started")}

    page.get_by_label("Reason").fill("Too many of them")
    press(page, "Switch off in Live")
    expect_note(page, "Session Started is off, for everything not yet sent.")
    assert connections.selection_of(connection) == set()
    assert connections.version_in_force(connection).reason == "Too many of them"


def test_pause_and_resume_in_draft_are_one_press_each(page: Page) -> None:
    connection = make_connection()
    open_connection(page, connection)

    press(page, "Pause")
    expect_note(page, "Sending is paused. Events are kept and wait.")
    assert status(connection) == Connection.Status.PAUSED

    press(page, "Resume")
    expect_note(page, "Sending goes on where it stopped.")
    assert status(connection) == Connection.Status.ACTIVE


def test_pause_in_live_asks_for_the_reason_and_the_name(page: Page) -> None:
    connection = make_connection(make_environment("live"))
    open_connection(page, connection)

    page.get_by_role("link", name="Pause", exact=True).click()
    page.get_by_label("Reason").fill("The source moves")
    page.get_by_label("Type Live to confirm").fill("draft")
    press(page, "Pause Live")
    expect_error(page, page.get_by_label("Type Live to confirm"), "This does not match. Type Live.")
    expect(page.get_by_label("Reason")).to_have_value("The source moves")
    assert status(connection) == Connection.Status.ACTIVE

    page.get_by_label("Type Live to confirm").fill("Live")
    press(page, "Pause Live")
    expect_note(page, "Sending is paused. Events are kept and wait.")
    assert status(connection) == Connection.Status.PAUSED


def test_a_new_ingest_key_is_shown_once(page: Page) -> None:
    environment = make_environment()
    page.goto(f"/environments/{environment.public_id}/")

    page.get_by_label("Label of a new key").fill("Web chat")
    press(page, "Create key")

    shown = page.get_by_role("region", name="Ingest key", exact=True)
    assert bytes(IngestKey.objects.get().digest) == digest(shown.inner_text())
    page.get_by_role("link", name="Home", exact=True).click()
    page.goto(f"/environments/{environment.public_id}/")
    expect(page.get_by_role("rowheader", name="Web chat")).to_be_visible()
    expect(shown).to_have_count(0)


def test_a_browser_key_is_made_and_held_to_other_origins(page: Page) -> None:
    environment = make_environment()
    page.goto(f"/environments/{environment.public_id}/")

    page.get_by_label("Label of a new key").fill("Shop")
    page.get_by_role("radio", name="In a web page or an app").check()
    page.get_by_label("Allowed origins (optional)").fill("https://shop.example")
    press(page, "Create key")
    page.get_by_role("link", name="Put it into a page").click()

    key = IngestKey.objects.get()
    expect(page.get_by_role("region", name="Browser key", exact=True)).to_have_text(key.browser_text)
    page.get_by_label("Allowed origins (optional)").fill("https://shop.example\nhttps://www.shop.example")
    press(page, "Save")
    expect_note(page, "The key may now be used from 2 origins.")
    key.refresh_from_db()
    assert key.origins == ["https://shop.example", "https://www.shop.example"]


def test_the_debugger_has_a_link_to_reload(page: Page) -> None:
    connection = make_connection()
    environment: Environment = connection.environment
    page.goto(f"/environments/{environment.public_id}/debugger/")
    expect(page.get_by_role("heading", name="No events yet")).to_be_visible()

    append(environment, make_message())
    page.get_by_role("link", name="Reload").click()

    expect(page.get_by_role("link", name="Session Started")).to_be_visible()


def test_retention_is_changed_and_a_user_erased(page: Page) -> None:
    environment = make_environment()
    append(environment, make_message(user_id="somebody@example.com"), make_message(user_id="other"))
    page.goto(f"/environments/{environment.public_id}/")

    page.get_by_role("link", name="Change retention").click()
    page.get_by_label("Days").fill("14")
    press(page, "Save")
    expect_note(page, "Events are now kept for 14 days.")
    page.get_by_role("link", name="Erase a user").click()
    page.get_by_label("User ID", exact=True).fill("somebody@example.com")
    page.get_by_label("Type the user ID again to confirm").fill("somebody@example.com")
    press(page, "Erase user")

    expect(page.get_by_role("row", name="Under way")).to_be_visible()
    environment.refresh_from_db()
    assert environment.retention_days == 14
    assert Erasure.objects.get(environment=environment).user_id == "somebody@example.com"
