"""The page of rejections: grouped by answer, listed with their events, discarded with a reason."""

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from assistants import log
from assistants.models import AuditEntry
from dashboard.views.rejections import PAGE_SIZE
from integrations.models import Connection, Rejection
from tests.dashboard.html import text_of
from tests.make import append, live_lane, make_connection, make_environment, make_message

pytestmark = pytest.mark.django_db


def make_rejected(connection: Connection, count: int, *, status: int = 400, answer: str = "bad event") -> list[int]:
    """Append events that Segment has refused; return the IDs of their rejections."""
    append(connection.environment, *(make_message(user_id=f"user-{number}") for number in range(count)))
    last = log.head(connection.environment_id)
    lane = live_lane(connection)
    return [
        Rejection.objects.create(
            lane=lane, position=position, reason="refused_by_segment", status=status, answer=answer
        ).pk
        for position in range(last - count + 1, last + 1)
    ]


def see(client: Client, connection: Connection, **question: object) -> HttpResponse:
    return client.get(reverse("connections:rejections", args=[connection.pk]), question)


def discard(client: Client, connection: Connection, **fields: object) -> HttpResponse:
    return client.post(reverse("connections:discard", args=[connection.pk]), fields)


def unresolved() -> set[int]:
    return set(Rejection.objects.unresolved().values_list("pk", flat=True))


def test_without_rejections_the_page_says_so(alices: Client) -> None:
    assert "No unresolved rejections" in text_of(see(alices, make_connection()))


def test_groups_and_events_are_listed_with_segments_answer(alices: Client) -> None:
    connection = make_connection()
    make_rejected(connection, 2)
    make_rejected(connection, 1, status=413, answer="too large")

    page = see(alices, connection)

    words = text_of(page)
    assert "Unresolved (3) Resolved (0)" in words
    assert "Refused by Segment, 400 bad event 2" in words
    assert "Refused by Segment, 413 too large 1" in words
    assert "Session Started user-0 · #3 413 too large" in words
    public_id = connection.environment.public_id
    assert f'href="{reverse("debugger:event", args=[public_id, 3])}"' in page.content.decode()


def test_a_group_shows_its_own_events_only(alices: Client) -> None:
    connection = make_connection()
    bad = make_rejected(connection, 2)
    large = make_rejected(connection, 1, status=413, answer="too large")

    page = see(alices, connection, like=bad[0]).content.decode()

    assert [f'value="{pk}"' in page for pk in (*bad, *large)] == [True, True, False]


def test_a_page_holds_so_many_and_leads_to_the_older_ones(alices: Client) -> None:
    connection = make_connection()
    ids = make_rejected(connection, PAGE_SIZE + 1)

    newest = see(alices, connection).content.decode()
    older = see(alices, connection, before=ids[1]).content.decode()

    assert newest.count('name="rejection"') == PAGE_SIZE
    assert f'href="?before={ids[1]}" rel="next"' in newest
    assert older.count('name="rejection"') == 1
    assert f'value="{ids[0]}"' in older


def test_a_question_that_makes_no_sense_is_refused(alices: Client) -> None:
    assert see(alices, make_connection(), state="lost").status_code == 422


def test_ticked_events_are_discarded_with_a_reason(alices: Client, alice: User) -> None:
    connection = make_connection()
    ids = make_rejected(connection, 3)

    asked = alices.get(reverse("connections:discard", args=[connection.pk]), {"rejection": ids[:2]})
    assert "2 events will no longer count as unresolved" in text_of(asked)
    answer = discard(alices, connection, rejection=ids[:2], reason="A test of ours")

    assert (answer.status_code, answer.url) == (302, reverse("connections:rejections", args=[connection.pk]))
    assert unresolved() == {ids[2]}
    words = text_of(see(alices, connection, state="resolved"))
    assert "2 rejected events discarded." in words
    assert "Discarded by alice@example.com: “A test of ours”" in words
    assert AuditEntry.objects.get(action="rejections.discarded").actor == alice


def test_all_with_the_same_answer_are_discarded_at_once(alices: Client) -> None:
    connection = make_connection()
    bad = make_rejected(connection, 3)
    large = make_rejected(connection, 1, status=413, answer="too large")

    discard(alices, connection, like=bad[1], reason="Known")

    assert unresolved() == set(large)


@pytest.mark.parametrize("kind", ["draft", "live"])
def test_without_a_reason_nothing_is_discarded(alices: Client, kind: str) -> None:
    connection = make_connection(make_environment(kind))
    ids = make_rejected(connection, 1)

    answer = discard(alices, connection, rejection=ids)

    assert answer.status_code == 422
    assert "Say why: it stands beside the events from then on." in text_of(answer)
    assert f'name="rejection" value="{ids[0]}"' in answer.content.decode()
    assert unresolved() == set(ids)
    assert not AuditEntry.objects.filter(action="rejections.discarded").exists()


@pytest.mark.parametrize("choice", [{}, {"rejection": "x"}, {"rejection": "9" * 30}, {"like": 0}])
def test_what_cannot_be_chosen_is_nothing(alices: Client, choice: dict[str, object]) -> None:
    connection = make_connection()
    ids = make_rejected(connection, 1)

    asked = alices.get(reverse("connections:discard", args=[connection.pk]), choice)
    discard(alices, connection, reason="Why not", **choice)

    assert "No rejection is chosen" in text_of(asked)
    assert unresolved() == set(ids)


def test_another_connections_rejections_cannot_be_discarded(alices: Client) -> None:
    other = make_connection()
    ids = make_rejected(other, 1)

    discard(alices, make_connection(), rejection=ids, reason="Mine?")

    assert unresolved() == set(ids)


def test_the_page_of_the_connection_counts_what_is_unresolved(alices: Client) -> None:
    connection = make_connection()
    ids = make_rejected(connection, 2)
    Rejection.objects.filter(pk=ids[0]).update(resolution="discarded", resolved_at=timezone.now())

    assert "Rejections (1)" in text_of(alices.get(reverse("connections:detail", args=[connection.pk])))
