"""What a request to a source says of where it goes and who sends it, before anything of it is believed."""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from assistants import sources
from assistants.intake.body import Scope
from assistants.sources.adapter import Adapter

PREFIX = "/sources/"
KEY_PREFIX = "slu_"
# Where vendors put a key that is entered on a page of theirs.
KEY_HEADERS = ("x-api-key", "x-amz-firehose-access-key")
_PUBLIC_ID = re.compile(r"[A-Za-z0-9_-]{1,32}", re.ASCII)


@dataclass(frozen=True)
class Place:
    """Where a request goes: the adapter, the environment (none on a fixed path), a key in the address, what follows."""

    adapter: Adapter
    environment: str
    key: str
    path: str


def is_source(path: str) -> bool:
    """Say whether a path is one of sources."""
    return path.startswith(PREFIX) or sources.at_path(path.rstrip("/")) is not None


def place_of(path: str) -> Place | None:
    """Read an address; nothing where no source can be."""
    path = path.rstrip("/")
    fixed = sources.at_path(path)
    if fixed:
        return Place(fixed, "", "", path)
    kind, _, rest = path.removeprefix(PREFIX).partition("/")
    public_id, _, rest = rest.partition("/")
    adapter = sources.find(kind)
    if adapter is None or not _PUBLIC_ID.fullmatch(public_id):
        return None
    first, _, more = rest.partition("/")
    key, rest = (first, more) if first.startswith(KEY_PREFIX) else ("", rest)
    return Place(adapter, public_id, key, f"/{rest}" if rest else "")


def headers_of(scope: Scope) -> dict[str, str]:
    """Return the headers by their names in lower case; what comes more than once is joined by commas."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def key_in(headers: Mapping[str, str], *, is_expected: bool) -> str:
    """Return the ingest key among the headers; nothing without one.

    Where a key `is_expected`, whatever stands in its place is taken for one. Elsewhere an Authorization may be the
    vendor's own, and counts only if it looks like a key of ours.
    """
    candidates = [*_credentials(headers.get("authorization", "")), *(headers.get(name, "") for name in KEY_HEADERS)]
    ours = [text for text in candidates if text.startswith(KEY_PREFIX)]
    if ours or not is_expected:
        return ours[0] if ours else ""
    return next((text for text in candidates if text), "")


def _credentials(authorization: str) -> list[str]:
    """Return what an Authorization proves with: the token, or user name and password. One may be percent-encoded.

    Source: RFC 6750; RFC 7617. OpenTelemetry's environment variable is percent-encoded, and some exporters send it so.
    """
    text = authorization.strip()
    text = text if " " in text else unquote(text)
    scheme, _, rest = text.partition(" ")
    if scheme.lower() == "bearer":
        return [rest.strip()]
    if scheme.lower() != "basic":
        return [text]
    try:
        user, _, password = base64.b64decode(rest.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return []
    return [user, password]
