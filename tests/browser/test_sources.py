"""Connecting a source as a person does: by roles and labels, with a sender that really posts, scripts or not."""

import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Browser, Locator, Page, expect

from assistants import encryption, log
from assistants.models import AuditEntry, Environment, Source
from tests.browser.people import let_in
from tests.browser.source_steps import dry_run
from tests.browser.wizard import expect_note, press
from tests.make import make_assistant, make_environment

pytestmark = pytest.mark.django_db(transaction=True)

MESSAGE = {"type": "message", "conversation": "c-1", "user": "user-42", "text": "Where is my parcel?"}


@pytest.fixture(params=["with scripts", "without scripts"])
def page(request: pytest.FixtureRequest, browser: Browser, base_url: str, alice: User) -> Iterator[Page]:
    """Alice's browser, once as most people have it and once without any script."""
    context = browser.new_context(base_url=base_url, java_script_enabled=request.param == "with scripts")
    let_in(context, alice)
    yield context.new_page()
    context.close()


def post(address: str, body: object, **headers: str) -> int:
    """Send as a vendor would; return the status of the answer."""
    raw = json.dumps(body).encode()
    request = urllib.request.Request(address, raw, {"Content-Type": "application/json", **headers})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        return refused.code


def copied(page: Page, label: str, base_url: str) -> str:
    """Read what one would copy, and put this test's server in place of the address that the settings name."""
    text = page.get_by_role("region", name=label, exact=True).inner_text()
    return re.sub(r"^https?://[^/]+", base_url, text)


def rule(page: Page, number: int) -> Locator:
    return page.get_by_role("group", name=f"Rule {number}", exact=True)


def write_field(page: Page, place: int, name: str, expression: str) -> None:
    page.get_by_label(f"Field {place} of rule 1", exact=True).fill(name)
    page.get_by_label(f"Value of field {place} of rule 1").fill(expression)


def test_a_sender_nobody_knows_is_connected_from_key_to_event(page: Page, base_url: str) -> None:
    assistant = make_assistant(name="Customer Care")
    environment = make_environment("draft", assistant)

    page.goto(f"/assistants/{assistant.pk}/")
    page.get_by_role("link", name="Sources of Draft").click()
    expect(page.get_by_role("heading", name="Nothing is connected yet")).to_be_visible()
    page.get_by_role("link", name="Custom source").click()
    press(page, "Create an ingest key")
    expect(page.get_by_text("The ingest key is created.")).to_be_visible()
    address = copied(page, "Address with the key", base_url)

    assert post(address, MESSAGE) == 200
    assert log.head(environment.pk) == 0
    page.goto(f"/environments/{environment.public_id}/sources/custom/")
    expect(page.get_by_role("main")).to_contain_text("Receiving")
    expect(page.get_by_role("row", name="Became no event")).to_be_visible()

    page.get_by_role("link", name="Edit rules").click()
    expect(page.get_by_role("heading", name="No rule yet")).to_be_visible()
    press(page, "Add rule")
    rule(page, 1).get_by_label("Event").fill("Message Sent")
    rule(page, 1).get_by_label("When").fill("type == 'message'")
    write_field(page, 1, "conversationId", "conversation")
    for place, (name, expression) in enumerate((("userId", "user"), ("message_body", "nope(text)")), 2):
        press(page, "Add field to rule 1")
        write_field(page, place, name, expression)
    dry_run(page)
    expect(page.get_by_role("alert")).to_contain_text("Rule 1, field message_body: calls nope()")
    wrong = page.get_by_label("Value of field 3 of rule 1")
    expect(wrong).to_have_attribute("aria-invalid", "true")
    expect(wrong).to_have_accessible_description(re.compile(r"calls nope\(\)"))

    wrong.fill("text")
    dry_run(page)
    tried = page.get_by_role("article").filter(has=page.get_by_text("by rule 1"))
    expect(tried.get_by_role("region", name="Message Sent of payload 1, piece 1")).to_contain_text(MESSAGE["text"])
    assert log.head(environment.pk) == 0
    assert not Source.objects.get().options

    press(page, "Save rules")
    expect_note(page, "The rules are saved.")
    assert AuditEntry.objects.get(action="source.added").actor_name == "alice@example.com"
    # Intake looks at a set-up again after two seconds.
    while not log.head(environment.pk):
        assert post(address, {**MESSAGE, "text": "And now?"}) == 200
        page.wait_for_timeout(200)
    (event,) = log.read(environment.pk, after=0, limit=10)
    assert (event.name, event.user) == ("Message Sent", "user-42")
    page.reload()
    expect(page.get_by_role("row", name="Became events")).to_be_visible()
    page.get_by_role("row", name="Became events").get_by_role("link").click()
    expect(page.get_by_role("region", name="Body as it came")).to_contain_text("And now?")


def test_a_webhook_with_a_secret_is_set_up_and_a_wrong_signature_is_counted(page: Page, base_url: str) -> None:
    environment: Environment = make_environment()
    page.goto(f"/environments/{environment.public_id}/sources/")
    page.get_by_role("link", name="IBM watsonx Assistant").click()
    address = copied(page, "Log webhook URL", base_url)

    page.get_by_label("Webhook secret").fill("a made-up secret for tests")
    page.get_by_label("Clients use the stateless API").check()
    press(page, "Save")
    expect_note(page, "IBM watsonx Assistant is set up for Draft.")
    expect(page.get_by_label("Webhook secret")).to_have_value("")
    expect(page.get_by_text("A secret is set.")).to_be_visible()
    expect(page.get_by_label("Clients use the stateless API")).to_be_checked()
    row = Source.objects.get()
    assert encryption.decrypt(row.secret, context=row.secret_context) == "a made-up secret for tests"

    assert post(address, {"event": {"name": "message_logged"}, "payload": {}}, Authorization="x.y.z") == 401
    page.reload()
    expect(page.get_by_role("row", name="Wrong signature")).to_contain_text("From 127.0.0.1")
    expect(page.get_by_role("heading", name="No payload yet")).to_be_visible()

    page.get_by_role("link", name="Remove it").click()
    press(page, "Remove secret")
    expect_note(page, "The secret of IBM watsonx Assistant is removed.")
    assert Source.objects.get().secret == ""


def test_rules_as_json_are_the_rules_of_the_form(page: Page) -> None:
    environment = make_environment()
    page.goto(f"/environments/{environment.public_id}/sources/custom/rules/")
    page.get_by_label("Preset").select_option(label="Twilio Conversations")
    press(page, "Start from the preset")
    expect(page.get_by_role("radio", name="Basic authorization, with the secret as password")).to_be_checked()

    press(page, "Edit as JSON")
    text = json.loads(page.get_by_label("Configuration").input_value())
    assert [each["event"] for each in text["rules"]] == [
        "Conversation Started",
        "Message Sent",
        "Message Received",
        "Conversation Ended",
    ]
    page.get_by_label("Configuration").fill(json.dumps({**text, "rules": text["rules"][:1]}))
    press(page, "Edit in the form")
    expect(rule(page, 1)).to_be_visible()
    expect(rule(page, 2)).to_have_count(0)
    press(page, "Remove rule 1")
    expect(page.get_by_role("heading", name="No rule yet")).to_be_visible()
    assert not Source.objects.exists()


def test_names_are_chosen_with_the_difference_in_sight(page: Page) -> None:
    environment = make_environment()
    page.goto(f"/environments/{environment.public_id}/sources/")
    page.get_by_role("link", name="Change", exact=True).click()
    expect(page.get_by_role("row", name="The assistant answers Message Handled Message Received")).to_be_visible()

    page.get_by_role("radio", name="Both").check()
    press(page, "Save")

    expect_note(page, "Events that are derived from now on carry the names you chose.")
    environment.refresh_from_db()
    assert environment.vocabulary == "both"
