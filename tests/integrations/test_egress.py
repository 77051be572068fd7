"""Own endpoints: which URLs and addresses are refused, in a form and when a connection is to be made."""

import pytest

from integrations.egress import check_endpoint_url, guarded_client, is_allowed
from integrations.transport import EndpointRefusedError
from tests.integrations.listener import OK, always, listening

PUBLIC_ADDRESSES = ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "2a00:1450:4001:80b::200e"]
PRIVATE_ADDRESSES = [
    "127.0.0.1",
    "127.8.9.10",
    "::1",
    "0.0.0.0",
    "::",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "100.64.0.1",
    "192.0.0.8",
    "198.18.0.1",
    "192.88.99.1",
    "fc00::1",
    "fd12:3456:789a::1",
    "fec0::1",
    "::7f00:1",
    "2001:db8::1",
    "3fff::1",
    "5f00::1",
]
FORBIDDEN_ADDRESSES = [
    "169.254.169.254",
    "169.254.0.1",
    "fe80::1",
    "fe80::1%eth0",
    "fd00:ec2::254",
    "100.100.100.200",
    "168.63.129.16",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:8.8.8.8",
    "64:ff9b::7f00:1",
    "64:ff9b:1::a9fe:a9fe",
    "2002:7f00:1::",
    "2001:0:7f00:1::",
    "not an address",
]


@pytest.mark.parametrize("address", PUBLIC_ADDRESSES)
def test_public_addresses_are_allowed(address: str) -> None:
    assert is_allowed(address, allow_private=False)
    assert is_allowed(address, allow_private=True)


@pytest.mark.parametrize("address", PRIVATE_ADDRESSES)
def test_private_addresses_need_the_setting(address: str) -> None:
    assert not is_allowed(address, allow_private=False)
    assert is_allowed(address, allow_private=True)


@pytest.mark.parametrize("address", FORBIDDEN_ADDRESSES)
def test_some_addresses_are_refused_whatever_the_setting(address: str) -> None:
    assert not is_allowed(address, allow_private=False)
    assert not is_allowed(address, allow_private=True)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "LOCALHOST",
        "0.0.0.0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "10.0.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "[fc00::1]",
        # The same loopback address, spelled as decimal, hexadecimal, octal and shortened.
        "2130706433",
        "0x7f000001",
        "017700000001",
        "0x7f.1",
        "127.1",
    ],
)
def test_a_host_that_is_not_public_is_refused_before_a_connection_is_made(host: str) -> None:
    with (
        listening("127.0.0.1", always(OK)) as listener,
        guarded_client(allow_private=False, timeout=5) as client,
        pytest.raises(EndpointRefusedError) as caught,
    ):
        client.post(f"https://{host}:{listener.port}/v1/batch", content=b"{}")

    assert str(caught.value) == "Sluice is not allowed to send to this address."
    assert listener.connections == 0


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example.com/",
        "ftp://api.example.com/",
        "https://key@api.example.com/",
        "https://api.segment.io:pw@127.0.0.1/",
        "https://api.example.com:25/",
        "https://api.example.com:80/",
    ],
)
def test_a_url_of_the_wrong_kind_is_refused_before_its_name_is_resolved(url: str) -> None:
    with guarded_client(allow_private=False, timeout=5) as client, pytest.raises(EndpointRefusedError):
        client.post(url, content=b"{}")


def test_private_addresses_and_plain_http_work_where_they_are_allowed() -> None:
    with listening("127.0.0.1", always(OK)) as listener, guarded_client(allow_private=True, timeout=5) as client:
        answer = client.post(f"http://localhost:{listener.port}/v1/batch", content=b"{}")

    assert (answer.status_code, answer.text) == (200, "ok")


def test_the_client_follows_no_redirects_by_itself() -> None:
    with guarded_client(allow_private=True, timeout=5) as client:
        assert client.follow_redirects is False


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with listening("127.0.0.1", always(OK)) as proxy, listening("127.0.0.1", always(OK)) as target:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        with guarded_client(allow_private=True, timeout=5) as client:
            client.get(f"http://127.0.0.1:{target.port}/")

    assert (proxy.connections, target.connections) == (0, 1)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("https://api.example.com", None),
        ("https://api.example.com/segment/", None),
        ("https://api.example.com:8443/proxy", None),
        ("https://8.8.8.8", None),
        ("", "The URL must begin with https://."),
        ("api.example.com", "The URL must begin with https://."),
        ("http://api.example.com", "The URL must begin with https://."),
        ("file:///etc/passwd", "The URL must begin with https://."),
        ("https://", "The URL names no host."),
        ("https:///path", "The URL names no host."),
        ("https://exa mple.com", "The URL must not contain spaces, line breaks or backslashes."),
        ("https://example.com\\@evil", "The URL must not contain spaces, line breaks or backslashes."),
        ("https://example.com\n", "The URL must not contain spaces, line breaks or backslashes."),
        ("https://[::1", "This is not a valid URL."),
        ("https://example.com:port", "This is not a valid URL."),
        ("https://key@example.com", "The URL must not contain a user name or password."),
        ("https://api.segment.io:pw@127.0.0.1", "The URL must not contain a user name or password."),
        ("https://example.com?x=1", "The URL must end with its path: leave out “?”, “#” and what follows."),
        ("https://example.com/#part", "The URL must end with its path: leave out “?”, “#” and what follows."),
        ("https://example.com?", "The URL must end with its path: leave out “?”, “#” and what follows."),
        ("https://example.com:22", "Port 22 is not allowed; use 443 or one from 1024 to 65535."),
        ("https://example.com:70000", "Port 70000 is not allowed; use 443 or one from 1024 to 65535."),
        *[
            (
                f"https://{host}/",
                "This address is not allowed; use the name of a host that is reachable from the internet.",
            )
            for host in ("127.0.0.1", "2130706433", "0x7f.1", "127.1", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254")
        ],
    ],
)
def test_the_form_says_what_is_wrong_with_a_url(url: str, message: str | None) -> None:
    assert check_endpoint_url(url, allow_private=False) == message


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://127.0.0.1:9000", None),
        ("http://localhost:80/segment", None),
        ("https://10.0.0.1", None),
        ("ftp://localhost", "The URL must begin with https:// or http://."),
        ("http://user:pw@localhost", "The URL must not contain a user name or password."),
        (
            "http://169.254.169.254/latest",
            "This address is not allowed; use the name of a host that is reachable from the internet.",
        ),
    ],
)
def test_private_urls_pass_the_form_where_they_are_allowed(url: str, message: str | None) -> None:
    assert check_endpoint_url(url, allow_private=True) == message
