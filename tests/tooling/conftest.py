"""Programs of this project, started as a shell starts them."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.tooling.processes import group_exists

ROOT = Path(__file__).resolve().parent.parent.parent
# Where `make test` points the tests to; a program that is started here has to choose for itself.
CHOSEN_FOR_TESTS = {"DATABASE_URL", "CELERY_BROKER_URL", "CACHE_URL"}
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a module of this project as leader of a session and a process group; gone after the test in any case."""
    started: list[subprocess.Popen[str]] = []
    inherited = {name: value for name, value in os.environ.items() if name not in CHOSEN_FOR_TESTS}

    def start(module: str, *arguments: str | Path, **environment: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *map(str, arguments)],
            cwd=ROOT,
            env=inherited | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if group_exists(process.pid):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
