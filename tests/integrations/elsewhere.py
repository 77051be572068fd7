"""Sluice's commands in a process of their own, on the database of the tests, with a broker of one's choice."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from django.conf import settings
from django.db import connection

ROOT = Path(__file__).resolve().parents[2]


def manage(*arguments: str, seconds: float = 60, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run manage.py with the tests' database and data folder and these environment variables on top."""
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env={**os.environ, **_tests_database(), **environment},
        timeout=seconds,
        capture_output=True,
        text=True,
        check=False,
    )


def _tests_database() -> Mapping[str, str]:
    name = str(connection.settings_dict["NAME"])
    if connection.vendor == "sqlite":
        return {"DATABASE_URL": f"sqlite:///{name}"}
    server, _, _ = settings.DATABASE_URL.rpartition("/")
    return {"DATABASE_URL": f"{server}/{name}"}
