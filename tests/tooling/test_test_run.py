"""The run of all checks tells what failed, and is not changed by what surrounds it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.run import FAULTS, ROOT, Run, Stage, stages_of_tests, static_stages

PASSES = Stage("passes", [sys.executable, "-c", "pass"])
FAILS = Stage("fails", [sys.executable, "-c", "raise SystemExit(2)"])
# Ends only when another one like it is there.
MEETS = """
import pathlib, sys, time
folder, name = pathlib.Path(sys.argv[1]), sys.argv[2]
other = {"one": "two", "two": "one"}[name]
(folder / name).touch()
while not (folder / other).exists():
    time.sleep(0.01)
print(name, "met", other)
"""


def test_a_run_whose_stages_pass_has_passed(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.stages(PASSES)
    assert run.summary()


def test_a_stage_that_fails_fails_the_run_and_lets_the_others_go_on(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run = Run(tmp_path)
    run.stages(FAILS, PASSES)
    assert [(result.name, result.has_passed) for result in run.results] == [("fails", False), ("passes", True)]
    assert not run.summary()
    assert "FAILED" in capfd.readouterr().out


def test_stages_side_by_side_run_at_the_same_time_and_are_told_apart(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run = Run(tmp_path, stage_seconds=30.0)
    run.side_by_side(*(Stage(name, [sys.executable, "-c", MEETS, tmp_path, name]) for name in ("one", "two")))
    assert [(result.name, result.has_passed) for result in run.results] == [("one", True), ("two", True)]
    assert "── one\none met two\n" in capfd.readouterr().out


def test_a_stage_that_hangs_is_interrupted_and_fails_the_run(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run = Run(tmp_path, stage_seconds=1.0)
    run.stages(Stage("hangs", [sys.executable, "-c", "import time; time.sleep(60)"]))
    assert not run.summary()
    printed = capfd.readouterr()
    assert "hangs did not end within 1 s" in printed.out
    assert "KeyboardInterrupt" in printed.err


def test_settings_of_the_surroundings_do_not_reach_a_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://elsewhere/production")
    monkeypatch.setenv("SLUICE_METRICS_TOKEN", "token")
    environment = Run(tmp_path).environment()
    assert "DATABASE_URL" not in environment
    assert {name: value for name, value in environment.items() if name.startswith("SLUICE_")} == {
        "SLUICE_MODE": "embedded",
        "SLUICE_DATA_DIR": str(tmp_path / "data"),
    }


def test_what_the_tests_on_sqlite_leave_out_other_stages_run() -> None:
    in_browser, on_sqlite, *others = (list(map(str, stage.command)) for stage in stages_of_tests({}))
    left_out = [word.partition("=")[2] for word in on_sqlite if word.startswith("--ignore")]
    files = [path for pattern in left_out for path in map(str, ROOT.glob(pattern))]
    assert len(files) >= 4
    run_whole = {str(ROOT / word) for command in others if "-m" not in command[3:] for word in command[3:]}
    # Of the tests of faults only the quick ones are run with all others.
    assert set(files) - run_whole == {str(ROOT / FAULTS)}
    assert [command[-3:] for command in others if FAULTS in command] == [[FAULTS, "-m", "quick_faults"]]
    assert (in_browser[-1], on_sqlite[on_sqlite.index("not browser") - 1]) == ("browser", "-m")


def test_each_program_of_the_static_checks_is_installed() -> None:
    assert [stage.name for stage in static_stages() if not Path(stage.command[0]).exists()] == []


def test_a_program_that_is_missing_and_cannot_be_installed_is_named() -> None:
    ask = "from tests.services import require_programs; require_programs('redis-server', 'chromium')"
    nowhere = os.environ | {"PATH": "/nonexistent"}
    asked = subprocess.run([sys.executable, "-c", ask], cwd=ROOT, env=nowhere, capture_output=True, text=True)
    assert asked.returncode == 1
    assert asked.stderr == "The tests need more programs. On Debian, as root: apt-get install redis-server chromium\n"


def test_continuous_integration_runs_everything() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert script.read_text().splitlines()[-1] == "exec make test"
