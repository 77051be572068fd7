"""A write key goes one way: into the server and never back, in no page, no answer and no log."""

from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Page, Route, expect

from integrations.models import Connection
from tests.browser.wizard import SANDBOX, begin, expect_step, finish, key_field, press, select
from tests.system.stack import Stack

pytestmark = pytest.mark.django_db(transaction=True)

FIRST_KEY = "f" * 28 + "1a2b"
SECOND_KEY = "s" * 28 + "3c4d"


@dataclass
class Wire:
    """Everything that goes over the wire: what the server says, and what it is told."""

    said: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def tap(self, page: Page) -> None:
        page.route("**/*", self._pass_on)

    def _pass_on(self, route: Route) -> None:
        # A redirect is an answer like any other.
        response = route.fetch(max_redirects=0)
        self.said += [route.request.url, str(response.headers), response.body().decode(errors="replace")]
        self.told.append(route.request.post_data or "")
        route.fulfill(response=response)


def test_no_answer_of_the_server_holds_a_write_key(alices: Page, server: Stack) -> None:
    page, wire = alices, Wire()
    wire.tap(page)
    begin(page, "Customer Care")

    # Refused beside a mistake in another field, tried, kept, passed over, taken for good.
    key_field(page).fill(FIRST_KEY)
    page.get_by_role("radio", name="Own URL").check()
    press(page, "Next")
    expect(page.get_by_role("alert")).to_contain_text("Enter the URL to send to, or choose another region.")
    expect(page.get_by_text("••••••••1a2b")).to_be_visible()
    key_field(page).fill(f"{FIRST_KEY} {FIRST_KEY}")
    press(page, "Next")
    expect(page.get_by_role("alert")).to_contain_text("The Segment key has spaces inside.")
    page.get_by_role("radio", name=SANDBOX).check()
    press(page, "Send test event")
    expect(page.get_by_text("Accepted, not confirmed: status 200")).to_be_visible()
    press(page, "Next")
    expect_step(page, "Select events")
    press(page, "Back")
    expect_step(page, "Connect")
    press(page, "Next")
    select(page, "Session Started")
    finish(page, "draft")

    connection = Connection.objects.get()
    page.goto(f"/connections/{connection.pk}/settings/")
    key_field(page).fill(SECOND_KEY)
    press(page, "Save")
    expect(page.get_by_text("••••••••3c4d")).to_be_visible()
    page.goto("/audit/")
    page.goto("/sandbox/")

    assert any(FIRST_KEY in told for told in wire.told)
    assert any(SECOND_KEY in told for told in wire.told)
    assert any("••••••••3c4d" in said for said in wire.said)
    for key in (FIRST_KEY, SECOND_KEY):
        assert not any(key in said for said in wire.said)
        assert key not in server.logs()
