"""What every test needs: settings for a folder of its own, and a database file that other processes can open."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

import django
import pytest
from django.db import connection

# Settings read the environment once, so it is set before Django is. `make test` gives DATABASE_URL, CELERY_BROKER_URL
# and CACHE_URL for PostgreSQL and Redis; without them the tests run as embedded mode does.
DATA_DIR = Path(tempfile.mkdtemp(prefix="sluice-tests-"))
atexit.register(shutil.rmtree, DATA_DIR, ignore_errors=True)
os.environ["SLUICE_MODE"] = "embedded"
os.environ["SLUICE_DATA_DIR"] = str(DATA_DIR)
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
django.setup()

from assistants import log  # noqa: E402  its models need Django to be set up
from tests.clients import driven  # noqa: E402

# Wake-ups come from a thread that reads the database whenever it likes; the tests of wake-ups start one themselves.
log.listeners.clear()

TESTS = Path(__file__).parent
BROWSER_TESTS = TESTS / "browser"
# Here processes are started that have a database of their own.
STARTING_TESTS = (BROWSER_TESTS, TESTS / "system", TESTS / "tooling", TESTS / "faults")
DATABASE_FIXTURES = {"db", "transactional_db", "django_db_setup", "_django_db_helper"}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if BROWSER_TESTS in item.path.parents:
            item.add_marker("browser")
        if not may_need_database(item):
            item.add_marker("pure")
    driven.note(config, items)


def may_need_database(item: pytest.Item) -> bool:
    """Say whether a test could end otherwise on another database; one that asks for none is refused any."""
    if any(folder in item.path.parents for folder in STARTING_TESTS):
        return True
    has_mark = item.get_closest_marker("django_db") is not None
    return has_mark or not DATABASE_FIXTURES.isdisjoint(getattr(item, "fixturenames", ()))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if line := driven.summary(config, terminalreporter.stats):
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def django_db_modify_db_settings() -> None:
    """Keep SQLite's test database in a file: one in memory has other locks, and no second process can open it."""
    if connection.vendor == "sqlite":
        connection.settings_dict["TEST"]["NAME"] = str(DATA_DIR / "test.sqlite3")


@pytest.fixture
def data_dir() -> Path:
    """Hand out the folder that SLUICE_DATA_DIR names during the tests."""
    return DATA_DIR
