"""The people of the tests, Alice, an admin, and Bob, a member, and their browsers."""

from functools import cache

from django.contrib.auth.hashers import get_hasher, make_password
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client

from assistants.models import AuditEntry

PASSWORD = "correct horse battery"
NEW_PASSWORD = "staple lorry ninety"
ELSEWHERE = "198.51.100.7"
BASE_URL = "https://sluice.example.com"


def make_user(email: str, *, is_admin: bool = False, password: str | None = PASSWORD) -> User:
    hashed = make_password(None) if password is None else hashed_once(password, get_hasher().algorithm)
    return User.objects.create(username=email, email=email, password=hashed, is_staff=is_admin)


@cache
def hashed_once(password: str, algorithm: str) -> str:
    """Hash a password as production does; that is slow on purpose, so people of many tests share the result."""
    return make_password(password, hasher=algorithm)


def make_alice() -> User:
    return make_user("alice@example.com", is_admin=True)


def make_bob() -> User:
    return make_user("bob@example.com")


def signed_in(user: User) -> Client:
    """Return a browser in which `user` is signed in."""
    client = Client()
    client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    return client


def sign_in(username: str, password: str = PASSWORD, *, address: str = ELSEWHERE, **headers: str) -> HttpResponse:
    """Try to sign in from a browser of its own."""
    form = {"username": username, "password": password}
    return Client().post("/sign-in/", form, REMOTE_ADDR=address, headers=headers)


def link_in(page: str) -> str:
    """Return the one-time link that a page or an output shows, without its host."""
    return page[page.index(f"{BASE_URL}/welcome/") :].split()[0].split("<")[0].removeprefix(BASE_URL)


def actions() -> list[tuple[str, str, str]]:
    rows = AuditEntry.objects.order_by("id")
    return list(rows.values_list("actor_name", "action", "target"))
