"""What the browser is told on each page, and who gets in where."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from dashboard.access import CONTENT_SECURITY_POLICY
from tests.browser.pages import ARGUMENTS, address
from tests.browser.people import let_in
from tests.browser.sights import SIGHTLESS
from tests.browser.world import World

OPEN_TO_EVERYBODY = {"healthz", "readyz", "metrics", "theme", "account:sign_in", "account:welcome"}
ADMINS_ONLY = {name for name in ARGUMENTS if name.startswith("users:")}
NOTE_VIOLATIONS = """
  window.violations = [];
  document.addEventListener("securitypolicyviolation", (event) => violations.push(event.violatedDirective));
"""


@pytest.fixture(scope="module")
def contexts(browser: Browser, base_url: str, world: World) -> Iterator[dict[str, BrowserContext]]:
    """A browser for Alice, who is an admin, for Bob, who is not, and for somebody who is not signed in."""
    opened = {name: browser.new_context(base_url=base_url) for name in ("alice", "bob", "nobody")}
    let_in(opened["alice"], world.alice)
    let_in(opened["bob"], world.bob)
    yield opened
    for context in opened.values():
        context.close()


@pytest.fixture(scope="module")
def guarded(contexts: dict[str, BrowserContext]) -> Page:
    """A page of Alice's that notes whatever its policy forbids."""
    page = contexts["alice"].new_page()
    page.add_init_script(NOTE_VIOLATIONS)
    return page


@pytest.mark.parametrize("url_name", sorted(set(ARGUMENTS) - set(SIGHTLESS) - {"account:sign_in"}))
def test_a_page_keeps_to_its_policy(guarded: Page, world: World, url_name: str) -> None:
    query = "?event=track:Session Started&is_on=false&version=1" if url_name == "connections:switch_event" else ""
    response = guarded.goto(address(url_name, world) + query)

    assert response is not None
    assert (response.status, response.headers["content-security-policy"]) == (200, CONTENT_SECURITY_POLICY)
    assert guarded.evaluate("violations") == []


def test_what_the_policy_forbids_is_noticed(guarded: Page) -> None:
    guarded.goto("/")
    guarded.evaluate("document.body.setAttribute('style', 'color: red')")

    guarded.wait_for_function("violations.length > 0")

    assert guarded.evaluate("violations") == ["style-src-attr"]


@pytest.mark.parametrize("url_name", sorted(set(ARGUMENTS) - OPEN_TO_EVERYBODY))
def test_who_is_not_signed_in_is_sent_to_sign_in(
    contexts: dict[str, BrowserContext], world: World, url_name: str
) -> None:
    asked = address(url_name, world)
    response = contexts["nobody"].request.get(asked, max_redirects=0)

    assert (response.status, response.headers["location"]) == (302, f"/sign-in/?next={asked}")


@pytest.mark.parametrize("url_name", sorted(set(ARGUMENTS) - {"account:sign_out"}))
def test_only_the_pages_of_users_are_closed_to_members(
    contexts: dict[str, BrowserContext], world: World, url_name: str
) -> None:
    response = contexts["bob"].request.get(address(url_name, world), max_redirects=0)

    assert (response.status == 403) == (url_name in ADMINS_ONLY)
