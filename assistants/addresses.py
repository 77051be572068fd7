"""Where a request really comes from: X-Forwarded-For is believed only as far as proxies of ours wrote it."""

import ipaddress
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from django.conf import settings
from django.http import HttpRequest

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

# A server on a Unix socket does not name its peer; such callers share one address.
UNKNOWN = ipaddress.IPv4Address(0)
# A provider hands each customer at least this much; limits per single IPv6 address would limit nobody.
IPV6_CUSTOMER_PREFIX = 64
# What a proxy adds to a request that it passes on.
PASSED_ON_BY = ("Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP")


def client_address(peer: str, forwarded_for: str, trusted: Sequence[Network]) -> Address:
    """Return the first address, seen from us, that is not one of the `trusted` proxies.

    `forwarded_for` is the X-Forwarded-For header, several joined by commas. Each proxy appends whom it heard from, so
    the list is read from its right end and everything left of the first untrusted element may be invented.
    """
    address = _parse(peer) or UNKNOWN
    for element in reversed(forwarded_for.split(",")):
        if not _within(address, trusted):
            break
        earlier = _parse(element)
        if earlier is None:
            break
        address = earlier
    return address


def request_address(request: HttpRequest) -> str:
    """Return the client's address of a Django request."""
    return str(_request_address(request))


def scope_network(scope: dict[str, Any]) -> str:
    """Return what wrong keys are counted by, as `client_network` does for sign-in, of an ASGI scope."""
    client = scope.get("client")
    forwarded_for = _joined(scope["headers"], b"x-forwarded-for")
    return _network(client_address(client[0] if client else "", forwarded_for, settings.SLUICE_TRUSTED_PROXIES))


def client_network(request: HttpRequest) -> str:
    """Return what sign-in attempts are counted by: the IPv4 address, or the first one of the IPv6 customer network."""
    return _network(_request_address(request))


def is_from_this_host(request: HttpRequest) -> bool:
    """Say whether a program on this host asked for itself: nothing that a proxy passed on, wherever the proxy runs."""
    peer = _parse(request.META.get("REMOTE_ADDR") or "") or UNKNOWN
    if not peer.is_loopback or _within(peer, settings.SLUICE_TRUSTED_PROXIES):
        return False
    return not any(name in request.headers for name in PASSED_ON_BY)


def _network(address: Address) -> str:
    if address.version == 4:
        return str(address)
    return str(ipaddress.ip_network((address, IPV6_CUSTOMER_PREFIX), strict=False).network_address)


def _request_address(request: HttpRequest) -> Address:
    peer = request.META.get("REMOTE_ADDR") or ""
    return client_address(peer, request.headers.get("X-Forwarded-For", ""), settings.SLUICE_TRUSTED_PROXIES)


def _joined(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> str:
    return ",".join(value.decode("latin-1") for key, value in headers if key == name)


def _within(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)


def _parse(text: str) -> Address | None:
    """Read one element: an address, in brackets or with a port as some proxies write it; IPv4 in IPv6 is unwrapped."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
