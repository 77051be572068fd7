"""What every process of Sluice shares: its SQLite, its broker, and its end."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from config.celery import app, transport_options
from config.lifetime import end_with_parent
from tests.services import wait_until
from tests.tooling.processes import is_running

ROOT = Path(__file__).resolve().parent.parent.parent
PARENT = """
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", sys.argv[1]])
time.sleep(60)
"""
CHILD = """
import os, time
from config.lifetime import end_with
end_with(os.getppid())
print(os.getpid(), flush=True)
time.sleep(60)
"""


def test_sqlite_is_one_without_the_fault_in_write_ahead_logging() -> None:
    assert sqlite3.sqlite_version_info >= (3, 51, 3)


@pytest.mark.parametrize(
    ("url", "publishing", "consuming"),
    [
        ("redis://host/0", ("socket_timeout", 0.25), ("socket_timeout", 5)),
        ("rediss://host/0", ("max_retries", 0), ("visibility_timeout", 300)),
        ("sqla+sqlite:////file", ("connect_args", {"timeout": 20}), ("connect_args", {"timeout": 20})),
    ],
)
def test_each_broker_and_role_has_its_options(
    url: str, publishing: tuple[str, Any], consuming: tuple[str, Any]
) -> None:
    assert publishing in transport_options(url, consuming=False).items()
    assert consuming in transport_options(url, consuming=True).items()


def test_a_broker_that_is_not_known_is_left_to_its_defaults() -> None:
    assert transport_options("amqp://host", consuming=False) == transport_options("amqp://host", consuming=True) == {}


def test_a_process_that_is_no_worker_publishes_without_waiting_for_the_broker() -> None:
    assert app.conf.broker_transport_options == transport_options(app.conf.broker_url, consuming=False)


def test_the_embedded_broker_is_asked_ten_times_a_second(tmp_path: Path) -> None:
    with app.connection_for_read(f"sqla+sqlite:///{tmp_path}/broker.sqlite3") as connection:
        assert connection.transport.polling_interval == 0.1


def test_a_process_ends_with_its_parent() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, CHILD], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    os.kill(parent.pid, signal.SIGKILL)
    # The child holds the other end of the pipe: it is read to its end when the child is gone.
    assert parent.communicate(timeout=10) == ("", None)
    wait_until(lambda: not is_running(child), "the end of the child")


def test_a_process_whose_parent_is_gone_already_ends_at_once() -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    program = f"import time; from config.lifetime import end_with; end_with({gone.pid}); time.sleep(60)"
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, timeout=30).returncode == -signal.SIGTERM


def test_a_process_that_nobody_spawned_is_left_alone() -> None:
    before = threading.active_count()
    end_with_parent()
    assert threading.active_count() == before
