"""Searching the log from the newest event back: pages, filters, and the time budget."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from assistants.models import Environment
from integrations import connections, delivery
from integrations.clients import segment_client
from integrations.search import EVENTS_PER_LOOK, PAGE_SIZE, Page, search
from tests.make import append, live_lane, make_connection, make_environment, make_message

pytestmark = pytest.mark.django_db


def fill(environment: Environment, count: int, name: str = "Session Started") -> None:
    """Append in several blocks, so that pages begin and end within them."""
    for first in range(0, count, 40):
        append(environment, *(make_message(name) for _ in range(min(40, count - first))))


def find(environment: Environment, **question: object) -> Page:
    return search(environment, None, **{"budget_seconds": 60.0, **question})


def positions(page: Page) -> list[int]:
    return [found.event.position for found in page.found]


def ticking() -> Callable[[], float]:
    """A clock that is a second later at each look."""
    seconds: Iterator[int] = iter(range(1_000_000))
    return lambda: float(next(seconds))


def test_an_empty_log_has_an_empty_page_and_no_older_one() -> None:
    page = find(make_environment())
    assert (page.found, page.next_before, page.is_out_of_time) == ([], None, False)


def test_the_first_page_has_the_newest_events_first_and_says_where_the_older_ones_begin() -> None:
    environment = make_environment()
    fill(environment, 130)
    page = find(environment)
    assert positions(page) == list(range(130, 80, -1))
    assert page.next_before == 81
    assert not page.is_out_of_time


def test_following_the_pages_shows_every_event_once() -> None:
    environment = make_environment()
    fill(environment, 2 * PAGE_SIZE + 7)
    seen: list[int] = []
    before = None
    for _ in range(3):
        page = find(environment, before=before)
        seen += positions(page)
        before = page.next_before
    assert seen == list(range(107, 0, -1))
    assert before is None


def test_a_page_that_ends_with_the_log_has_no_older_one() -> None:
    environment = make_environment()
    fill(environment, PAGE_SIZE)
    page = find(environment)
    assert len(page.found) == PAGE_SIZE
    assert page.next_before is None


def test_a_part_of_the_name_in_any_case_finds_an_event() -> None:
    environment = make_environment()
    append(environment, make_message("Session Started"), make_message("Message Handled"), make_message("Übung beendet"))
    assert positions(find(environment, name="session")) == [1]
    assert positions(find(environment, name="ED")) == [2, 1]
    assert positions(find(environment, name="ÜBUNG")) == [3]
    assert positions(find(environment, name="nothing")) == []


def test_a_fate_finds_the_events_that_have_it() -> None:
    connection = make_connection()
    append(connection.environment, make_message(), make_message("Message Handled"), make_message(user_id=None))
    delivery.run_lane(live_lane(connection).pk, segment_client())
    append(connection.environment, make_message())

    def found(fate: str) -> list[int]:
        return positions(search(connection.environment, connection, fate=fate, budget_seconds=60.0))

    assert found("accepted") == [1]
    assert found("event_not_selected") == [2]
    assert found("no_user_id") == [3]
    assert found("waiting") == [4]
    assert found("rejected") == []


def test_each_event_comes_with_its_fate() -> None:
    connection = make_connection()
    append(connection.environment, make_message(), make_message("Message Handled"))
    page = search(connection.environment, connection, budget_seconds=60.0)
    assert [found.fate.code for found in page.found] == ["event_not_selected", "waiting"]
    connections.pause(connection, by=None)
    connection.refresh_from_db()
    page = search(connection.environment, connection, budget_seconds=60.0)
    assert [found.fate.code for found in page.found] == ["event_not_selected", "paused"]


def test_name_and_fate_hold_together() -> None:
    environment = make_environment()
    append(environment, make_message("Session Started"), make_message("Message Handled"))
    assert positions(find(environment, name="message", fate="not_connected")) == [2]
    assert positions(find(environment, name="message", fate="accepted")) == []


def test_only_events_behind_a_position_are_news() -> None:
    environment = make_environment()
    fill(environment, 10)
    page = find(environment, after=7)
    assert positions(page) == [10, 9, 8]
    assert page.next_before is None
    assert find(environment, after=10).found == []


def test_more_news_than_a_page_says_where_the_rest_begins() -> None:
    environment = make_environment()
    fill(environment, PAGE_SIZE + 10)
    page = find(environment, after=5)
    assert positions(page) == list(range(60, 10, -1))
    assert page.next_before == 11


def test_a_search_that_runs_out_of_time_says_where_to_go_on_and_going_on_finds_the_rest() -> None:
    environment = make_environment()
    append(environment, make_message("Needle"))
    fill(environment, EVENTS_PER_LOOK + 100)
    first = find(environment, name="needle", budget_seconds=0.5, clock=ticking())
    assert (positions(first), first.is_out_of_time) == ([], True)
    assert first.next_before == 102
    second = find(environment, name="needle", budget_seconds=0.5, before=first.next_before, clock=ticking())
    assert (positions(second), second.next_before, second.is_out_of_time) == ([1], None, False)


def test_a_search_within_its_budget_looks_through_the_whole_log() -> None:
    environment = make_environment()
    append(environment, make_message("Needle"))
    fill(environment, 2 * EVENTS_PER_LOOK)
    page = find(environment, name="needle", budget_seconds=10.0, clock=ticking())
    assert (positions(page), page.next_before, page.is_out_of_time) == ([1], None, False)


def test_a_page_full_of_matches_ends_the_search_early() -> None:
    environment = make_environment()
    fill(environment, EVENTS_PER_LOOK)
    page = find(environment, name="session", budget_seconds=0.0, clock=ticking())
    assert len(page.found) == PAGE_SIZE
    assert page.next_before == EVENTS_PER_LOOK - PAGE_SIZE + 1
    assert not page.is_out_of_time


def test_another_environments_events_are_not_found() -> None:
    environment, other = make_environment(), make_environment()
    append(other, make_message())
    assert find(environment).found == []


def test_one_page_takes_few_queries_however_long_the_log_is(
    django_assert_max_num_queries: Callable[..., object],
) -> None:
    connection = make_connection()
    append(connection.environment, *(make_message() for _ in range(5_000)), at=datetime(2026, 11, 22, tzinfo=UTC))
    with django_assert_max_num_queries(5):
        search(connection.environment, connection, budget_seconds=60.0)
