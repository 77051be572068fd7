"""Everything that can be seen: each page in each of its states."""

from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Page

from assistants import sources
from tests.browser.pages import Arguments, address
from tests.browser.source_steps import (
    break_a_rule,
    break_the_json,
    choose_a_signature,
    make_a_source_key,
    show_as_json,
    try_the_rules,
)
from tests.browser.steps import (
    Steps,
    ask_for_another_host,
    break_the_server,
    choose_a_browser_key,
    create_a_browser_key,
    create_a_key,
    filtered,
    find_feedback,
    go_nowhere,
    guess_passwords,
    let_the_form_expire,
    make_a_link,
    mistaken,
    mistype_an_origin,
    mistype_the_password,
    open_account_menu,
    open_dialog,
    open_menu,
    open_other_dialog,
    pause_the_debugger,
    pressing,
    save_what_somebody_else_changed,
    select_nothing,
    try_the_key,
    unfold,
)
from tests.browser.world import Place, World

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


def event(fate: str, of: Callable[[World], Place] = lambda world: world.busy) -> Arguments:
    """Find an event with this fate, in the busiest place or another one."""
    return lambda world: [of(world).environment.public_id, of(world).position(fate)]


def source(kind: str) -> Arguments:
    """Find a source of one kind, where custom rules are in use and others are not."""
    return lambda world: [world.busy.environment.public_id, kind]


def replay_named(name: str) -> Arguments:
    """Find a replay of the world by how it stands."""
    return lambda world: [world.confirmed.connection.pk, getattr(world.replays, name).pk]


OTHER_SOURCES = ("segment", *(adapter.kind for adapter in sources.adapters() if adapter.kind != "custom"))

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
    Sight("environments:detail", "for a browser", choose_a_browser_key),
    Sight("environments:detail", "with a new browser key", create_a_browser_key),
    Sight("environments:detail", "wrong origin", mistype_an_origin, refusals=(422,)),
    Sight("environments:browser_key", "", unfold),
    Sight(
        "environments:browser_key",
        "wrong",
        mistaken("Save", {"Allowed origins (optional)": "https://*.shop.example"}),
        refusals=(422,),
    ),
    Sight(
        "environments:browser_key",
        "revoked",
        arguments=lambda world: [world.busy.environment.public_id, world.revoked_browser_key.public_id],
    ),
    Sight("environments:revoke_key"),
    Sight(
        "environments:revoke_key",
        "revoked",
        arguments=lambda world: [world.busy.environment.public_id, world.revoked_key.public_id],
    ),
    Sight("environments:schema_check"),
    Sight("environments:schema_check", "of a month", query="?days=30"),
    Sight("environments:schema_check", "untouched", arguments=lambda world: [world.untouched.public_id]),
    Sight("environments:retention"),
    Sight("environments:retention", "wrong", mistaken("Save", {"Days": "366"}), refusals=(422,)),
    Sight("environments:ledger"),
    Sight("environments:ledger", "rejected", arguments=lambda world: [world.confirmed.environment.public_id]),
    Sight("environments:ledger", "untouched", arguments=lambda world: [world.untouched.public_id]),
    Sight("environments:erase"),
    Sight(
        "environments:erase",
        "wrong",
        mistaken("Erase user", {"User ID": "customer-1", "Type the user ID again to confirm": "customer-2"}),
        refusals=(422,),
    ),
    Sight("environments:erase", "untouched", arguments=lambda world: [world.untouched.public_id]),
    Sight("environments:rename"),
    Sight("environments:delete"),
    Sight("sources:list"),
    Sight("sources:list", "untouched", arguments=lambda world: [world.untouched.public_id]),
    Sight("sources:vocabulary"),
    Sight(
        "sources:vocabulary",
        "wrong in live",
        mistaken("Save"),
        arguments=lambda world: [world.needs_attention.environment.public_id],
        refusals=(422,),
    ),
    Sight("sources:detail", "custom", unfold),
    *(Sight("sources:detail", kind, arguments=source(kind)) for kind in OTHER_SOURCES),
    Sight("sources:detail", "with a new key", make_a_source_key),
    Sight(
        "sources:detail",
        "wrong in live",
        mistaken("Save"),
        arguments=lambda world: [world.needs_attention.environment.public_id, "watson"],
        refusals=(422,),
    ),
    Sight("sources:remove_secret"),
    Sight("sources:remove_secret", "wrong", mistaken("Remove secret"), refusals=(422,)),
    Sight("sources:rules"),
    Sight("sources:rules", "with a signature", choose_a_signature),
    Sight("sources:rules", "tried", try_the_rules),
    Sight("sources:rules", "wrong", break_a_rule, refusals=(422,)),
    Sight("sources:rules", "as JSON", show_as_json),
    Sight("sources:rules", "wrong JSON", break_the_json, refusals=(422,)),
    Sight(
        "sources:rules",
        "untouched",
        try_the_rules,
        arguments=lambda world: [world.untouched.public_id, "custom"],
    ),
    Sight("sources:payload"),
    Sight(
        "sources:payload",
        "unreadable",
        arguments=lambda world: [world.busy.environment.public_id, "custom", world.sources.unreadable.pk],
    ),
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
    Sight("catalog:list", "found", query="?q=message_body"),
    Sight("catalog:list", "no match", query="?q=no+such+thing"),
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
    Sight("setup:events", "found", find_feedback),
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
    Sight("connections:pace"),
    Sight("connections:options"),
    Sight(
        "connections:options",
        "wrong in live",
        mistaken("Save"),
        arguments=lambda world: [world.needs_attention.connection.pk],
        refusals=(422,),
    ),
    Sight("connections:samples"),
    Sight("connections:samples", "real", arguments=lambda world: [world.confirmed.connection.pk]),
    Sight("connections:rejections"),
    Sight("connections:rejections", "resolved", query="?state=resolved"),
    Sight("connections:rejections", "none", arguments=lambda world: [world.fresh.connection.pk]),
    Sight("connections:rejections", "wrong", query="?state=lost", refusals=(422,)),
    Sight("connections:discard", query="?all=on"),
    Sight("connections:discard", "nothing"),
    Sight("connections:discard", "wrong", mistaken("Discard 3 in Draft"), query="?all=on", refusals=(422,)),
    Sight("connections:replays"),
    Sight("connections:replays", "none", arguments=lambda world: [world.fresh.connection.pk]),
    Sight("connections:new_replay", arguments=lambda world: [world.busy.connection.pk]),
    Sight("connections:new_replay", "wrong", query="?first=7&last=3", refusals=(422,)),
    Sight("connections:new_replay", "empty", arguments=lambda world: [world.fresh.connection.pk]),
    Sight(
        "connections:new_replay",
        "preview",
        query="?look=on",
        arguments=lambda world: [world.busy.connection.pk],
    ),
    Sight("connections:new_replay", "of rejections", query="?all=on"),
    Sight("connections:new_replay", "without rejections", query="?rejection=", refusals=(422,)),
    Sight(
        "connections:new_replay",
        "nothing to send",
        query="?first=53&last=53",
        arguments=lambda world: [world.busy.connection.pk],
    ),
    Sight("connections:replay"),
    Sight("connections:replay", "waiting", arguments=replay_named("waiting")),
    Sight("connections:replay", "paused", arguments=replay_named("paused")),
    Sight("connections:replay", "stopped", arguments=replay_named("stopped")),
    Sight("connections:pause_replay"),
    Sight("connections:resume_replay"),
    Sight("connections:stop_replay"),
    Sight("connections:disconnect"),
    Sight("connections:disconnect", "wrong", mistaken("Disconnect Live"), refusals=(422,)),
]

# Addresses that show no page of their own, and what they are instead.
SIGHTLESS = {
    "healthz": "for probes",
    "readyz": "for probes",
    "metrics": "for monitoring systems",
    "catalog:schema": "JSON",
    "catalog:plan": "JSON",
    "connections:plan": "JSON",
    "debugger:newer": "a fragment of the debugger",
    "theme": "a button of the account menu",
    "account:sign_out": "a button of the account menu",
    "users:link": "a button of the Users page",
    "users:enable": "a button of the Users page",
    "users:role": "a button of the Users page",
    "environments:create_key": "a form of the environment's page",
    "sources:save": "a form of the source's page",
    "sources:create_key": "a button of the source's page",
    "setup:cancel": "a button of the wizard",
    "connections:test": "a button of the connection's page",
    "connections:confirm": "a button of the connection's page",
}
