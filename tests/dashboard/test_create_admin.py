"""`manage.py create_admin`: how the first person gets in, and how anybody does who is locked out."""

from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django import Settings

from dashboard import people
from tests.dashboard.people import BASE_URL, PASSWORD, actions, link_in, make_alice, make_bob

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def base_url(settings: Settings) -> None:
    settings.SLUICE_BASE_URL = BASE_URL


def create_admin(*arguments: str) -> str:
    out = StringIO()
    call_command("create_admin", *arguments, stdout=out)
    return out.getvalue()


def test_create_admin_prints_a_link_alone_on_the_last_line() -> None:
    first, last = create_admin("Alice@Example.com").splitlines()

    assert first.startswith("One-time link for alice@example.com, valid until ")
    assert last.startswith(f"{BASE_URL}/welcome/")
    alice = User.objects.get()
    assert (alice.username, alice.is_staff) == ("alice@example.com", True)
    assert Client().get(last.removeprefix(BASE_URL), follow=True).status_code == 200
    assert actions() == [
        ("command line", "person.invited", "alice@example.com"),
        ("command line", "person.link_made", "alice@example.com"),
    ]


def test_create_admin_again_prints_a_fresh_link_and_changes_nothing_else() -> None:
    alice = make_alice()

    link = link_in(create_admin("alice@example.com"))

    assert Client().get(link, follow=True).status_code == 200
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)
    assert User.objects.count() == 1


def test_create_admin_lets_a_disabled_member_in_as_admin() -> None:
    bob = make_bob()
    people.disable(bob, by=make_alice())

    create_admin("bob@example.com")

    bob.refresh_from_db()
    assert (bob.is_active, bob.is_staff) == (True, True)


def test_create_admin_if_none_stays_silent_once_somebody_can_sign_in() -> None:
    assert "/welcome/" in create_admin("--if-none", "admin@localhost")
    assert "/welcome/" in create_admin("--if-none", "admin@localhost")
    make_bob()
    assert create_admin("--if-none", "admin@localhost") == ""
    assert User.objects.count() == 2


@pytest.mark.parametrize("email", ["alice", "", "alice@", "a" * 150 + "@example.com"])
def test_create_admin_says_what_is_wrong_with_an_address(email: str) -> None:
    with pytest.raises(CommandError, match=r"Enter a valid email address|at most 150 characters"):
        create_admin(email)

    assert not User.objects.exists()
