"""The pages of replays: choose, look, start, watch, and what people can do to one on its way."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from assistants.models import AuditEntry
from dashboard.views.replays import PAGE_SIZE
from integrations import delivery, replay
from integrations.clients import segment_client
from integrations.models import Connection, Delivery, Lane, Rejection, Replay
from integrations.replay import Scope
from tests.dashboard.html import tag_with, text_of
from tests.integrations.turns import append_new
from tests.make import append, live_lane, make_connection, make_environment, make_message

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}
# Lately: the names of events to choose from are those of the last days.
AT = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=2)
STARTED, HANDLED = "Session Started", "Message Handled"


@pytest.fixture
def connection() -> Connection:
    return with_events(make_connection())


def with_events(connection: Connection) -> Connection:
    """Send five events to the sandbox, of which two are left out; minute by minute."""
    for minute, name in enumerate([STARTED, STARTED, HANDLED, STARTED, HANDLED]):
        append(connection.environment, make_message(name), at=AT + timedelta(minutes=minute))
    for lane in connection.environment.lanes.all():
        delivery.run_lane(lane.pk, segment_client())
    return connection


def reject(connection: Connection, *positions: int) -> list[int]:
    lane = live_lane(connection)
    return [
        Rejection.objects.create(lane=lane, position=position, reason="refused_by_segment", status=400, answer="bad").pk
        for position in positions
    ]


def address(connection: Connection, page: str, *args: object) -> str:
    return reverse(f"connections:{page}", args=[connection.pk, *args])


def look(client: Client, connection: Connection, **question: object) -> HttpResponse:
    return client.get(address(connection, "new_replay"), question)


def begin(client: Client, connection: Connection, query: str = "first=1&last=5", **fields: object) -> HttpResponse:
    return client.post(f"{address(connection, 'new_replay')}?{query}", {"message_ids": "same", **fields})


def start(connection: Connection, first: int = 1, last: int = 5) -> Replay:
    return replay.start(connection, Scope(first, last), has_new_ids=False, by=None)


def scope_of(page: HttpResponse) -> str:
    """What the form that starts a replay says in its address."""
    found = re.search(r'<form class="fields" action="\?([^"]*)"', page.content.decode())
    return found[1].replace("&amp;", "&") if found else ""


# --- Choose and look ---


def test_the_form_says_how_far_it_reaches_and_which_names_came(alices: Client, connection: Connection) -> None:
    page = look(alices, connection)

    words = text_of(page)
    assert page.status_code == 200
    assert "from the oldest that is kept, #1" in words
    assert "to the last that the connection has passed, #5" in words


def test_names_that_came_lately_can_be_chosen(alices: Client) -> None:
    connection = make_connection()
    append_new(connection.environment, 2)
    for lane in connection.environment.lanes.all():
        delivery.run_lane(lane.pk, segment_client())

    page = look(alices, connection)
    assert f'name="name" value="{STARTED}"' in page.content.decode()

    found = look(alices, connection, look="on", name=STARTED)
    assert f"Events from #1 to #2 named {STARTED}" in text_of(found)
    assert scope_of(found) == "first=1&last=2&name=Session+Started"
    assert look(alices, connection, name="Never Seen").status_code == 422


def test_a_preview_counts_what_would_be_sent_and_left_out(alices: Client, connection: Connection) -> None:
    page = look(alices, connection, first=2, last=5)

    words = text_of(page)
    assert "Events from #2 to #5, by version 1" in words
    assert "In the range 4 Would be sent 2 Would be left out 2" in words
    assert "Not selected 2" in words
    assert "Session Started user-1 · #2" in words
    assert not Replay.objects.exists()


def test_times_lead_to_positions(alices: Client, connection: Connection) -> None:
    page = look(alices, connection, since=f"{AT:%Y-%m-%d}T12:01", until=f"{AT:%Y-%m-%d}T12:03")

    assert scope_of(page) == "first=2&last=3"


def test_without_ends_everything_is_looked_at(alices: Client, connection: Connection) -> None:
    assert scope_of(look(alices, connection, look="on")) == "first=1&last=5"


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ({"first": 2, "since": "2026-11-22T12:01"}, "Enter a time or a position, not both."),
        ({"first": 4, "last": 3}, "The connection has passed no event there that is still kept."),
        ({"first": 6}, "It reaches from 1 to 5."),
        ({"first": 0}, "Ensure this value is greater than or equal to 1."),
        ({"since": "yesterday"}, "Enter a valid date/time."),
    ],
)
def test_a_range_that_makes_no_sense_is_refused(
    alices: Client, connection: Connection, question: dict[str, object], words: str
) -> None:
    page = look(alices, connection, **question)

    assert page.status_code == 422
    assert words in text_of(page)


def test_a_connection_that_has_passed_nothing_has_nothing_to_replay(alices: Client) -> None:
    assert "There is nothing to replay yet" in text_of(look(alices, make_connection()))


def test_what_would_send_nothing_cannot_be_started(alices: Client, connection: Connection) -> None:
    page = look(alices, connection, first=3, last=3)

    assert "Nothing would be sent" in text_of(page)
    assert scope_of(page) == ""


@pytest.mark.parametrize(
    ("hours", "same"),
    [
        (1, "Segment took 3 events in the last 24 hours and drops what comes again."),
        (30, "It took 3 events before that, and does not look back so far: they arrive a second time."),
    ],
)
def test_the_choice_of_message_ids_says_what_comes_of_it(
    alices: Client, connection: Connection, hours: int, same: str
) -> None:
    Delivery.objects.update(at=datetime.now(UTC) - timedelta(hours=hours))

    words = text_of(look(alices, connection, first=1, last=5))

    assert same in words
    assert "Segment takes every event for a new one. 3 events that it has taken before count twice." in words


def test_a_range_too_large_for_a_page_is_counted_in_part(alices: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboard.views.replays.BUDGET_SECONDS", 0)
    connection = make_connection()
    append_new(connection.environment, 501)
    delivery.run_lane(live_lane(connection).pk, segment_client())

    words = text_of(look(alices, connection, look="on"))

    assert "Only the first 500 of 501 events were looked at" in words
    assert "In the range 501 Would be sent 500 Would be left out 0" in words
    assert "Of the first 500 events: Segment took 500 events in the last 24 hours" in words


# --- Start ---


def test_a_replay_is_started_and_shown(alices: Client, alice: User, connection: Connection) -> None:
    answer = begin(alices, connection, "first=2&last=4&name=Session+Started", message_ids="new")

    started = Replay.objects.select_related("lane").get()
    assert (answer.status_code, answer.url) == (302, address(connection, "replay", started.pk))
    assert (started.created_by, started.has_new_ids) == (alice, True)
    assert (started.lane.start, started.lane.end, started.lane.filter) == (1, 4, {"names": [STARTED]})
    entry = AuditEntry.objects.get(action="replay.started")
    assert (entry.actor, entry.details["positions"], entry.details["message_ids"]) == (alice, "2–4", "new")
    words = text_of(alices.get(answer.url))
    assert "The replay has started." in words
    assert "Events Session Started" in words
    assert "New ones: Segment takes the events for new" in words


def test_live_asks_for_a_reason(alices: Client) -> None:
    connection = with_events(make_connection(make_environment("live")))

    refused = begin(alices, connection)
    assert refused.status_code == 422
    assert "Say why: changes in live keep their reason." in text_of(refused)
    assert not Replay.objects.exists()

    begin(alices, connection, reason="The warehouse lost a day")
    assert Replay.objects.get().reason == "The warehouse lost a day"


def test_without_a_choice_of_message_ids_nothing_starts(alices: Client, connection: Connection) -> None:
    assert begin(alices, connection, message_ids="other").status_code == 422
    assert not Replay.objects.exists()


def test_too_many_at_once_are_refused_in_words(alices: Client, connection: Connection) -> None:
    for _ in range(3):
        start(connection)

    answer = begin(alices, connection)

    assert answer.status_code == 422
    assert "3 replays of this connection are under way" in text_of(answer)


def test_ticked_rejections_are_replayed(alices: Client, connection: Connection) -> None:
    ids = reject(connection, 1, 2, 4)

    asked = look(alices, connection, rejection=ids[:2])
    assert "2 rejected events, by version 1" in text_of(asked)
    assert "2 events are new to it." in text_of(asked)
    begin(alices, connection, scope_of(asked))

    started = Replay.objects.get()
    assert list(started.rejections.values_list("pk", flat=True)) == ids[:2]
    listed = text_of(alices.get(address(connection, "rejections")))
    assert listed.count("in a replay now") == 2
    assert "2 rejected events #1 to #2" in text_of(alices.get(address(connection, "replays")))


def test_all_with_the_same_answer_are_replayed_at_once(alices: Client, connection: Connection) -> None:
    ids = reject(connection, 1, 4)
    assert f"?like={ids[1]}" in alices.get(address(connection, "rejections")).content.decode()

    begin(alices, connection, f"like={ids[1]}")

    started = Replay.objects.get()
    assert set(started.rejections.values_list("pk", flat=True)) == set(ids)
    delivery.run_lane(started.lane_id, segment_client())
    resolved = text_of(alices.get(address(connection, "rejections"), {"state": "resolved"}))
    assert resolved.count(f"Accepted in a replay Replay of {started.moment}") == 2


@pytest.mark.parametrize("query", ["rejection=", "rejection=x", "like=999999", "all=on"])
def test_no_rejections_are_no_replay(alices: Client, connection: Connection, query: str) -> None:
    assert begin(alices, connection, query).status_code == 422
    assert not Replay.objects.exists()


# --- The list and one replay ---


def test_a_list_without_replays_leads_to_a_new_one(alices: Client, connection: Connection) -> None:
    page = alices.get(address(connection, "replays"))

    assert "Nothing has been replayed" in text_of(page)
    assert address(connection, "new_replay") in page.content.decode()


def test_the_list_says_what_became_of_each(alices: Client, connection: Connection) -> None:
    start(connection, 2, 4)
    done = start(connection)
    delivery.run_lane(done.lane_id, segment_client())

    words = text_of(alices.get(address(connection, "replays")))

    assert "All events #1 to #5 Done 3 2 0" in words
    assert "All events #2 to #4 Running 0 % 0 0 0" in words
    assert words.index("#1 to #5") < words.index("#2 to #4")


def test_the_list_has_pages(alices: Client, connection: Connection) -> None:
    for _ in range(PAGE_SIZE + 1):
        replay.stop(start(connection), by=None)

    first = alices.get(address(connection, "replays"))
    second = alices.get(address(connection, "replays"), {"page": 2})

    assert first.content.decode().count("All events") == PAGE_SIZE
    assert second.content.decode().count("All events") == 1
    assert alices.get(address(connection, "replays"), {"page": "x"}).status_code == 200


def test_a_replay_asks_for_news_until_it_has_ended(alices: Client, connection: Connection) -> None:
    started = start(connection)
    url = address(connection, "replay", started.pk)
    assert 'hx-trigger="every 2s"' in tag_with(alices.get(url), 'id="replay-standing"')

    delivery.run_lane(started.lane_id, segment_client())

    fragment = alices.get(url, headers=HTMX)
    assert "<html" not in fragment.content.decode()
    assert "hx-trigger" not in tag_with(fragment, 'id="replay-standing"')
    words = text_of(fragment)
    assert "Done just now 5 of 5 positions read Accepted 3 Left out 2 Rejected 0" in words
    assert "Not selected 2" in words


def test_a_replay_of_another_connection_is_not_found(alices: Client, connection: Connection) -> None:
    started = start(connection)

    assert alices.get(address(make_connection(), "replay", started.pk)).status_code == 404


def test_in_draft_a_press_pauses_and_resumes(alices: Client, alice: User, connection: Connection) -> None:
    started = start(connection)

    paused = alices.post(address(connection, "pause_replay", started.pk))
    assert paused.url == address(connection, "replay", started.pk)
    assert "Paused Resume Stop 0 of 5 positions read" in text_of(alices.get(paused.url))
    alices.post(address(connection, "resume_replay", started.pk))

    assert Lane.objects.get(pk=started.lane_id).paused_at is None
    assert list(AuditEntry.objects.filter(actor=alice).values_list("action", flat=True).order_by("pk")) == [
        "replay.paused",
        "replay.resumed",
    ]


@pytest.mark.parametrize("page", ["pause_replay", "stop_replay"])
def test_in_live_each_change_has_its_reason(alices: Client, page: str) -> None:
    connection = with_events(make_connection(make_environment("live")))
    started = start(connection)

    refused = alices.post(address(connection, page, started.pk))
    assert refused.status_code == 422
    lane = Lane.objects.get(pk=started.lane_id)
    assert (lane.paused_at, lane.stopped_at) == (None, None)

    alices.post(address(connection, page, started.pk), {"reason": "Enough"})
    assert AuditEntry.objects.get(action__in=["replay.paused", "replay.stopped"]).reason == "Enough"


def test_stopping_is_asked_first_and_is_for_good(alices: Client, connection: Connection) -> None:
    started = start(connection)
    url = address(connection, "stop_replay", started.pk)
    assert "It ends where it is, for good." in text_of(alices.get(url))

    answer = alices.post(url)

    words = text_of(alices.get(answer.url))
    assert "The replay is stopped." in words
    assert "Stopped just now 0 of 5 positions read" in words
    assert "Nothing was changed: the replay has ended by now" in text_of(alices.get(alices.post(url).url))


def test_a_replay_that_was_paused_by_refusals_says_so(alices: Client, connection: Connection) -> None:
    started = start(connection)
    Lane.objects.filter(pk=started.lane_id).update(paused_at=AT, last_error="Segment refused 10 events")

    words = text_of(alices.get(address(connection, "replay", started.pk)))

    assert "The replay was paused: Segment refuses its events Segment refused 10 events" in words


def test_a_paused_connection_is_named_as_the_cause(alices: Client, connection: Connection) -> None:
    started = start(connection)
    Connection.objects.update(status=Connection.Status.PAUSED)

    words = text_of(alices.get(address(connection, "replay", started.pk)))

    assert "Waits for the connection" in words
    assert "The replay goes on with it." in words


def test_the_page_of_an_event_leads_to_its_replay(alices: Client, connection: Connection) -> None:
    event = reverse("debugger:event", args=[connection.environment.public_id, 1])
    link = f'href="{address(connection, "new_replay")}?first=1&amp;last=1"'
    assert link in alices.get(event).content.decode()

    delivery.run_lane(start(connection, 1, 1).lane_id, segment_client())

    assert "in a replay" in text_of(alices.get(event))
    other = reverse("debugger:event", args=[connection.environment.public_id, 2])
    delivery.run_lane(
        replay.start(connection, Scope(2, 4, frozenset({HANDLED})), has_new_ids=False, by=None).lane_id,
        segment_client(),
    )
    assert "in a replay" not in text_of(alices.get(other))


def test_the_footer_names_the_product(alices: Client, connection: Connection) -> None:
    for page in (look(alices, connection, look="on"), alices.get(address(connection, "replay", start(connection).pk))):
        assert "<span>Sluice 0." in page.content.decode()
