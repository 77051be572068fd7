"""The whole of `make run`, from an empty data folder to Ctrl-C, with the real processes."""

import os
import signal
from pathlib import Path

from config.run import answers
from tests.services import free_port, wait_until
from tests.tooling.conftest import Start
from tests.tooling.processes import group_exists, wait_for_child


def test_a_fresh_start_serves_survives_the_loss_of_any_process_and_stops(start: Start, tmp_path: Path) -> None:
    port = free_port()
    sluice = start("config.run", PORT=str(port), SLUICE_DATA_DIR=str(tmp_path / "var"))
    wait_until(lambda: answers(port), "an answer of the web server")
    for words in ("granian", "celery", "manage.py sweep"):
        killed = wait_for_child(sluice.pid, words)
        os.kill(killed, signal.SIGKILL)
        wait_for_child(sluice.pid, words, other_than=killed)
    wait_until(lambda: answers(port), "an answer of the second web server")
    os.killpg(sluice.pid, signal.SIGINT)
    output, _ = sluice.communicate(timeout=30)
    assert sluice.returncode == 0
    assert not group_exists(sluice.pid)
    assert f"Sign in at http://127.0.0.1:{port}/" in output
    assert output.count("was ended by SIGKILL; starting it again in 1 s") == 3
    assert "Traceback" not in output
