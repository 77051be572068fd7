"""The debugger: the newest events with their fates, news for a page that is open, and one event in full."""

import re
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.test import Client

from assistants import lifecycle, log
from assistants.models import Block, Environment
from dashboard.views import debugger
from integrations import connections, delivery, lanes
from integrations.clients import segment_client
from integrations.models import Connection, Delivery, Lane, Rejection
from integrations.search import EVENTS_PER_LOOK
from tests.fakes import Reply, running_segment
from tests.make import append, live_lane, make_connection, make_environment, make_message

ROW = re.compile(r'id="fate-(\d+)">')
CHANGED = re.compile(r'id="fate-(\d+)" hx-swap-oob="true">')


def path(environment: Environment, rest: str = "") -> str:
    return f"/environments/{environment.public_id}/debugger/{rest}"


def look(client: Client, environment: Environment, rest: str = "", **question: object) -> str:
    response = client.get(path(environment, rest), question)
    assert response.status_code == 200
    return response.content.decode()


def rows(page: str) -> list[int]:
    return [int(position) for position in ROW.findall(page)]


def kept(page: str, field: str) -> str:
    """What an open page will send along in a hidden field the next time."""
    found = re.search(rf'<input type="hidden" name="{field}" value="([^"]*)">', page)
    return found[1] if found else ""


def deliver(connection: Connection) -> None:
    delivery.run_lane(live_lane(connection).pk, segment_client())


def fill(environment: Environment, count: int) -> None:
    append(environment, *(make_message() for _ in range(count)))


def test_a_row_tells_name_type_user_source_time_message_id_and_fate(alices: Client) -> None:
    connection = make_connection()
    at = datetime(2026, 11, 22, 14, 3, 21, tzinfo=UTC)
    append(connection.environment, make_message(message_id="m-one", user_id="user-9"), at=at)
    page = look(alices, connection.environment)
    row = page.split('<tbody id="rows"')[1].split("</tbody>")[0]
    assert f'<a class="event__name" href="{path(connection.environment, "1/")}">Session Started</a>' in row
    assert "track · segment" in row
    assert '<span class="event__user">user-9</span>' in row
    assert "m-one" in row
    assert '<time class="number" datetime="2026-11-22T14:03:21+00:00">14:03:21</time>' in row
    assert "22 Nov · #1" in row
    assert "Waiting" in row
    deliver(connection)
    assert "Accepted by Segment" in look(alices, connection.environment).split('<tbody id="rows"')[1]


def test_the_newest_fifty_events_come_first_and_older_ones_are_a_page_further(alices: Client) -> None:
    environment = make_environment()
    fill(environment, 60)
    newest = look(alices, environment)
    assert rows(newest) == list(range(60, 10, -1))
    assert 'href="?before=11" rel="next"' in newest
    older = look(alices, environment, before=11)
    assert rows(older) == list(range(10, 0, -1))
    assert "The oldest events that are kept" in older
    assert 'rel="next"' not in older


def test_older_pages_stand_still(alices: Client) -> None:
    environment = make_environment()
    fill(environment, 3)
    assert "every 2s" in look(alices, environment)
    assert "every 2s" not in look(alices, environment, before=3)


def test_events_of_people_cannot_write_into_the_page(alices: Client) -> None:
    environment = make_environment()
    append(environment, make_message("<img src=x onerror=alert(1)>", user_id="<b>", message_id='"><script>'))
    for page in (
        look(alices, environment),
        look(alices, environment, "1/"),
        look(alices, environment, "newer/", after=0),
    ):
        assert "<img" not in page
        assert "<b>" not in page
        assert '"><script>' not in page
        assert "&lt;img src=x onerror=alert(1)&gt;" in page


def test_a_filter_stays_in_the_address_and_can_be_taken_off(alices: Client) -> None:
    connection = make_connection()
    append(connection.environment, make_message(), make_message("Message Handled"), make_message("Message Sent"))
    page = look(alices, connection.environment, name="message", fate="event_not_selected")
    assert rows(page) == [3, 2]
    assert '<a class="chip" href="?fate=event_not_selected">Name contains message' in page
    assert '<a class="chip" href="?name=message">Fate: Not selected' in page
    assert 'value="message"' in page
    assert '<option value="event_not_selected" selected>' in page


def test_the_field_suggests_the_names_of_the_last_day(alices: Client) -> None:
    environment = make_environment()
    append(environment, make_message("Session <Started>"), make_message("Handled"), make_message("Handled"))
    lanes.start_index_lane(environment)
    delivery.run_lane(environment.lanes.get(kind=Lane.Kind.INDEX).pk, segment_client())
    page = look(alices, environment)
    suggested = re.findall(r'<option value="([^"]*)"></option>', page)
    assert suggested == ["Handled", "Session &lt;Started&gt;"]


def test_each_kind_of_emptiness_names_the_next_step(alices: Client) -> None:
    environment = make_environment()
    assert "No events yet" in look(alices, environment)
    fill(environment, 1)
    assert "No event matches" in look(alices, environment, name="nothing like it")
    assert "No older events are kept" in look(alices, environment, before=1)


def test_a_search_out_of_time_offers_to_go_on(alices: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debugger, "BUDGET_SECONDS", 0.0)
    environment = make_environment()
    append(environment, make_message("Needle"))
    fill(environment, EVENTS_PER_LOOK + 99)
    page = look(alices, environment, name="needle")
    assert rows(page) == []
    assert "Nothing found so far" in page
    assert 'href="?name=needle&amp;before=101"' in page
    assert "Go on searching before position 101" in page
    assert rows(look(alices, environment, name="needle", before=101)) == [1]


@pytest.mark.parametrize(
    ("field", "value"),
    [("fate", "lost"), ("before", "x"), ("before", "0"), ("before", "-5"), ("before", str(2**63)), ("name", "x" * 201)],
)
def test_a_question_with_errors_is_answered_422_at_its_field(alices: Client, field: str, value: str) -> None:
    environment = make_environment()
    fill(environment, 2)
    response = alices.get(path(environment), {field: value})
    page = response.content.decode()
    assert response.status_code == 422
    assert f'href="#id_{field}"' in page
    assert rows(page) == []
    assert "every 2s" not in page


def test_a_page_takes_few_queries_however_long_the_log_is(
    alices: Client, django_assert_max_num_queries: Callable[..., object]
) -> None:
    connection = make_connection()
    for _ in range(5):
        fill(connection.environment, 2_000)
    look(alices, connection.environment)
    with django_assert_max_num_queries(12):
        assert rows(look(alices, connection.environment)) == list(range(10_000, 9_950, -1))
    with django_assert_max_num_queries(12):
        look(alices, connection.environment, "newer/", after=9_000)


def test_news_are_the_events_behind_the_newest_that_the_page_has_seen(alices: Client) -> None:
    environment = make_environment()
    fill(environment, 3)
    page = look(alices, environment)
    assert (kept(page, "after"), kept(page, "watch")) == ("3", "")
    nothing = look(alices, environment, "newer/", after=3)
    assert rows(nothing) == []
    assert 'id="news"' not in nothing
    fill(environment, 2)
    news = look(alices, environment, "newer/", after=3)
    assert rows(news) == [5, 4]
    assert "2 new events at" in news
    assert kept(news, "after") == "5"


def test_news_keep_to_the_filter_of_the_page(alices: Client) -> None:
    environment = make_environment()
    page = look(alices, environment, name="message")
    assert kept(page, "name") == "message"
    append(environment, make_message("Message Handled"), make_message("Session Started"))
    news = look(alices, environment, "newer/", after=0, name="message")
    assert rows(news) == [1]
    assert "1 new event at" in news
    assert (kept(news, "after"), kept(news, "name")) == ("2", "message")


def test_fates_that_were_open_are_told_anew_until_they_are_final(alices: Client) -> None:
    connection = make_connection()
    append(connection.environment, make_message(), make_message("Message Handled"), make_message())
    page = look(alices, connection.environment)
    assert kept(page, "watch") == "3,1"
    waiting = look(alices, connection.environment, "newer/", after=3, watch="3,1")
    assert CHANGED.findall(waiting) == ["3", "1"]
    assert kept(waiting, "watch") == "3,1"
    deliver(connection)
    settled = look(alices, connection.environment, "newer/", after=3, watch="3,1")
    assert settled.count("Accepted by Segment") == 2
    assert kept(settled, "watch") == ""


def test_more_news_than_a_page_leave_a_gap_that_can_be_opened(alices: Client) -> None:
    environment = make_environment()
    fill(environment, 130)
    news = look(alices, environment, "newer/", after=20, name="session")
    assert rows(news) == list(range(130, 80, -1))
    assert '<a href="?name=session&amp;before=81">Show them</a>' in news
    assert kept(news, "after") == "130"


def test_a_paused_page_counts_what_it_holds_back_and_shows_it_when_resumed(alices: Client) -> None:
    environment = make_environment()
    fill(environment, 3)
    paused = look(alices, environment, "newer/", after=3, turn="pause")
    assert "Nothing new since." in paused
    assert kept(paused, "paused") == "on"
    assert '"turn": "resume"' in paused
    fill(environment, 60)
    held = look(alices, environment, "newer/", after=3, paused="on")
    assert rows(held) == []
    assert "60 new events since." in held
    assert (kept(held, "after"), kept(held, "paused")) == ("3", "on")
    assert 'id="turn"' not in held
    resumed = look(alices, environment, "newer/", after=3, paused="on", turn="resume")
    assert rows(resumed) == list(range(63, 13, -1))
    assert (kept(resumed, "after"), kept(resumed, "paused")) == ("63", "")
    assert '"turn": "pause"' in resumed


def test_a_paused_page_with_a_filter_counts_what_matches(alices: Client) -> None:
    environment = make_environment()
    append(environment, make_message("Message Handled"), make_message())
    held = look(alices, environment, "newer/", after=0, paused="on", name="message")
    assert "1 new event since." in held
    fill(environment, 51)
    assert "More than 50 new events since." in look(alices, environment, "newer/", after=0, paused="on", name="session")


@pytest.mark.parametrize(
    "question", [{}, {"after": "x"}, {"after": "-1"}, {"after": "0", "watch": "1;2"}, {"after": "0", "turn": "off"}]
)
def test_a_request_for_news_that_no_page_sends_is_refused(alices: Client, question: dict[str, str]) -> None:
    assert alices.get(path(make_environment(), "newer/"), question).status_code == 400


def test_an_event_is_shown_as_received_and_as_sent(alices: Client) -> None:
    connection = make_connection()
    append(connection.environment, make_message(message_id="m-one", properties={"channel": "chat"}))
    before = look(alices, connection.environment, "1/")
    assert "As it would be sent" in before
    assert "No attempt yet" in before
    deliver(connection)
    page = look(alices, connection.environment, "1/")
    received, sent = page.split(">As sent<")
    assert "&quot;messageId&quot;: &quot;m-one&quot;" in received
    assert "&quot;integration&quot;: {" not in received
    assert "&quot;integration&quot;: {" in sent
    assert "&quot;channel&quot;: &quot;chat&quot;" in sent
    assert "Segment answered 200." in page


def test_an_event_that_is_left_out_says_why_it_is_not_sent(alices: Client) -> None:
    connection = make_connection()
    append(connection.environment, make_message("Message Handled"))
    page = look(alices, connection.environment, "1/")
    assert "Not selected" in page
    assert "<h3>Not sent</h3>" in page


def test_the_attempts_that_held_an_event_are_listed_with_their_answers(alices: Client) -> None:
    with running_segment() as segment:
        connection = make_connection(endpoint=segment.url)
        append(connection.environment, make_message(), make_message())
        segment.replies.append(Reply(503, b"busy"))
        deliver(connection)
        Lane.objects.filter(connection=connection).update(next_attempt_at=None)
        deliver(connection)
        append(connection.environment, make_message())
        deliver(connection)
    page = look(alices, connection.environment, "2/").split(">Deliveries<")[1]
    assert page.count("1–2</td>") == 2
    assert "3–3" not in page
    assert page.index("Accepted by Segment") < page.index("To be tried again")
    assert "503 <code>busy</code>" in page
    assert "attempt 2" in page


def test_a_rejected_event_shows_the_answer(alices: Client) -> None:
    connection = make_connection()
    append(connection.environment, make_message())
    lane = live_lane(connection)
    Lane.objects.filter(pk=lane.pk).update(cursor=1)
    Rejection.objects.create(lane=lane, position=1, reason="refused_by_segment", status=413, answer="Too <big>")
    page = look(alices, connection.environment, "1/")
    assert "Rejected by Segment" in page
    assert "Segment answered 413: Too &lt;big&gt;" in page


def test_attempts_of_a_connection_that_is_gone_are_shown_too(alices: Client) -> None:
    connection = make_connection()
    append(connection.environment, make_message())
    deliver(connection)
    connections.disconnect(connection, by=None)
    page = look(alices, connection.environment, "1/")
    assert "Not connected" in page
    assert "1–1" in page


def test_an_erased_event_keeps_its_place_and_says_so(alices: Client) -> None:
    environment = make_environment()
    fill(environment, 1)
    Block.objects.filter(environment=environment).update(body=log.pack([None]))
    assert "Erased" in look(alices, environment)
    page = look(alices, environment, "1/")
    assert "<dd>Erased</dd>" in page
    assert "As received" not in page


def test_an_event_whose_block_was_pruned_is_no_longer_kept(alices: Client) -> None:
    environment = make_environment()
    fill(environment, 1)
    Block.objects.filter(environment=environment).delete()
    page = look(alices, environment, "1/")
    assert "This event is no longer kept" in page


def test_events_beside_this_one_are_a_click_away(alices: Client) -> None:
    environment = make_environment()
    fill(environment, 3)
    middle = look(alices, environment, "2/")
    assert f'href="{path(environment, "1/")}"' in middle
    assert f'href="{path(environment, "3/")}"' in middle
    assert f'href="{path(environment, "4/")}"' not in look(alices, environment, "3/")
    assert f'href="{path(environment, "0/")}"' not in look(alices, environment, "1/")


@pytest.mark.parametrize("position", [0, 2, 10**17])
def test_a_position_that_was_never_given_out_is_not_found(alices: Client, position: int) -> None:
    environment = make_environment()
    fill(environment, 1)
    assert alices.get(path(environment, f"{position}/")).status_code == 404


def test_an_event_page_takes_few_queries_and_reads_few_attempts(
    alices: Client, django_assert_max_num_queries: Callable[..., object]
) -> None:
    connection = make_connection()
    fill(connection.environment, 1_000)
    deliver(connection)
    lane = live_lane(connection)
    Delivery.objects.bulk_create(
        Delivery(
            lane=lane, first_position=n, last_position=n, sent=1, left_out=0, size_bytes=1, attempt=1, outcome="retry"
        )
        for n in range(1, 1_001)
    )
    look(alices, connection.environment, "500/")
    with django_assert_max_num_queries(19):
        page = look(alices, connection.environment, "500/")
    assert page.count("500–500") == 1


@pytest.mark.parametrize("rest", ["", "newer/?after=0", "1/"])
def test_the_debugger_of_an_environment_that_is_gone_is_not_found(alices: Client, rest: str) -> None:
    environment = make_environment()
    fill(environment, 1)
    lifecycle.delete_assistant(environment.assistant, by=None)
    assert alices.get(path(environment, rest)).status_code == 404
    assert alices.get(f"/environments/nobody/debugger/{rest}").status_code == 404


def test_the_debugger_asks_for_sign_in(client: Client, db: None) -> None:
    assert client.get(path(make_environment())).status_code == 302
