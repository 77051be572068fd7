"""Everything that can be seen: each page in each of its states, and what a person does to see it."""

from collections.abc import Callable
from dataclasses import dataclass

from django.template.loader import render_to_string
from playwright.sync_api import Page, expect

from integrations import connections
from tests.browser.pages import Arguments, address
from tests.browser.wizard import IBM_EVENTS, SANDBOX, event_box, key_field, press
from tests.browser.world import Place, World

Steps = Callable[[Page, World], None]
ALICE, BOB, NOBODY = "alice", "bob", "nobody"


@dataclass(frozen=True)
class Sight:
    """A page in one state: where it is, what to do on it (`steps`), who looks at it.

    `refusals` are the statuses, other than 200, with which the server answers on the way.
    """

    url_name: str
    state: str = ""
    steps: Steps | None = None
    arguments: Arguments | None = None
    query: str = ""
    who: str = ALICE
    refusals: tuple[int, ...] = ()

    def __str__(self) -> str:
        return f"{self.url_name} {self.state}".strip().replace(" ", "_")

    def show(self, page: Page, world: World) -> None:
        """Go there and do what it takes."""
        page.goto(address(self.url_name, world, self.arguments) + self.query)
        if self.steps:
            self.steps(page, world)


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


def event(fate: str, of: Callable[[World], Place] = lambda world: world.busy) -> Arguments:
    """Find an event with this fate, in the busiest place or another one."""
    return lambda world: [of(world).environment.public_id, of(world).position(fate)]


SIGHTS = [
    Sight("home"),
    Sight("home", "with account menu", open_account_menu),
    Sight("home", "not found", go_nowhere, refusals=(404,)),
    Sight("home", "other host", ask_for_another_host, refusals=(400,)),
    Sight("home", "broken", break_the_server, refusals=(500,)),
    Sight("account:sign_in", who=NOBODY),
    Sight("account:sign_in", "on the way", query="?next=/audit/", who=NOBODY),
    Sight("account:sign_in", "wrong", mistype_the_password, who=NOBODY, refusals=(422,)),
    Sight("account:sign_in", "locked out", guess_passwords, who=NOBODY, refusals=(422, 429)),
    Sight("account:welcome", who=NOBODY),
    Sight(
        "account:welcome",
        "too short",
        mistaken("Set password and sign in", {"New password": "short", "New password again": "short"}),
        who=NOBODY,
        refusals=(422,),
    ),
    Sight("account:welcome", "used", arguments=lambda world: ["MQ", "used"], who=NOBODY, refusals=(410,)),
    Sight("account:password"),
    Sight(
        "account:password",
        "wrong",
        mistaken(
            "Change password",
            {"Current password": "a guess", "New password": "short", "New password again": "longer"},
        ),
        refusals=(422,),
    ),
    Sight("users:list"),
    Sight("users:list", "not allowed", who=BOB, refusals=(403,)),
    Sight("users:list", "with a new link", make_a_link),
    Sight("users:invite"),
    Sight("users:invite", "known", mistaken("Make the link", {"E-mail address": "bob@example.com"}), refusals=(422,)),
    Sight("users:disable"),
    Sight("assistants:create"),
    Sight(
        "assistants:create",
        "wrong",
        mistaken("Create", {"Name": "Shop", "Language (optional)": "!", "Service CRN (optional)": "crn:v1"}),
        refusals=(422,),
    ),
    Sight("assistants:create", "expired", let_the_form_expire, refusals=(403,)),
    Sight("assistants:detail"),
    Sight("assistants:detail", "with staging", arguments=lambda world: [world.shop.pk]),
    Sight("assistants:edit"),
    Sight("assistants:delete"),
    Sight(
        "assistants:delete",
        "wrong",
        mistaken("Delete assistant", {"Type Shop to confirm": "shop"}),
        arguments=lambda world: [world.shop.pk],
        refusals=(422,),
    ),
    Sight("assistants:add_environment"),
    Sight("environments:detail", "", unfold),
    Sight("environments:detail", "untouched", arguments=lambda world: [world.untouched.public_id]),
    Sight("environments:detail", "with a new key", create_a_key),
    Sight("environments:revoke_key"),
    Sight(
        "environments:revoke_key",
        "revoked",
        arguments=lambda world: [world.busy.environment.public_id, world.revoked_key.public_id],
    ),
    Sight("environments:rename"),
    Sight("environments:delete"),
    Sight("debugger:list"),
    Sight("debugger:list", "paused", pause_the_debugger),
    Sight("debugger:list", "filtered", query="?name=session&fate=accepted"),
    Sight("debugger:list", "no match", query="?fate=erased"),
    Sight("debugger:list", "wrong", query="?fate=unknown", refusals=(422,)),
    Sight("debugger:list", "older", query="?before=9"),
    Sight("debugger:list", "retrying", arguments=lambda world: [world.failing.environment.public_id]),
    Sight("debugger:list", "rejected", arguments=lambda world: [world.confirmed.environment.public_id]),
    Sight("debugger:list", "needing attention", arguments=lambda world: [world.needs_attention.environment.public_id]),
    Sight("debugger:list", "untouched", arguments=lambda world: [world.untouched.public_id]),
    Sight("debugger:list", "forgotten", arguments=lambda world: [world.forgotten.public_id]),
    Sight("debugger:event", "accepted", arguments=event("accepted")),
    Sight("debugger:event", "not selected", arguments=event("event_not_selected")),
    Sight("debugger:event", "without user", arguments=event("no_user_id")),
    Sight("debugger:event", "too large", arguments=event("message_too_large")),
    Sight("debugger:event", "waiting", arguments=event("waiting")),
    Sight("debugger:event", "before the connection", arguments=event("before_start")),
    Sight("debugger:event", "rejected", arguments=event("rejected", of=lambda world: world.confirmed)),
    Sight("debugger:event", "retrying", arguments=event("retrying", of=lambda world: world.failing)),
    Sight("debugger:event", "forgotten", arguments=lambda world: [world.forgotten.public_id, 1]),
    Sight("sandbox:list"),
    Sight("sandbox:list", "unfolded", lambda page, world: page.locator("summary").first.click()),
    Sight("sandbox:list", "no match", filtered({"Connection": "Shop, Live"}, "Nothing of this connection")),
    Sight("audit:list"),
    Sight(
        "audit:list",
        "no match",
        filtered({"Where": "Bank, Live", "Action": "Assistant created"}, "No entry matches"),
    ),
    Sight("catalog:list"),
    Sight("catalog:list", "unfolded", unfold),
    Sight("integrations:list"),
    Sight("integrations:list", "untouched", arguments=lambda world: [world.travel.pk]),
    Sight("integrations:list", "unfinished", arguments=lambda world: [world.bank.pk]),
    Sight("integrations:list", "with menu", open_menu),
    Sight("integrations:list", "with dialog", open_dialog),
    Sight("integrations:list", "with other dialog", open_other_dialog),
    Sight("extensions:overview", "unfinished"),
    Sight("extensions:overview", "connected", arguments=lambda world: [world.care.pk]),
    Sight("extensions:overview", "untouched", arguments=lambda world: [world.museum.pk]),
    Sight("extensions:open"),
    Sight("extensions:remove"),
    Sight("extensions:remove", "wrong", mistaken("Delete", {"Type DELETE to confirm": "delete"}), refusals=(422,)),
    Sight("setup:connect"),
    Sight("setup:connect", "live", arguments=lambda world: [world.travel.pk, world.copying.public_id]),
    Sight(
        "setup:connect",
        "wrong",
        mistaken("Next", {"Segment key": "two words"}),
        arguments=lambda world: [world.travel.pk, world.copying.public_id],
        refusals=(422,),
    ),
    Sight("setup:connect", "tried", try_the_key),
    Sight("setup:events", "unfolded", unfold),
    Sight("setup:events", "wrong", select_nothing, refusals=(422,)),
    Sight("setup:review"),
    Sight("setup:done"),
    Sight("connections:detail", "unfolded", unfold),
    Sight("connections:detail", "needing attention", arguments=lambda world: [world.needs_attention.connection.pk]),
    Sight("connections:detail", "confirmed", arguments=lambda world: [world.confirmed.connection.pk]),
    Sight("connections:detail", "paused", arguments=lambda world: [world.paused.connection.pk]),
    Sight("connections:detail", "failing", arguments=lambda world: [world.failing.connection.pk]),
    Sight("connections:detail", "fresh", arguments=lambda world: [world.fresh.connection.pk]),
    Sight(
        "connections:detail",
        "testing",
        pressing("Send test event", "Does it arrive?"),
        arguments=lambda world: [world.fresh.connection.pk],
    ),
    Sight("connections:switch_event", query="?event=track:Session Started&is_on=false&version=1"),
    Sight("connections:pause"),
    Sight("connections:resume"),
    Sight("connections:settings"),
    Sight(
        "connections:settings",
        "conflict",
        save_what_somebody_else_changed,
        arguments=lambda world: [world.fresh.connection.pk],
        refusals=(409,),
    ),
    Sight("connections:disconnect"),
    Sight("connections:disconnect", "wrong", mistaken("Disconnect Live"), refusals=(422,)),
]

# Addresses that show no page of their own, and what they are instead.
SIGHTLESS = {
    "healthz": "for probes",
    "readyz": "for probes",
    "catalog:schema": "JSON",
    "debugger:newer": "a fragment of the debugger",
    "theme": "a button of the account menu",
    "account:sign_out": "a button of the account menu",
    "users:link": "a button of the Users page",
    "users:enable": "a button of the Users page",
    "users:role": "a button of the Users page",
    "environments:create_key": "a form of the environment's page",
    "setup:cancel": "a button of the wizard",
    "connections:test": "a button of the connection's page",
    "connections:confirm": "a button of the connection's page",
}
