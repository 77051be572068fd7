"""Replaying what Segment refused, as a person does it, scripts or not; watching a replay to its end."""

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Browser, Page, expect

from integrations import replay
from integrations.clients import segment_client
from integrations.delivery import run_lane
from integrations.models import Connection, Rejection, Replay
from integrations.replay import Scope
from tests.browser.people import let_in
from tests.browser.wizard import expect_note, press
from tests.make import append, live_lane, make_connection, make_message

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(params=["with scripts", "without scripts"])
def either(request: pytest.FixtureRequest, browser: Browser, base_url: str, alice: User) -> Iterator[Page]:
    """Alice's browser, once as most people have it and once without any script."""
    context = browser.new_context(base_url=base_url, java_script_enabled=request.param == "with scripts")
    let_in(context, alice)
    yield context.new_page()
    context.close()


@pytest.fixture
def connection(alice: User) -> Connection:
    """A connection to the sandbox that has sent three events, two of which count as rejected."""
    connection = make_connection()
    append(connection.environment, *(make_message(user_id=f"customer-{number}") for number in range(1, 4)))
    lane = live_lane(connection)
    run_lane(lane.pk, segment_client())
    for position in (1, 3):
        Rejection.objects.create(lane=lane, position=position, reason="refused_by_segment", status=400, answer="bad")
    return connection


def run(started: Replay) -> None:
    run_lane(started.lane_id, segment_client())


def test_a_ticked_rejection_is_looked_at_replayed_and_resolved(either: Page, connection: Connection) -> None:
    either.goto(f"/connections/{connection.pk}/rejections/")
    either.get_by_label("Session Started at 3").check()
    press(either, "Replay selected")
    expect(either.get_by_role("heading", name="Preview", level=1)).to_be_visible()
    expect(either.get_by_text("1 event is new to it.")).to_be_visible()
    either.get_by_label("New message IDs").check()
    press(either, "Start in Draft")
    expect_note(either, "The replay has started. You need not wait for it here.")

    started = Replay.objects.get()
    assert started.has_new_ids
    run(started)
    either.goto(f"/connections/{connection.pk}/rejections/?state=resolved")

    expect(either.get_by_role("row", name="customer-3")).to_contain_text("Accepted in a replay")
    assert list(Rejection.objects.unresolved().values_list("position", flat=True)) == [1]


def test_a_ticked_rejection_is_discarded(either: Page, connection: Connection) -> None:
    either.goto(f"/connections/{connection.pk}/rejections/")
    either.get_by_label("Session Started at 1").check()
    press(either, "Discard selected")
    either.get_by_label("Reason").fill("Known")
    press(either, "Discard 1 in Draft")

    expect_note(either, "1 rejected event discarded.")
    assert list(Rejection.objects.unresolved().values_list("position", flat=True)) == [3]


def test_a_range_is_chosen_paused_resumed_and_stopped(either: Page, connection: Connection) -> None:
    either.goto(f"/connections/{connection.pk}/replays/")
    either.get_by_role("link", name="New replay").click()
    either.get_by_role("group", name="To").get_by_label("or position").fill("2")
    press(either, "Preview")
    expect(either.get_by_text("Events from #1 to #2")).to_be_visible()
    press(either, "Start in Draft")
    press(either, "Pause")
    expect_note(either, "The replay is paused.")
    press(either, "Resume")
    expect_note(either, "The replay goes on where it stopped.")
    either.get_by_role("link", name="Stop").click()
    press(either, "Stop the replay")

    expect_note(either, "The replay is stopped.")
    assert Replay.objects.get().lane.has_ended


def test_an_open_page_follows_a_replay_to_its_end_and_then_rests(alices: Page, connection: Connection) -> None:
    started = replay.start(connection, Scope(1, 3), has_new_ids=False, by=None)
    alices.goto(f"/connections/{connection.pk}/replays/{started.pk}/")
    expect(alices.get_by_text("0 of 3 positions read")).to_be_visible()

    run(started)

    expect(alices.get_by_text("3 of 3 positions read")).to_be_visible()
    assert alices.locator("#replay-standing").get_attribute("hx-trigger") is None
