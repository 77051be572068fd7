"""A running Sluice for the tests that look at it from outside only."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services import running_redis
from tests.system.recorder import Recorder, running_recorder
from tests.system.stack import HASTE, WRITE_KEY, Stack, embedded, on_servers, running

POSTGRESQL = os.environ.get("DATABASE_URL", "") if os.environ.get("DATABASE_URL", "").startswith("postgres") else ""


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Run a Sluice on the kind of servers that this run of the tests is for."""
    folder: Path = tmp_path_factory.mktemp("sluice")
    with contextlib.ExitStack() as servers:
        environment = embedded()
        if POSTGRESQL:
            redis = servers.enter_context(running_redis())
            environment = servers.enter_context(on_servers(POSTGRESQL, redis.url))
        stack = servers.enter_context(running(folder, environment | HASTE))
        yield stack
    assert WRITE_KEY not in stack.logs()


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    with running_recorder() as recorder:
        yield recorder
