"""What tests of pages need: collected static files, and somebody signed in."""

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client


@pytest.fixture(scope="session", autouse=True)
def _collected_static_files() -> None:
    """Pages name static files by their hashes, which `collectstatic` finds out."""
    call_command("collectstatic", interactive=False, verbosity=0)


@pytest.fixture
def alice(db: None) -> User:
    return User.objects.create_user("alice@example.com", "alice@example.com", "correct horse battery staple")


@pytest.fixture
def alices(client: Client, alice: User) -> Client:
    """Alice's browser, signed in."""
    client.force_login(alice)
    return client
