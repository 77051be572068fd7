"""How people of the tests get into a browser."""

from django.conf import settings
from django.contrib.auth.models import User
from playwright.sync_api import BrowserContext, Page, expect

from tests.dashboard.people import PASSWORD, signed_in


def let_in(context: BrowserContext, user: User) -> None:
    """Give the browser a session of `user`, as signing in would."""
    name = settings.SESSION_COOKIE_NAME
    cookie = signed_in(user).cookies[name]
    context.add_cookies([{"name": name, "value": cookie.value, "domain": "127.0.0.1", "path": "/"}])


def sign_in(page: Page, user: User) -> None:
    """Sign in as a person does."""
    page.goto("/sign-in/")
    page.get_by_label("E-mail address").fill(user.username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("button", name="Account")).to_be_visible()


def sign_out(page: Page) -> None:
    page.get_by_role("button", name="Account").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in", level=1)).to_be_visible()
