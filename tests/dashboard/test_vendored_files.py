"""The files of other projects are the ones that their lists name, byte for byte."""

import hashlib
import re
from pathlib import Path

import pytest
from django.conf import settings

LISTED = re.compile(r"^\| `(?P<file>\S+)` \| `(?P<checksum>[0-9a-f]{64})` \|$", re.MULTILINE)
OURS = {"README.md", "__init__.py", "driven.py", "node.py"}


@pytest.mark.parametrize("folder", ["static/vendor", "assistants/intake/analytics_next", "tests/clients"])
def test_every_vendored_file_is_listed_with_its_checksum(folder: str) -> None:
    vendor: Path = settings.BASE_DIR / folder
    listed = dict(LISTED.findall((vendor / "README.md").read_text()))
    present = {
        str(file.relative_to(vendor)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in vendor.rglob("*")
        if file.is_file() and file.name not in OURS and file.suffix != ".pyc" and not file.name.startswith("send_with_")
    }
    assert listed == present
