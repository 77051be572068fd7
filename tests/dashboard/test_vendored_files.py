"""The files of other projects are the ones that their list names, byte for byte."""

import hashlib
import re

from django.conf import settings

VENDOR = settings.BASE_DIR / "static" / "vendor"
LISTED = re.compile(r"^\| `(?P<file>\S+)` \| `(?P<checksum>[0-9a-f]{64})` \|$", re.MULTILINE)


def test_every_vendored_file_is_listed_with_its_checksum() -> None:
    listed = dict(LISTED.findall((VENDOR / "README.md").read_text()))
    present = {
        str(file.relative_to(VENDOR)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in VENDOR.rglob("*")
        if file.is_file() and file.name != "README.md"
    }
    assert listed == present
