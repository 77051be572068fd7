"""The Users page: who may let people in, and how they are locked out again."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.utils.html import escape
from pytest_django import Settings

from assistants.models import AuditEntry
from dashboard import people
from tests.dashboard.people import BASE_URL, PASSWORD, actions, link_in, make_alice, make_bob, make_user, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def base_url(settings: Settings) -> None:
    settings.SLUICE_BASE_URL = BASE_URL


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "/users/"),
        ("get", "/users/invite/"),
        ("post", "/users/invite/"),
        ("post", "/users/{alice}/link/"),
        ("get", "/users/{alice}/disable/"),
        ("post", "/users/{alice}/disable/"),
        ("post", "/users/{alice}/enable/"),
        ("post", "/users/{alice}/role/"),
    ],
)
def test_members_manage_nobody(method: str, path: str) -> None:
    alice, bob = make_alice(), make_bob()

    answer = getattr(signed_in(bob), method)(path.format(alice=alice.pk), {"email": "eve@example.com", "role": "admin"})

    assert answer.status_code == 403
    alice.refresh_from_db()
    assert (alice.is_active, alice.is_staff, User.objects.count()) == (True, True, 2)
    assert actions() == []


def test_the_page_lists_everybody_with_role_and_status() -> None:
    alice = make_alice()
    make_user("carol@example.com", password=None)
    dave = make_user("dave@example.com")
    people.disable(dave, by=alice)

    page = signed_in(alice).get("/users/").content.decode()

    rows = page.split("<tbody")[1].split("<tr ")[1:]
    assert [
        [
            word
            for word in ("Admin", "Member", "Active", "Invited", "Disabled")
            if f">{word}<" in row or f"  {word}\n" in row
        ]
        for row in rows
    ] == [
        ["Admin", "Active"],
        ["Member", "Invited"],
        ["Member", "Disabled"],
    ]


def test_an_invitation_shows_a_link_once_that_lets_the_person_in() -> None:
    alice = make_alice()

    answer = signed_in(alice).post("/users/invite/", {"email": " Carol@Example.com ", "role": "member"})

    assert answer.status_code == 200
    assert "no-store" in answer.headers["Cache-Control"]
    carol = User.objects.get(username="carol@example.com")
    assert (carol.email, carol.is_staff, carol.is_superuser, carol.has_usable_password()) == (
        "carol@example.com",
        False,
        False,
        False,
    )
    assert Client().get(link_in(answer.content.decode()), follow=True).status_code == 200
    assert actions() == [
        ("alice@example.com", "person.invited", "carol@example.com"),
        ("alice@example.com", "person.link_made", "carol@example.com"),
    ]
    assert "/welcome/" not in " ".join(str(entry) for entry in AuditEntry.objects.values())


def test_an_admin_can_be_invited() -> None:
    signed_in(make_alice()).post("/users/invite/", {"email": "carol@example.com", "role": "admin"})

    assert User.objects.get(username="carol@example.com").is_staff


@pytest.mark.parametrize(
    ("email", "role", "message"),
    [
        ("", "member", "This field is required."),
        ("carol", "member", "Enter a valid email address."),
        ("carol@example.com\x00", "member", "Null characters are not allowed."),
        ("a" * 150 + "@example.com", "member", "Ensure this value has at most 150 characters"),
        ("carol@example.com", "owner", "Select a valid choice. owner is not one of the available choices."),
        (
            "ALICE@example.com",
            "member",
            "alice@example.com has an account already. Make a new link for it on the Users page.",
        ),
    ],
)
def test_an_invitation_that_cannot_be_made_says_why_and_keeps_what_was_typed(
    email: str, role: str, message: str
) -> None:
    answer = signed_in(make_alice()).post("/users/invite/", {"email": email, "role": role})

    assert answer.status_code == 422
    page = answer.content.decode()
    assert message in page
    assert not email or f'value="{escape(email)}"' in page
    assert User.objects.count() == 1
    assert actions() == []


def test_two_invitations_of_the_same_person_make_one_account() -> None:
    people.invite("carol@example.com", is_admin=False, by=None)

    with pytest.raises(people.PeopleError, match=r"^carol@example\.com has an account already\.$"):
        people.invite("carol@example.com", is_admin=True, by=None)

    assert not User.objects.get().is_staff


def test_disabling_ends_sessions_links_and_the_password_for_good() -> None:
    alice, bob = make_alice(), make_bob()
    session = signed_in(bob)
    link = link_in(people.one_time_link(bob, by=None).url)
    admin = signed_in(alice)

    answer = admin.post(f"/users/{bob.pk}/disable/")

    assert (answer.status_code, answer.url) == (302, "/users/")
    assert session.get("/account/password/").status_code == 302
    admin.post(f"/users/{bob.pk}/enable/")
    assert session.get("/account/password/").status_code == 302
    assert Client().get(link, follow=True).status_code == 410
    form = {"username": "bob@example.com", "password": PASSWORD}
    assert Client().post("/sign-in/", form).status_code == 422


def test_disabling_asks_first() -> None:
    bob = make_bob()

    answer = signed_in(make_alice()).get(f"/users/{bob.pk}/disable/")

    assert answer.status_code == 200
    assert "Disable this account?" in answer.content.decode()
    bob.refresh_from_db()
    assert bob.is_active


def test_enabling_shows_a_new_link() -> None:
    alice, bob = make_alice(), make_bob()
    people.disable(bob, by=alice)

    answer = signed_in(alice).post(f"/users/{bob.pk}/enable/")

    bob.refresh_from_db()
    assert bob.is_active
    assert Client().get(link_in(answer.content.decode()), follow=True).status_code == 200
    assert actions() == [
        ("alice@example.com", "person.disabled", "bob@example.com"),
        ("alice@example.com", "person.enabled", "bob@example.com"),
        ("alice@example.com", "person.link_made", "bob@example.com"),
    ]


def test_what_is_so_already_is_neither_done_nor_audited_again() -> None:
    alice, bob = make_alice(), make_bob()
    people.enable(bob, by=alice)
    people.disable(bob, by=alice)
    people.disable(bob, by=alice)

    assert actions() == [("alice@example.com", "person.disabled", "bob@example.com")]


def test_nobody_disables_themselves() -> None:
    alice = make_alice()
    make_user("carol@example.com", is_admin=True)
    client = signed_in(alice)

    answer = client.post(f"/users/{alice.pk}/disable/", follow=True)

    assert "You cannot disable your own account." in answer.content.decode()
    alice.refresh_from_db()
    assert alice.is_active


@pytest.mark.parametrize(
    "remove",
    [
        lambda alice, carol: people.disable(alice, by=carol),
        lambda alice, carol: people.change_role(alice, is_admin=False, by=alice),
    ],
    ids=["disable", "role"],
)
def test_the_last_admin_who_can_sign_in_stays(remove: Callable[[User, User], None]) -> None:
    alice = make_alice()
    # Invited only, so no replacement yet.
    carol = make_user("carol@example.com", is_admin=True, password=None)

    with pytest.raises(people.PeopleError, match=r"^alice@example\.com is the last admin\."):
        remove(alice, carol)

    alice.refresh_from_db()
    assert (alice.is_active, alice.is_staff, alice.check_password(PASSWORD)) == (True, True, True)
    assert actions() == []


def test_the_last_admin_is_told_so_on_the_page() -> None:
    alice = make_alice()

    answer = signed_in(alice).post(f"/users/{alice.pk}/role/", {"role": "member"}, follow=True)

    assert "alice@example.com is the last admin. Make somebody else an admin first." in answer.content.decode()


@pytest.mark.parametrize(("role", "is_admin"), [("admin", True), ("member", False)])
def test_a_role_is_changed_and_audited(role: str, is_admin: bool) -> None:
    alice, carol = make_alice(), make_user("carol@example.com", is_admin=not is_admin)

    answer = signed_in(alice).post(f"/users/{carol.pk}/role/", {"role": role})

    assert (answer.status_code, answer.url) == (302, "/users/")
    carol.refresh_from_db()
    assert carol.is_staff == is_admin
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.target, entry.details) == ("person.role_changed", "carol@example.com", {"role": role})


def test_a_new_link_replaces_a_forgotten_password() -> None:
    alice, bob = make_alice(), make_bob()

    answer = signed_in(alice).post(f"/users/{bob.pk}/link/")

    assert Client().get(link_in(answer.content.decode()), follow=True).status_code == 200
    assert actions() == [("alice@example.com", "person.link_made", "bob@example.com")]


def test_a_disabled_person_gets_no_link() -> None:
    alice, bob = make_alice(), make_bob()
    people.disable(bob, by=alice)

    answer = signed_in(alice).post(f"/users/{bob.pk}/link/", follow=True)

    assert "bob@example.com is disabled. Enable the account first." in answer.content.decode()


@pytest.mark.parametrize("path", ["link", "disable", "enable", "role"])
def test_somebody_who_does_not_exist_is_not_found(path: str) -> None:
    assert signed_in(make_alice()).post(f"/users/4711/{path}/").status_code == 404


@pytest.mark.django_db(transaction=True)
def test_two_admins_who_disable_each_other_at_the_same_moment_leave_one() -> None:
    alice, carol = make_alice(), make_user("carol@example.com", is_admin=True)
    barrier = threading.Barrier(2)

    def disable(person: User, by: User) -> bool:
        barrier.wait()
        try:
            people.disable(person, by=by)
        except people.PeopleError:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(2) as threads:
        outcomes = [threads.submit(disable, alice, carol), threads.submit(disable, carol, alice)]

    assert sorted(outcome.result() for outcome in outcomes) == [False, True]
    assert User.objects.filter(is_active=True).count() == 1
