"""The locks name every package with its hashes, and no place to get it from."""

import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent.parent
LOCKS = ["requirements.txt", "requirements-dev.txt"]
LOCKED = re.compile(r"^([a-z0-9-]+)(?:\[[a-z,]+\])?==(\S+)(?: ; [^\\]+)? \\$", re.MULTILINE)


def locked(name: str) -> dict[str, str]:
    """Map the packages of a lock to their versions."""
    return dict(LOCKED.findall((ROOT / name).read_text()))


def entries(name: str) -> list[str]:
    return re.split(r"\n(?! )", (ROOT / name).read_text().strip())


def wanted(name: str) -> set[str]:
    """Collect the packages that a list of direct requirements asks for."""
    lines = [line for line in (ROOT / name).read_text().splitlines() if line and line[0] not in "#-"]
    return {canonicalize_name(Requirement(line).name) for line in lines}


@pytest.mark.parametrize("name", LOCKS)
def test_each_package_has_one_version_and_hashes(name: str) -> None:
    for entry in entries(name):
        first, *hashes = entry.splitlines()
        assert LOCKED.fullmatch(first), first
        assert hashes, first
        assert all(re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}(?: \\)?", line) for line in hashes), first


def test_the_locks_hold_what_is_asked_for() -> None:
    assert set(locked("requirements.txt")) >= wanted("requirements.in")
    assert set(locked("requirements-dev.txt")) >= wanted("requirements-dev.in")


def test_tests_run_with_the_versions_of_production() -> None:
    assert locked("requirements-dev.txt").items() >= locked("requirements.txt").items()
