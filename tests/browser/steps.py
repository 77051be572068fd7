"""What a person does on a page to see it in one of its states."""

from collections.abc import Callable

from django.template.loader import render_to_string
from playwright.sync_api import Page, expect

from integrations import connections
from tests.browser.wizard import IBM_EVENTS, SANDBOX, event_box, key_field, press
from tests.browser.world import World

Steps = Callable[[Page, World], None]


def expect_heading(page: Page, heading: str) -> None:
    expect(page.get_by_role("heading", name=heading).first).to_be_visible()


def pressing(button: str, heading: str) -> Steps:
    """Press a button and wait for what it leads to."""

    def steps(page: Page, world: World) -> None:
        press(page, button)
        expect_heading(page, heading)

    return steps


def mistaken(button: str, values: dict[str, str] | None = None) -> Steps:
    """Fill in fields by their labels, send the form, and wait for its errors."""

    def steps(page: Page, world: World) -> None:
        for label, value in (values or {}).items():
            page.get_by_label(label, exact=True).fill(value)
        press(page, button)
        expect(page.locator("[role=alert], [aria-invalid=true]").first).to_be_visible()

    return steps


def filtered(choices: dict[str, str], heading: str) -> Steps:
    """Choose from lists by their labels, filter, and wait for what is found."""

    def steps(page: Page, world: World) -> None:
        for label, choice in choices.items():
            page.get_by_role("combobox", name=label, exact=True).select_option(label=choice)
        press(page, "Filter")
        expect_heading(page, heading)

    return steps


def unfold(page: Page, world: World) -> None:
    page.locator("main details").evaluate_all("(all) => { for (const each of all) each.open = true }")
    page.locator("main [aria-expanded]").evaluate_all("(all) => { for (const each of all) each.click() }")


def open_account_menu(page: Page, world: World) -> None:
    press(page, "Account")
    expect(page.get_by_text("Signed in as alice@example.com")).to_be_visible()


def sign_in_wrongly(page: Page, email: str) -> None:
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill("a guess")
    press(page, "Sign in")


def mistype_the_password(page: Page, world: World) -> None:
    sign_in_wrongly(page, "trudy@example.com")
    expect(page.get_by_text("do not belong together")).to_be_visible()


def guess_passwords(page: Page, world: World) -> None:
    while page.get_by_role("heading", name="Sign in", level=1).is_visible():
        sign_in_wrongly(page, "mallory@example.com")
    expect_heading(page, "Too many attempts")


def make_a_link(page: Page, world: World) -> None:
    press(page, "New link for carol@example.com")
    expect_heading(page, "One-time link for carol@example.com")


def create_a_key(page: Page, world: World) -> None:
    page.get_by_label("Label of a new key").fill("Staging")
    press(page, "Create key")
    expect(page.get_by_text("Copy it now: it is not shown again.")).to_be_visible()


def choose_a_browser_key(page: Page, world: World) -> None:
    page.get_by_role("radio", name="In a web page or an app").check()
    expect(page.get_by_label("Allowed origins (optional)")).to_be_visible()


def create_a_browser_key(page: Page, world: World) -> None:
    choose_a_browser_key(page, world)
    page.get_by_label("Label of a new key").fill("Campaign")
    page.get_by_label("Allowed origins (optional)").fill("https://campaign.example")
    press(page, "Create key")
    expect(page.get_by_text("The browser key is created.")).to_be_visible()


def mistype_an_origin(page: Page, world: World) -> None:
    choose_a_browser_key(page, world)
    page.get_by_label("Label of a new key").fill("Campaign")
    page.get_by_label("Allowed origins (optional)").fill("campaign.example")
    press(page, "Create key")
    expect(page.get_by_text("“campaign.example” does not begin with https://")).to_be_visible()


def let_the_form_expire(page: Page, world: World) -> None:
    token = page.locator("main input[name=csrfmiddlewaretoken]")
    token.evaluate("(field) => { field.value = 'x'.repeat(64) }")
    page.get_by_label("Name").fill("Late")
    pressing("Create", "This form has expired")(page, world)


def open_dialog(page: Page, world: World) -> None:
    page.get_by_role("link", name="Open Segment").click()
    expect(page.get_by_role("dialog", name="Open extension")).to_be_visible()


def open_menu(page: Page, world: World) -> None:
    press(page, "More about Segment")
    expect(page.get_by_role("link", name="Delete from assistant")).to_be_visible()


def open_other_dialog(page: Page, world: World) -> None:
    open_menu(page, world)
    page.get_by_role("link", name="Delete from assistant").click()
    expect(page.get_by_role("dialog", name="Delete Segment from assistant")).to_be_visible()


def try_the_key(page: Page, world: World) -> None:
    key_field(page).fill("w" * 32)
    page.get_by_role("radio", name=SANDBOX).check()
    press(page, "Send test event")
    expect(page.get_by_text("Accepted, not confirmed: status 200")).to_be_visible()


def select_nothing(page: Page, world: World) -> None:
    for event in IBM_EVENTS:
        event_box(page, event).uncheck()
    mistaken("Next")(page, world)


def find_feedback(page: Page, world: World) -> None:
    page.get_by_role("searchbox", name="Search events and properties").fill("feedback")
    expect(page.get_by_role("status").filter(has_text="1 of 24 events")).to_be_visible()


def pause_the_debugger(page: Page, world: World) -> None:
    press(page, "Pause")
    expect(page.get_by_role("button", name="Resume")).to_be_visible()


def save_what_somebody_else_changed(page: Page, world: World) -> None:
    connection = world.fresh.connection
    connection.refresh_from_db()
    connections.change_destination(
        connection,
        settings=connection.settings,
        source_name=f"{connection.source_name}!",
        write_key=None,
        by=world.bob,
    )
    pressing("Save", "Changed in the meantime")(page, world)


def go_nowhere(page: Page, world: World) -> None:
    page.goto("/nowhere/")
    expect_heading(page, "There is nothing at this address")


def ask_for_another_host(page: Page, world: World) -> None:
    page.goto(page.url.replace("127.0.0.1", "sluice.localhost"))
    expect_heading(page, "The server did not understand this request")


def break_the_server(page: Page, world: World) -> None:
    """Show the page for errors of the server itself, with the files that the server has."""
    body = render_to_string("500.html")
    page.route("**/broken/", lambda route: route.fulfill(status=500, content_type="text/html", body=body), times=1)
    page.goto("/broken/")
    expect_heading(page, "Something went wrong on the server")
