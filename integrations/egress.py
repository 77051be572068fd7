"""Which addresses Sluice may send to when a person enters a URL, and the HTTP client that keeps to it.

Forms reject what can be seen without asking a name server; what a name resolves to is judged at each connect
(`integrations/transport.py`). Refusals say that they are refusals and no more: they must not become a way to explore
the network that Sluice stands in.
"""

import ipaddress
import re
import socket
from functools import partial
from typing import TypeAlias

import httpx

from integrations.transport import GuardedTransport

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

# Refused even where private addresses are allowed: nobody receives events there.
_NEVER = [
    ipaddress.ip_network(network)
    for network in (
        # Link-local: the credentials service of most clouds.
        "169.254.0.0/16",
        "fe80::/10",
        # The same service at addresses that look private or public: AWS over IPv6, Alibaba, Azure.
        "fd00:ec2::254/128",
        "100.100.100.200/32",
        "168.63.129.16/32",
        # Multicast, reserved, broadcast.
        "224.0.0.0/4",
        "240.0.0.0/4",
        "ff00::/8",
        # IPv4 in the clothes of IPv6: mapped, NAT64, 6to4, Teredo.
        "::ffff:0:0/96",
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "2002::/16",
        "2001::/32",
    )
]
# Not public, whatever `is_global` of the Python at hand says: its list differs by version.
_NOT_PUBLIC = [
    ipaddress.ip_network(network)
    for network in ("100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24", "::/96", "fec0::/10", "3fff::/20", "5f00::/16")
]
HTTPS_PORT = 443
FIRST_UNPRIVILEGED_PORT = 1024
KEEPALIVE_SECONDS = 30.0
# A host that moves is followed within this time, however busy the connection is.
MAX_CONNECTION_AGE_SECONDS = 300.0
MAX_CONNECTIONS = 20


def is_allowed(address: str, *, allow_private: bool) -> bool:
    """Tell whether a connection may be made to this IP address, given as text."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if any(parsed in network for network in _NEVER):
        return False
    return allow_private or (parsed.is_global and not any(parsed in network for network in _NOT_PUBLIC))


def check_endpoint_url(url: str, *, allow_private: bool) -> str | None:
    """Return what is wrong with a base URL that a person entered, or None; asks no name server."""
    if re.search(r"[\s\x00-\x1f\x7f\\]", url):
        return "The URL must not contain spaces, line breaks or backslashes."
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        return "This is not a valid URL."
    return _check_parts(parsed, allow_private=allow_private) or (
        "The URL must end with its path: leave out “?”, “#” and what follows." if re.search(r"[?#]", url) else None
    )


def _check_parts(url: httpx.URL, *, allow_private: bool) -> str | None:
    if url.scheme not in _schemes(allow_private):
        return f"The URL must begin with {' or '.join(f'{scheme}://' for scheme in _schemes(allow_private))}."
    if not url.host:
        return "The URL names no host."
    if url.userinfo:
        return "The URL must not contain a user name or password."
    if not _is_port_allowed(url.port, allow_private=allow_private):
        return f"Port {url.port} is not allowed; use 443 or one from {FIRST_UNPRIVILEGED_PORT} to 65535."
    address = _numeric_address(url.host)
    if address is not None and not is_allowed(address, allow_private=allow_private):
        return "This address is not allowed; use the name of a host that is reachable from the internet."
    return None


def guarded_client(
    *,
    allow_private: bool,
    timeout: httpx.Timeout | float,
    max_connections: int = MAX_CONNECTIONS,
    max_age_seconds: float = MAX_CONNECTION_AGE_SECONDS,
) -> httpx.Client:
    """Return a client of `guarded_transport` that follows no redirect and reads no proxy variables."""
    transport = guarded_transport(
        allow_private=allow_private, max_connections=max_connections, max_age_seconds=max_age_seconds
    )
    return httpx.Client(transport=transport, timeout=timeout, trust_env=False, follow_redirects=False)


def guarded_transport(
    *,
    allow_private: bool,
    max_connections: int = MAX_CONNECTIONS,
    max_age_seconds: float = MAX_CONNECTION_AGE_SECONDS,
) -> GuardedTransport:
    """Return a transport that connects to allowed addresses only.

    A request to anything else raises `transport.EndpointRefusedError`, a kind of `httpx.ConnectError`. `allow_private`
    admits private addresses, plain http and any port. Bound a whole exchange with `transport.deadline`.
    """
    return GuardedTransport(
        allows_url=partial(_is_url_allowed, allow_private=allow_private),
        allows_address=partial(is_allowed, allow_private=allow_private),
        max_connections=max_connections,
        keepalive_seconds=KEEPALIVE_SECONDS,
        max_age_seconds=max_age_seconds,
    )


def _is_url_allowed(url: httpx.URL, *, allow_private: bool) -> bool:
    return (
        url.scheme in _schemes(allow_private)
        and not url.userinfo
        and _is_port_allowed(url.port, allow_private=allow_private)
    )


def _schemes(allow_private: bool) -> tuple[str, ...]:
    return ("https", "http") if allow_private else ("https",)


def _is_port_allowed(port: int | None, *, allow_private: bool) -> bool:
    """Low ports other than HTTPS belong to services that have no business with events, such as mail."""
    if port is None or port == HTTPS_PORT:
        return True
    return (1 if allow_private else FIRST_UNPRIVILEGED_PORT) <= port <= 65535


def _numeric_address(host: str) -> str | None:
    """Return the address a host spells out in any form the resolver reads (decimal, octal, shortened), else None."""
    try:
        answers = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return None
    return str(answers[0][4][0])
