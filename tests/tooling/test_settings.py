"""Settings that make no sense: the variable is named, its value is not shown, and nothing starts."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.run import production

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DATABASE_URL", "nonsense"),
        ("SLUICE_SWEEP_SECONDS", "abc"),
        ("SLUICE_TRUSTED_PROXIES", "nowhere"),
        ("PORT", "eighty"),
        ("EMAIL_URL", "pigeon://loft"),
    ],
)
def test_a_variable_that_makes_no_sense_is_named(variable: str, value: str, tmp_path: Path) -> None:
    environment = os.environ | {"SLUICE_MODE": "embedded", "SLUICE_DATA_DIR": str(tmp_path), variable: value}
    command = [sys.executable, "-m", "config.prepare"]

    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)

    assert ended.returncode == 1
    assert f"{variable} cannot be read" in ended.stderr
    assert value not in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(("variables", "form"), [({}, "json"), ({"SLUICE_LOG_FORMAT": "text"}, "text")])
def test_production_logs_in_json_unless_told_otherwise(variables: dict[str, str], form: str) -> None:
    environment = os.environ | production() | variables
    command = [sys.executable, "-c", "from config import settings; print(settings.SLUICE_LOG_FORMAT)"]

    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=True)

    assert ended.stdout == f"{form}\n"
