"""Client addresses: what a caller writes into X-Forwarded-For counts only where a proxy of ours vouches for it."""

import ipaddress

import pytest
from django.test import RequestFactory
from pytest_django import Settings

from assistants.addresses import client_address, client_network, request_address, scope_network

PROXIES = [ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8")]


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "expected"),
    [
        # Not from a proxy: the header is invented.
        ("203.0.113.9", "", "203.0.113.9"),
        ("203.0.113.9", "198.51.100.7", "203.0.113.9"),
        ("203.0.113.9", "10.0.0.1", "203.0.113.9"),
        # From a proxy: the element it wrote, and nothing left of it.
        ("10.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "192.0.2.66, 198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "192.0.2.66,198.51.100.7,10.0.0.2", "198.51.100.7"),
        ("fd00::1", "2001:db8::7", "2001:db8::7"),
        # Proxies only, or no header: the farthest that is known.
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        # What cannot be read ends the chain.
        ("10.0.0.1", "198.51.100.7, unknown", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.7, , 10.0.0.2", "10.0.0.2"),
        # Forms that proxies write.
        ("10.0.0.1", "198.51.100.7:4711", "198.51.100.7"),
        ("10.0.0.1", "[2001:db8::7]:4711", "2001:db8::7"),
        ("10.0.0.1", "::ffff:198.51.100.7", "198.51.100.7"),
        ("::ffff:10.0.0.1", "198.51.100.7", "198.51.100.7"),
        # A server on a Unix socket names no peer.
        ("", "198.51.100.7", "0.0.0.0"),
    ],
)
def test_the_first_address_that_is_no_proxy_of_ours_counts(peer: str, forwarded_for: str, expected: str) -> None:
    assert str(client_address(peer, forwarded_for, PROXIES)) == expected


def test_a_django_request_and_an_asgi_scope_give_the_same_address(settings: Settings) -> None:
    settings.SLUICE_TRUSTED_PROXIES = PROXIES
    request = RequestFactory().get("/", REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR="192.0.2.66, 198.51.100.7")
    scope = {
        "client": ("10.0.0.1", 4711),
        "headers": [(b"host", b"h"), (b"x-forwarded-for", b"192.0.2.66"), (b"x-forwarded-for", b"198.51.100.7")],
    }

    assert request_address(request) == "198.51.100.7"
    assert scope_network(scope) == "198.51.100.7"


def test_a_scope_without_a_peer_has_the_unknown_address(settings: Settings) -> None:
    settings.SLUICE_TRUSTED_PROXIES = PROXIES

    assert scope_network({"client": None, "headers": [(b"x-forwarded-for", b"198.51.100.7")]}) == "0.0.0.0"


@pytest.mark.parametrize(
    ("address", "network"),
    [("198.51.100.7", "198.51.100.7"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"), ("::ffff:192.0.2.1", "192.0.2.1")],
)
def test_attempts_are_counted_by_ipv4_address_or_ipv6_customer_network(address: str, network: str) -> None:
    assert client_network(RequestFactory().get("/", REMOTE_ADDR=address)) == network
