"""What tests of pages need: collected static files, and somebody signed in."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from servestatic.middleware import ServeStaticMiddleware

from tests.dashboard.people import make_user


@pytest.fixture(scope="package", autouse=True)
def _collected_static_files() -> Iterator[None]:
    """Pages name static files by their hashes, which `collectstatic` finds out.

    Every `Client` has middleware of its own, which looks at all of these files when it starts. They do not change while
    the tests run, and this look took longer than the rest of most tests, so the first one is enough for all.
    """
    call_command("collectstatic", interactive=False, verbosity=0)
    look = ServeStaticMiddleware.add_files_from_manifest
    found: dict[str, Any] = {}

    def look_once(middleware: ServeStaticMiddleware) -> None:
        if not found:
            look(middleware)
            found.update(middleware.files)
        middleware.files.update(found)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ServeStaticMiddleware, "add_files_from_manifest", look_once)
        yield


@pytest.fixture
def alice(db: None) -> User:
    return make_user("alice@example.com", password="correct horse battery staple")


@pytest.fixture
def alices(client: Client, alice: User) -> Client:
    """Alice's browser, signed in."""
    client.force_login(alice)
    return client
