"""A Chromium, the web server it talks to, and a place in the test run where the two disturb nobody."""

import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from playwright.sync_api import BrowserContext, Page
from pytest_django import DjangoDbBlocker

from integrations import wake
from tests.browser.people import let_in
from tests.browser.world import World, make_world
from tests.dashboard.people import make_alice
from tests.services import HOST, free_port
from tests.system.stack import Stack, embedded

FOLDER = Path(__file__).parent
CHROMIUM = {
    "executable_path": "/usr/bin/chromium",
    "args": [
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        # Chromium's own sandbox does not start for root.
        *(["--no-sandbox"] if os.geteuid() == 0 else []),
    ],
}


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the browser's tests last: once Playwright runs, every test of the process stands in its event loop."""
    items.sort(key=lambda item: FOLDER in item.path.parents)


@pytest.fixture(scope="session", autouse=True)
def _queries_beside_playwright() -> Iterator[None]:
    """Let tests ask the database although Playwright's event loop runs in their thread."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        yield


@pytest.fixture(scope="session", autouse=True)
def _no_wake_ups() -> Iterator[None]:
    """Leave the broker alone: no worker listens, the tests do its work at the moment they choose."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wake.breaker, "open_until", math.inf)
        yield


@pytest.fixture(scope="session")
def server(django_db_setup: None) -> Iterator[Stack]:
    """Run the web server that ships, on the database of the tests."""
    call_command("collectstatic", interactive=False, verbosity=0)
    stack = Stack(settings.DATA_DIR, embedded() | {"DATABASE_URL": _database_url()})
    stack.start("web")
    yield stack
    stack.kill()


def _database_url() -> str:
    name = str(connection.settings_dict["NAME"])
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    return urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()


@pytest.fixture(scope="session")
def base_url(server: Stack) -> str:
    return server.url


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    return {**browser_type_launch_args, **CHROMIUM}


@pytest.fixture(scope="module")
def db(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The database for all tests of a module: what a transaction keeps to one test, the server could not see."""
    with django_db_blocker.unblock():
        yield
        call_command("flush", interactive=False, verbosity=0)


@pytest.fixture(scope="module")
def world(db: None) -> World:
    """Everything there is in world.py, made once; no test of the module may mind what the others do in it."""
    return make_world()


@pytest.fixture
def alice(transactional_db: None) -> User:
    return make_alice()


@pytest.fixture
def alices(alice: User, context: BrowserContext, page: Page) -> Page:
    """A page in the browser of Alice, an admin, who is signed in."""
    let_in(context, alice)
    return page


@pytest.fixture
def unused_url() -> str:
    """An address of this host at which nothing listens."""
    return f"http://{HOST}:{free_port()}"
