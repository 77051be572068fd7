"""One's own account: signing in and out, one-time links, the password."""

import re
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from assistants.models import AuditEntry
from dashboard import people
from tests.dashboard.people import NEW_PASSWORD, PASSWORD, make_alice, make_bob, make_user, sign_in, signed_in

pytestmark = pytest.mark.django_db


def is_signed_in(client: Client) -> bool:
    return client.get("/account/password/").status_code == 200


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(timezone.now(), tick=False) as coordinates:
        yield coordinates


def test_signing_in_leads_to_the_page_that_asked_for_it(client: Client) -> None:
    make_bob()

    answer = client.post("/sign-in/", {"username": "bob@example.com", "password": PASSWORD, "next": "/audit/"})

    assert (answer.status_code, answer.url) == (302, "/audit/")
    assert is_signed_in(client)


@pytest.mark.parametrize("target", ["", "https://evil.example/", "//evil.example/", "/\\evil.example"])
def test_signing_in_leads_to_no_other_site(client: Client, target: str) -> None:
    make_bob()

    answer = client.post("/sign-in/", {"username": "bob@example.com", "password": PASSWORD, "next": target})

    assert answer.url == "/"


@pytest.mark.parametrize("typed", ["bob@example.com", "BOB@Example.COM", "  Bob@example.com "])
def test_upper_and_lower_case_of_an_address_are_alike(typed: str) -> None:
    make_bob()

    assert sign_in(typed).status_code == 302


def test_a_wrong_password_and_an_unknown_address_get_the_same_answer() -> None:
    make_bob()
    make_user("invited@example.com", password=None)
    make_user("gone@example.com").__class__.objects.filter(username="gone@example.com").update(is_active=False)

    answers = [
        sign_in("bob@example.com", "wrong"),
        sign_in("nobody@example.com", "wrong"),
        sign_in("invited@example.com", "wrong"),
        sign_in("gone@example.com"),
    ]

    assert [answer.status_code for answer in answers] == [422] * 4
    for answer in answers:
        assert "This e-mail address and password do not belong together." in answer.content.decode()


def test_whoever_is_signed_in_is_sent_on_from_the_sign_in_page() -> None:
    answer = signed_in(make_bob()).get("/sign-in/")

    assert (answer.status_code, answer.url) == (302, "/")


def test_signing_out_needs_a_post_and_ends_the_session() -> None:
    client = signed_in(make_bob())

    assert client.get("/sign-out/").status_code == 405
    assert is_signed_in(client)
    assert client.post("/sign-out/").url == "/sign-in/"
    assert not is_signed_in(client)


def test_passwords_are_hashed_with_argon2id_within_a_small_servers_memory() -> None:
    assert make_bob().password.startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")


def test_a_password_is_changed_and_other_sessions_end() -> None:
    bob = make_bob()
    here, there = signed_in(bob), signed_in(bob)
    form = {"current_password": PASSWORD, "new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD}

    answer = here.post("/account/password/", form)

    assert (answer.status_code, answer.url) == (302, "/account/password/")
    assert is_signed_in(here)
    assert not is_signed_in(there)
    assert sign_in("bob@example.com").status_code == 422
    assert sign_in("bob@example.com", NEW_PASSWORD).status_code == 302
    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.action, entry.target) == (bob, "person.password_changed", "bob@example.com")


@pytest.mark.parametrize(
    ("current", "new", "again", "message"),
    [
        ("wrong", NEW_PASSWORD, NEW_PASSWORD, "This is not your current password."),
        (PASSWORD, NEW_PASSWORD, "another thing", "This is not the same as above."),
        (PASSWORD, "too short", "too short", "It must contain at least 12 characters."),
        (PASSWORD, "bob@example.com1", "bob@example.com1", "The password is too similar to the username."),
        (PASSWORD, "qwerty123456", "qwerty123456", "This password is too common."),
        (PASSWORD, "", "", "This field is required."),
    ],
)
def test_a_password_that_cannot_be_taken_changes_nothing(current: str, new: str, again: str, message: str) -> None:
    client = signed_in(make_bob())

    answer = client.post(
        "/account/password/", {"current_password": current, "new_password1": new, "new_password2": again}
    )

    assert answer.status_code == 422
    assert message in answer.content.decode()
    assert sign_in("bob@example.com").status_code == 302
    assert not AuditEntry.objects.exists()


def one_time_path(user: User) -> str:
    return urlsplit(people.one_time_link(user, by=None).url).path


def test_a_one_time_link_sets_the_password_signs_in_and_works_once(client: Client) -> None:
    carol = make_user("carol@example.com", password=None)
    link = one_time_path(carol)
    form = {"new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD}

    page = client.get(link, follow=True)
    answer = client.post(page.redirect_chain[-1][0], form)

    assert page.status_code == 200
    assert "carol@example.com" in page.content.decode()
    assert (answer.status_code, answer.url) == (302, "/")
    assert is_signed_in(client)
    assert sign_in("carol@example.com", NEW_PASSWORD).status_code == 302
    assert Client().get(link, follow=True).status_code == 410
    entry = AuditEntry.objects.get(action="person.password_set")
    assert (entry.actor, entry.target) == (carol, "carol@example.com")


def test_the_token_of_a_one_time_link_leaves_the_address_bar(client: Client) -> None:
    link = one_time_path(make_user("carol@example.com", password=None))

    answer = client.get(link)

    assert re.fullmatch(r"/welcome/\w+/set-password/", answer.url)


def test_opening_a_one_time_link_does_not_use_it_up() -> None:
    link = one_time_path(make_user("carol@example.com", password=None))

    assert [Client().get(link, follow=True).status_code for _ in range(3)] == [200, 200, 200]


def test_a_one_time_link_takes_no_weak_password(client: Client) -> None:
    carol = make_user("carol@example.com", password=None)
    page = client.get(one_time_path(carol), follow=True)

    answer = client.post(page.redirect_chain[-1][0], {"new_password1": "short", "new_password2": "short"})

    assert answer.status_code == 422
    assert "It must contain at least 12 characters." in answer.content.decode()
    carol.refresh_from_db()
    assert not carol.has_usable_password()


def test_a_one_time_link_lives_three_days(client: Client, clock: time_machine.Traveller) -> None:
    link = one_time_path(make_user("carol@example.com", password=None))

    clock.shift(timedelta(days=3))
    assert client.get(link, follow=True).status_code == 200
    clock.shift(timedelta(seconds=1))
    answer = Client().get(link, follow=True)

    assert answer.status_code == 410
    assert "This link is no longer valid" in answer.content.decode()


@pytest.mark.parametrize("path", ["/welcome/x/y/", "/welcome/MQ/set-password/", "/welcome/%00/y/", "/welcome/ż/y/"])
def test_what_is_no_one_time_link_is_gone(client: Client, path: str) -> None:
    make_bob()

    assert client.get(path).status_code == 410
    assert client.post(path, {"new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD}).status_code == 410
    assert sign_in("bob@example.com").status_code == 302


def test_a_one_time_link_signs_out_whoever_used_the_browser_before() -> None:
    client = signed_in(make_alice())
    carol = make_user("carol@example.com", password=None)

    page = client.get(one_time_path(carol), follow=True)
    client.post(page.redirect_chain[-1][0], {"new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD})

    assert client.get("/users/").status_code == 403
