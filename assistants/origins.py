"""Web origins, as browsers name them in the header Origin: scheme and host, and the port where it is not the usual one.

Source: RFC 6454, section 6.2.
"""

import ipaddress
import re
from collections.abc import Iterable
from urllib.parse import urlsplit

MAX_ORIGINS = 50
USUAL_PORTS = {"http": 80, "https": 443}
_SEPARATORS = re.compile(r"[\s,]+")
_HOST = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))*", re.ASCII)


class NotAnOrigin(Exception):
    """A text names no web origin; its message says to people what is wrong with it."""


def read_origins(texts: Iterable[str]) -> list[str]:
    """Return the origins named in `texts`, each once, in order; spaces, commas and line breaks separate them.

    Raises NotAnOrigin for the first one that is wrong, or where there are more than MAX_ORIGINS.
    """
    named = [word for text in texts for word in _SEPARATORS.split(text) if word]
    origins = list(dict.fromkeys(map(read_origin, named)))
    if len(origins) > MAX_ORIGINS:
        raise NotAnOrigin(f"A key may have at most {MAX_ORIGINS} origins, not {len(origins)}.")
    return origins


def read_origin(text: str) -> str:
    """Return the origin as a browser sends it. Raises NotAnOrigin."""
    if "*" in text:
        raise NotAnOrigin(f"“{text}” has a *, which stands for nothing here: name each origin, or none to allow all.")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise NotAnOrigin(f"“{text}” is not an address. An origin looks like https://www.example.com.") from None
    if parts.scheme not in USUAL_PORTS:
        raise NotAnOrigin(f"“{text}” does not begin with https:// (or http://). Write it like https://www.example.com.")
    if parts.path not in ("", "/") or parts.query or parts.fragment or parts.username is not None:
        raise NotAnOrigin(f"“{text}” is more than an origin. Leave out all but scheme, host and port.")
    host = _host(text, parts.hostname or "")
    return (
        f"{parts.scheme}://{host}" if port in (None, USUAL_PORTS[parts.scheme]) else f"{parts.scheme}://{host}:{port}"
    )


def _host(text: str, host: str) -> str:
    if ":" in host:
        try:
            return f"[{ipaddress.IPv6Address(host)}]"
        except ValueError:
            raise NotAnOrigin(f"“{text}” holds no valid IPv6 address.") from None
    if not host.isascii():
        raise NotAnOrigin(f"“{text}” has letters that browsers rewrite. Write the host as they send it, with xn--.")
    if not _HOST.fullmatch(host):
        raise NotAnOrigin(f"“{text}” has no valid host name. An origin looks like https://www.example.com.")
    return host
