"""Segment's library for pages, served to them as Segment's own CDN does: under an address that holds the page's key.

The files are in `analytics_next/`, unchanged. What the library loads later on, it loads from /analytics-next/bundles/.
"""

import gzip
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from assistants.intake.answers import Answer, failure
from assistants.intake.body import Scope

PATHS = ("/analytics.js/", "/analytics-next/")
FOLDER = Path(__file__).parent / "analytics_next"
MAIN = "standalone.js"
MAIN_SECONDS = 3_600
# The names of the other files hold a hash of what is in them.
BUNDLE_SECONDS = 31_536_000
HEADERS = (
    (b"cross-origin-resource-policy", b"cross-origin"),
    (b"x-content-type-options", b"nosniff"),
    (b"vary", b"accept-encoding"),
)


@dataclass(frozen=True)
class Script:
    """A file of the library, and for how long a browser may keep it."""

    plain: bytes
    zipped: bytes
    seconds: int


def script(scope: Scope) -> Answer:
    """Answer a request for a file of the library. The key in its address is for the library, not looked at here."""
    found = scripts().get(_file_name(scope["path"]))
    if found is None or scope["method"] != "GET":
        return failure(404, "not_found", "There is no such script; the library is analytics.min.js.")
    headers = (*HEADERS, (b"cache-control", b"public, max-age=%d" % found.seconds))
    content_type = b"text/javascript; charset=utf-8"
    if b"gzip" in dict(scope["headers"]).get(b"accept-encoding", b""):
        return Answer(200, found.zipped, (*headers, (b"content-encoding", b"gzip")), content_type)
    return Answer(200, found.plain, headers, content_type)


@cache
def scripts() -> dict[str, Script]:
    """Read the files once, by their names."""
    return {file.name: _read(file) for file in FOLDER.glob("*.js")}


def _read(file: Path) -> Script:
    plain = file.read_bytes()
    return Script(plain, gzip.compress(plain, mtime=0), MAIN_SECONDS if file.name == MAIN else BUNDLE_SECONDS)


def _file_name(path: str) -> str:
    match path.split("/"):
        case ["", "analytics.js", "v1", _, "analytics.min.js"]:
            return MAIN
        case ["", "analytics-next", "bundles", name]:
            return name
    return ""
