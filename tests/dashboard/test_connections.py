"""A connection's page: what it tells, its switches, and what changes ask for in draft and in live."""

from datetime import UTC, datetime, timedelta

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from assistants import catalog
from assistants.encryption import decrypt
from assistants.models import AuditEntry
from assistants.statements import run_together
from integrations import connections, counts
from integrations.models import Connection, Lane
from tests.dashboard.html import tag_with, text_of, value_of
from tests.fakes import running_segment
from tests.make import WRITE_KEY, append, live_lane, make_connection, make_environment, make_message

pytestmark = pytest.mark.django_db

STARTED = ("track", "Session Started")
HTMX = {"HX-Request": "true"}


def make_live_connection() -> Connection:
    return make_connection(make_environment("live"))


def see(client: Client, connection: Connection, page: str = "detail") -> HttpResponse:
    return client.get(reverse(f"connections:{page}", args=[connection.pk]))


def send(client: Client, connection: Connection, page: str, *, htmx: bool = False, **fields: object) -> HttpResponse:
    return client.post(reverse(f"connections:{page}", args=[connection.pk]), fields, headers=HTMX if htmx else None)


def switch(
    client: Client, connection: Connection, event: str, is_on: bool, *, htmx: bool = False, **fields: object
) -> HttpResponse:
    wanted = {"event": event, "is_on": "true" if is_on else "false", "version": 1, **fields}
    return send(client, connection, "switch_event", htmx=htmx, **wanted)


def change_status(connection: Connection, **fields: object) -> None:
    Connection.objects.filter(pk=connection.pk).update(**fields)


def version(connection: Connection) -> int:
    return connections.version_in_force(connection).number


# --- What the page tells ---


def test_the_page_shows_where_to_and_never_the_key(alices: Client) -> None:
    connection = make_connection()
    page = see(alices, connection)
    words = text_of(page)
    assert "Segment in Draft" in words
    assert "Region Sandbox (built into Sluice)" in words
    assert f"••••••••abcd fingerprint {connection.write_key_fingerprint}" in words
    assert WRITE_KEY not in page.content.decode()
    assert "<title>Segment · Draft ·" in page.content.decode()


def test_every_event_has_a_switch_with_its_state(alices: Client) -> None:
    page = see(alices, make_connection(selection=[STARTED]))
    assert 'aria-checked="true"' in tag_with(page, 'aria-label="Session Started"')
    assert 'aria-checked="false"' in tag_with(page, 'aria-label="Message Handled"')
    assert page.content.decode().count('role="switch"') == len(catalog.everything()) == 24


def test_before_any_test_the_page_says_what_a_200_proves(alices: Client) -> None:
    words = text_of(see(alices, make_connection()))
    assert "Segment answers 200 even to a key that it does not know" in words
    assert "I saw it in Segment" not in words


def test_an_accepted_test_event_waits_for_a_person(alices: Client) -> None:
    connection = make_connection()
    change_status(connection, test_nonce="a1b2c3d4e5f60718", test_accepted_at=timezone.now())
    words = text_of(see(alices, connection))
    assert "Accepted, not confirmed." in words
    assert "with the nonce a1b2c3d4e5f60718 in the sandbox" in words
    assert "I saw it in Segment" in words


def test_who_saw_it_and_when_is_kept(alices: Client) -> None:
    connection = make_connection()
    change_status(connection, test_nonce="a1b2", test_accepted_at=timezone.now())
    send(alices, connection, "confirm", nonce="a1b2")
    words = text_of(see(alices, connection))
    assert "by alice@example.com" in words
    assert "Accepted, not confirmed" not in words
    assert AuditEntry.objects.filter(action="connection.confirmed", actor_name="alice@example.com").count() == 1


@pytest.mark.parametrize(("is_accepted", "nonce"), [(False, "a1b2"), (True, "0000"), (True, "")])
def test_only_the_last_test_event_can_be_confirmed_once_it_was_accepted(
    alices: Client, is_accepted: bool, nonce: str
) -> None:
    connection = make_connection()
    change_status(connection, test_nonce="a1b2", test_accepted_at=timezone.now() if is_accepted else None)
    answer = send(alices, connection, "confirm", nonce=nonce)
    assert "There is another test event by now, or none." in text_of(alices.get(answer.headers["Location"]))
    connection.refresh_from_db()
    assert connection.confirmed_at is None


def test_attention_tells_cause_since_when_what_waits_and_how_to_mend(alices: Client) -> None:
    connection = make_connection()
    append(connection.environment, make_message(), make_message(), make_message())
    change_status(
        connection,
        status=Connection.Status.NEEDS_ATTENTION,
        attention="Segment answered 401: who are you",
        attention_at=timezone.now() - timedelta(minutes=5),
    )
    page = see(alices, connection)
    words = text_of(page)
    assert "This connection needs attention" in words
    assert "Cause Segment answered 401: who are you" in words
    assert "Since 5 min ago" in words
    assert "Nothing is sent until somebody has seen to it." in words
    assert "Nothing is lost. 3 events wait; the oldest came just now" in words
    assert "The oldest is kept until" in words
    assert reverse("connections:settings", args=[connection.pk]) in page.content.decode()
    assert "Resume" in words


def test_a_failing_segment_is_no_alarm_and_names_the_next_try(alices: Client) -> None:
    connection = make_connection()
    append(connection.environment, make_message())
    now = timezone.now()
    Lane.objects.filter(pk=live_lane(connection).pk).update(
        failing_since=now - timedelta(minutes=2), last_error="503: away", next_attempt_at=now + timedelta(seconds=59.5)
    )
    words = text_of(see(alices, connection))
    assert "Segment does not take events at the moment" in words
    assert "Cause 503: away" in words
    assert "Since 2 min ago" in words
    assert "1 event waits; the oldest came just now" in words
    assert "tries again by itself, in 59 s" in words
    assert f"({(now + timedelta(seconds=59.5)):%H:%M:%S} UTC)" in words
    assert "needs attention" not in words


def test_the_state_asks_for_itself_again(alices: Client) -> None:
    connection = make_connection()
    answer = alices.get(reverse("connections:detail", args=[connection.pk]), headers=HTMX)
    body = answer.content.decode()
    assert body.lstrip().startswith('<div class="stack" id="connection-state"')
    assert 'hx-trigger="every 5s"' in body
    assert "<html" not in body


def test_a_disconnected_connection_has_no_page(alices: Client) -> None:
    connection = make_connection()
    connections.disconnect(connection, by=None)
    for page in ("detail", "switch_event", "pause", "resume", "settings", "disconnect"):
        assert see(alices, connection, page).status_code == 404


# --- Switches ---


@pytest.mark.parametrize(
    ("event", "is_on", "selection", "note"),
    [
        ("track:Message Handled", True, {STARTED, ("track", "Message Handled")}, "Message Handled is on"),
        ("identify:", True, {STARTED, ("identify", "")}, "Identify is on"),
        ("track:Session Started", False, set(), "Session Started is off"),
    ],
)
def test_in_draft_a_switch_acts_at_once_and_says_so(
    alices: Client, event: str, is_on: bool, selection: set[tuple[str, str]], note: str
) -> None:
    connection = make_connection()
    answer = switch(alices, connection, event, is_on)
    assert answer.headers["Location"] == reverse("connections:detail", args=[connection.pk])
    assert connections.selection_of(connection) == selection
    assert f"{note}, for everything not yet sent." in text_of(see(alices, connection))


def test_with_htmx_the_answer_is_the_table_with_the_new_version_in_every_row(alices: Client) -> None:
    connection = make_connection()
    answer = switch(alices, connection, "track:Message Handled", True, htmx=True)
    body = answer.content.decode()
    assert answer.headers["HX-Retarget"] == "#connection-events"
    assert answer.headers["HX-Reswap"] == "morph:outerHTML"
    assert body.count('name="version" value="2"') == len(catalog.everything())
    assert 'aria-checked="true"' in tag_with(answer, 'aria-label="Message Handled"')
    assert "Message Handled is on, for everything not yet sent." in body
    assert "<html" not in body


@pytest.mark.parametrize("htmx", [True, False])
def test_a_switch_on_a_page_that_is_behind_changes_nothing(alices: Client, htmx: bool) -> None:
    connection = make_connection()
    connections.select_events(connection, [STARTED, ("group", "")], by=None)
    answer = switch(alices, connection, "track:Message Handled", True, htmx=htmx)
    assert answer.status_code == 409
    assert "Somebody else changed this connection" in text_of(answer)
    assert connections.selection_of(connection) == {STARTED, ("group", "")}


def test_a_switch_pressed_twice_is_no_conflict(alices: Client) -> None:
    connection = make_connection()
    for _ in range(2):
        assert switch(alices, connection, "track:Message Handled", True).status_code == 302
    assert version(connection) == 2


@pytest.mark.parametrize("event", ["track:Session Ended", "", "delete:"])
def test_a_switch_of_nothing_in_the_catalog_is_explained(alices: Client, event: str) -> None:
    connection = make_connection()
    answer = switch(alices, connection, event, True)
    assert "the catalog does not have" in text_of(alices.get(answer.headers["Location"]))
    assert version(connection) == 1


def test_a_version_that_is_no_number_is_refused(alices: Client) -> None:
    connection = make_connection()
    answer = switch(alices, connection, "track:Message Handled", True, version="latest")
    assert answer.status_code == 422
    assert version(connection) == 1


# --- Switches in live ---


@pytest.mark.parametrize("htmx", [True, False])
@pytest.mark.parametrize("is_on", [True, False])
def test_in_live_a_switch_first_asks_on_a_page_of_its_own(alices: Client, htmx: bool, is_on: bool) -> None:
    connection = make_live_connection()
    event = "track:Message Handled" if is_on else "track:Session Started"
    answer = switch(alices, connection, event, is_on, htmx=htmx)
    page = answer.headers["HX-Redirect" if htmx else "Location"]
    assert version(connection) == 1
    asked = alices.get(page)
    assert ("Type Live to confirm" in text_of(asked)) is not is_on
    assert "Reason" in text_of(asked)
    assert (value_of(asked, "event"), value_of(asked, "version")) == (event, "1")


@pytest.mark.parametrize(
    ("reason", "typed", "words"),
    [
        ("", "Live", "Say why: changes in live keep their reason."),
        ("Too many", "", "Type Live to confirm."),
        ("Too many", "Draft", "This does not match. Type Live."),
    ],
)
def test_in_live_nothing_is_switched_off_without_reason_and_name(
    alices: Client, reason: str, typed: str, words: str
) -> None:
    connection = make_live_connection()
    answer = switch(alices, connection, "track:Session Started", False, reason=reason, confirmation=typed)
    assert answer.status_code == 422
    assert words in text_of(answer)
    assert version(connection) == 1


def test_in_live_a_switch_keeps_its_reason(alices: Client) -> None:
    connection = make_live_connection()
    switch(alices, connection, "track:Session Started", False, reason="Too many", confirmation="live")
    assert connections.selection_of(connection) == set()
    entry = AuditEntry.objects.get(action="connection.events_selected")
    assert (entry.reason, entry.actor_name) == ("Too many", "alice@example.com")


def test_in_live_switching_on_needs_the_reason_alone(alices: Client) -> None:
    connection = make_live_connection()
    switch(alices, connection, "identify:", True, reason="The team asked for it")
    assert connections.selection_of(connection) == {STARTED, ("identify", "")}


def test_the_wish_to_switch_off_cannot_be_dressed_as_another(alices: Client) -> None:
    connection = make_live_connection()
    address = reverse("connections:switch_event", args=[connection.pk]) + "?is_on=true"
    answer = alices.post(
        address, {"event": "track:Session Started", "is_on": "false", "version": 1, "reason": "Shortcut"}
    )
    assert answer.status_code == 422
    assert connections.selection_of(connection) == {STARTED}


# --- Pause, resume, disconnect ---


def test_pause_and_resume_in_draft_take_one_press(alices: Client) -> None:
    connection = make_connection()
    send(alices, connection, "pause")
    connection.refresh_from_db()
    assert connection.status == Connection.Status.PAUSED
    assert "Sending is paused" in text_of(see(alices, connection))
    send(alices, connection, "resume")
    connection.refresh_from_db()
    assert connection.status == Connection.Status.ACTIVE


def test_resume_ends_the_need_for_attention(alices: Client) -> None:
    connection = make_connection()
    change_status(connection, status=Connection.Status.NEEDS_ATTENTION, attention="401", attention_at=timezone.now())
    send(alices, connection, "resume")
    connection.refresh_from_db()
    assert (connection.status, connection.attention) == (Connection.Status.ACTIVE, "")


@pytest.mark.parametrize("page", ["pause", "disconnect"])
def test_in_live_what_stops_events_asks_for_reason_and_name(alices: Client, page: str) -> None:
    connection = make_live_connection()
    assert send(alices, connection, page, reason="Maintenance").status_code == 422
    assert send(alices, connection, page, confirmation="Live").status_code == 422
    connection.refresh_from_db()
    assert (connection.status, connection.removed_at) == (Connection.Status.ACTIVE, None)
    assert send(alices, connection, page, reason="Maintenance", confirmation="Live").status_code == 302
    connection.refresh_from_db()
    assert (connection.status == Connection.Status.PAUSED) is (page == "pause")
    assert (connection.removed_at is not None) is (page == "disconnect")
    assert AuditEntry.objects.latest("pk").reason == "Maintenance"


def test_in_live_resume_asks_for_the_reason_alone(alices: Client) -> None:
    connection = make_live_connection()
    connections.pause(connection, by=None)
    assert send(alices, connection, "resume").status_code == 422
    assert send(alices, connection, "resume", reason="Done").status_code == 302
    connection.refresh_from_db()
    assert connection.status == Connection.Status.ACTIVE


def test_disconnect_ends_this_environment_and_no_other(alices: Client) -> None:
    connection = make_connection()
    live = make_connection(make_environment("live", connection.environment.assistant))
    answer = send(alices, connection, "disconnect")
    assert answer.headers["Location"] == reverse("integrations:list", args=[connection.environment.assistant_id])
    assert list(Connection.objects.present()) == [live]


@pytest.mark.parametrize("page", ["pause", "resume", "disconnect"])
def test_looking_at_a_change_does_not_make_it(alices: Client, page: str) -> None:
    connection = make_connection()
    assert see(alices, connection, page).status_code == 200
    connection.refresh_from_db()
    assert (connection.status, connection.removed_at) == (Connection.Status.ACTIVE, None)


# --- Test event ---


def test_a_test_event_goes_through_the_log(alices: Client) -> None:
    connection = make_connection()
    send(alices, connection, "test")
    connection.refresh_from_db()
    assert connection.environment.log_head.position == 1
    assert connection.test_nonce in text_of(see(alices, connection))


@pytest.mark.parametrize("page", ["test", "confirm"])
def test_a_link_cannot_send_or_confirm(alices: Client, page: str) -> None:
    assert see(alices, make_connection(), page).status_code == 405


# --- Key and region ---


def settings_of(client: Client, connection: Connection, **changes: object) -> dict[str, object]:
    page = see(client, connection, "settings")
    return {"source_name": "", "write_key": "", "region": "sandbox", "seen": value_of(page, "seen"), **changes}


def test_an_empty_key_field_keeps_the_key(alices: Client) -> None:
    connection = make_connection()
    send(alices, connection, "settings", **settings_of(alices, connection, source_name="Care", region="eu"))
    connection.refresh_from_db()
    assert (connection.source_name, connection.settings) == ("Care", {"region": "eu"})
    assert decrypt(connection.write_key, context=connection.secret_context) == WRITE_KEY


def test_another_key_replaces_the_first_and_is_to_be_confirmed_anew(alices: Client) -> None:
    connection = make_connection()
    change_status(connection, test_accepted_at=timezone.now(), confirmed_at=timezone.now())
    answer = send(
        alices, connection, "settings", **settings_of(alices, connection, write_key=" another-write-key-9Zz9 ")
    )
    assert answer.status_code == 302
    connection.refresh_from_db()
    assert decrypt(connection.write_key, context=connection.secret_context) == "another-write-key-9Zz9"
    assert (connection.write_key_last4, connection.confirmed_at) == ("9Zz9", None)
    page = see(alices, connection)
    assert "9Zz9" in text_of(page)
    assert "another-write-key" not in page.content.decode()


def test_a_wrong_key_is_refused_at_the_field_and_not_sent_back(alices: Client) -> None:
    connection = make_connection()
    answer = send(alices, connection, "settings", **settings_of(alices, connection, write_key="with spaces inside"))
    assert answer.status_code == 422
    assert "The Segment key has spaces inside." in text_of(answer)
    assert "with spaces inside" not in answer.content.decode()


def test_settings_that_somebody_else_changed_are_not_overwritten(alices: Client) -> None:
    connection = make_connection()
    stale = settings_of(alices, connection, region="us")
    connections.change_destination(
        connection, settings={"region": "eu"}, source_name="Renamed", write_key=None, by=None
    )
    answer = send(alices, connection, "settings", **stale)
    assert answer.status_code == 409
    connection.refresh_from_db()
    assert (connection.settings, connection.source_name) == ({"region": "eu"}, "Renamed")


def test_in_live_another_destination_asks_for_reason_and_name(alices: Client) -> None:
    connection = make_live_connection()
    assert send(alices, connection, "settings", **settings_of(alices, connection, region="eu")).status_code == 422
    connection.refresh_from_db()
    assert connection.settings == {"region": "sandbox"}
    wanted = settings_of(alices, connection, region="eu", reason="We moved", confirmation="Live")
    assert send(alices, connection, "settings", **wanted).status_code == 302
    assert AuditEntry.objects.latest("pk").reason == "We moved"


def test_the_settings_form_shows_what_holds(alices: Client) -> None:
    with running_segment() as segment:
        connection = make_connection(endpoint=segment.url)
        page = see(alices, connection, "settings")
        assert value_of(page, "endpoint") == segment.url
        assert value_of(page, "write_key") == ""


def test_numbers_come_from_the_last_24_hours(alices: Client) -> None:
    connection = make_connection()
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    lane = live_lane(connection).pk
    run_together(
        counts.additions(
            lane,
            {
                (now, "Session Started", "accepted"): 12_840,
                (now, "Session Started", "no_user_id"): 7,
                (now, "Message Handled", "event_not_selected"): 5,
                (now, "Session Started", "rejected"): 2,
                (now - timedelta(hours=30), "Session Started", "accepted"): 99,
            },
        )
    )
    words = text_of(see(alices, connection))
    assert "Accepted, 24 h 12,840 Left out, 24 h 12 Rejected, 24 h 2" in words
