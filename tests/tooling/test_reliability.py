"""What docs/reliability.md says is shown by a test is shown by a test, and every test of faults is in it."""

import re
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
NAMED = re.findall(r"`([\w/]+\.py)::(test_\w+)`", (TESTS.parent / "docs" / "reliability.md").read_text())


def written_in(file: Path) -> set[str]:
    return set(re.findall(r"^(?:async )?def (test_\w+)", file.read_text(), re.MULTILINE))


def test_each_test_that_is_named_exists() -> None:
    assert len(NAMED) > 80
    assert [(file, name) for file, name in NAMED if name not in written_in(TESTS / file)] == []


def test_each_test_of_faults_is_named() -> None:
    written = {
        (str(file.relative_to(TESTS)), name) for file in TESTS.glob("faults/test_*.py") for name in written_in(file)
    }
    assert written - set(NAMED) == set()
