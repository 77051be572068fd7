"""The supervisor keeps its children running, and stops all of them when asked to."""

import os
import signal
import socket
import sys
from pathlib import Path

import pytest

from config.run import Child
from tests.services import HOST, free_port, wait_until
from tests.tooling.conftest import Start
from tests.tooling.processes import group_exists


def number_in(file: Path) -> int:
    """Read which process a stand-in is, once it is there."""
    wait_until(file.exists, f"the start of {file.name}")
    return int(file.read_text())


def test_children_share_session_and_group_of_the_supervisor(start: Start, tmp_path: Path) -> None:
    supervisor = start("tests.tooling.supervised", tmp_path, free_port())
    child = number_in(tmp_path / "first")
    assert os.getsid(child) == os.getpgid(child) == supervisor.pid


def test_a_killed_child_is_started_again_and_its_sibling_is_left_alone(start: Start, tmp_path: Path) -> None:
    start("tests.tooling.supervised", tmp_path, free_port())
    first, second = number_in(tmp_path / "first"), number_in(tmp_path / "second")
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: number_in(tmp_path / "first") != first, "a second start of the killed child")
    assert number_in(tmp_path / "second") == second


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_all_children(start: Start, tmp_path: Path, number: signal.Signals) -> None:
    supervisor = start("tests.tooling.supervised", tmp_path, free_port())
    number_in(tmp_path / "first"), number_in(tmp_path / "second")
    supervisor.send_signal(number)
    assert supervisor.wait(10) == 0
    assert not group_exists(supervisor.pid)


def test_ctrl_c_reaches_the_whole_group_and_restarts_nothing(start: Start, tmp_path: Path) -> None:
    supervisor = start("tests.tooling.supervised", tmp_path, free_port())
    number_in(tmp_path / "first"), number_in(tmp_path / "second")
    os.killpg(supervisor.pid, signal.SIGINT)
    output, _ = supervisor.communicate(timeout=10)
    assert supervisor.returncode == 0
    assert "starting it again" not in output
    assert not group_exists(supervisor.pid)


def test_a_child_that_does_not_stop_is_killed(start: Start, tmp_path: Path) -> None:
    supervisor = start("tests.tooling.supervised", tmp_path, free_port(), "--stubborn")
    number_in(tmp_path / "first"), number_in(tmp_path / "second")
    supervisor.send_signal(signal.SIGTERM)
    output, _ = supervisor.communicate(timeout=10)
    assert "first did not stop within 1 s and was killed" in output
    assert not group_exists(supervisor.pid)


def end_at(child: Child, now: float) -> None:
    """Let a child that ends by itself be started, end, and be noticed at `now`."""
    child.keep_running(child.start_at)
    assert child.process is not None
    child.process.wait()
    child.keep_running(now)


def test_a_child_that_fails_at_once_is_started_ever_more_rarely() -> None:
    child = Child("sweep", [sys.executable, "-c", ""])
    pauses = []
    for _ in range(6):
        end_at(child, child.start_at)
        pauses.append(child.start_at - child.started_at)
    assert pauses == [1.0, 2.0, 4.0, 8.0, 10.0, 10.0]


def test_a_child_that_ran_for_long_is_started_again_after_a_second() -> None:
    child = Child("sweep", [sys.executable, "-c", ""], delay_seconds=8.0)
    end_at(child, 30.0)
    assert child.start_at == 31.0


def test_a_child_is_not_started_before_its_time() -> None:
    child = Child("sweep", [sys.executable, "-c", ""], start_at=5.0)
    child.keep_running(4.9)
    assert child.process is None


@pytest.mark.parametrize(
    ("status", "text"),
    [
        ("raise SystemExit(3)", "web ended with status 3"),
        ("import os; os.kill(os.getpid(), 9)", "was ended by SIGKILL"),
    ],
)
def test_the_end_of_a_child_is_told(capfd: pytest.CaptureFixture[str], status: str, text: str) -> None:
    end_at(Child("web", [sys.executable, "-c", status]), 0.0)
    assert text in capfd.readouterr().out


def test_a_port_in_use_ends_the_start_with_a_message(start: Start, tmp_path: Path) -> None:
    with socket.create_server((HOST, 0)) as other:
        port = other.getsockname()[1]
        sluice = start("config.run", PORT=str(port), SLUICE_DATA_DIR=str(tmp_path))
        output, _ = sluice.communicate(timeout=30)
    assert sluice.returncode == 1
    assert output == (
        f"Sluice cannot use port {port} of 127.0.0.1: Address already in use. For another one: PORT=8001 make run\n"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("port", ["http", "0", "65536", "-1"])
def test_a_port_that_is_none_ends_the_start_with_a_message(start: Start, tmp_path: Path, port: str) -> None:
    sluice = start("config.run", PORT=port, SLUICE_DATA_DIR=str(tmp_path))
    output, _ = sluice.communicate(timeout=30)
    assert (sluice.returncode, output) == (1, f"PORT must be a number between 1 and 65535, not '{port}'.\n")
