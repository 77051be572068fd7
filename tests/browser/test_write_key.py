"""A write key goes one way: into the server and never back, in no page, no answer and no log."""

import json
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Browser, Page, expect

from integrations.models import Connection
from tests.browser.people import let_in
from tests.browser.wizard import SANDBOX, begin, expect_step, finish, key_field, press, select
from tests.system.stack import Stack

pytestmark = pytest.mark.django_db(transaction=True)

FIRST_KEY = "f" * 28 + "1a2b"
SECOND_KEY = "s" * 28 + "3c4d"


def enter_keys(page: Page) -> None:
    """Enter a key and have it refused, kept, tried, passed over and taken; then another one for good."""
    begin(page, "Customer Care")
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

    page.goto(f"/connections/{Connection.objects.get().pk}/settings/")
    key_field(page).fill(SECOND_KEY)
    press(page, "Save")
    expect(page.get_by_text("••••••••3c4d")).to_be_visible()
    page.goto("/audit/")
    page.goto("/sandbox/")


def test_no_answer_of_the_server_holds_a_write_key(
    browser: Browser, base_url: str, server: Stack, alice: User, tmp_path: Path
) -> None:
    record = tmp_path / "wire.har"
    context = browser.new_context(base_url=base_url, record_har_path=record, record_har_content="embed")
    let_in(context, alice)
    enter_keys(context.new_page())
    context.close()

    entries = json.loads(record.read_text())["log"]["entries"]
    told = [entry["request"].get("postData", {}).get("text", "") for entry in entries]
    said = [f"{entry['request']['url']} {json.dumps(entry['response'], ensure_ascii=False)}" for entry in entries]
    assert "••••••••3c4d" in "".join(said)
    for key in (FIRST_KEY, SECOND_KEY):
        assert key in "".join(told)
        assert key not in "".join(said)
        assert key not in server.logs()
