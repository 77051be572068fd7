"""The people of the tests: Alice, an admin, and Bob, a member."""

from django.contrib.auth.models import User
from django.test import Client

PASSWORD = "correct horse battery"


def make_user(email: str, *, is_admin: bool = False, password: str | None = PASSWORD) -> User:
    return User.objects.create_user(email, email, password, is_staff=is_admin)


def make_alice() -> User:
    return make_user("alice@example.com", is_admin=True)


def make_bob() -> User:
    return make_user("bob@example.com")


def signed_in(user: User) -> Client:
    """Return a browser in which `user` is signed in."""
    client = Client()
    client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    return client
