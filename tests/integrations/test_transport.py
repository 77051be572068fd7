"""Guarded connections: to the address that was checked, for a limited age, and never longer than the deadline."""

import socket
import ssl
import threading
import time
from collections.abc import Set
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from integrations.egress import guarded_client
from integrations.transport import EndpointRefusedError, GuardedTransport, deadline, resolve
from tests.integrations.listener import OK, Answer, always, listening

# Stands in for an address on the internet, where a test has to be able to listen.
PUBLIC = "127.0.0.2"
PRIVATE = "127.0.0.1"


def guarded_transport(
    *answers: list[str], allowed: Set[str] = frozenset({PUBLIC}), ssl_context: ssl.SSLContext | None = None
) -> GuardedTransport:
    """Make a transport that may connect to `allowed` alone and whose name server gives one answer after the other."""
    script = iter(answers)
    return GuardedTransport(
        allows_url=lambda url: True,
        allows_address=lambda address: address in allowed,
        max_connections=2,
        keepalive_seconds=30,
        max_age_seconds=300,
        resolver=lambda host, port: next(script),
        ssl_context=ssl_context,
    )


def test_a_name_server_that_changes_its_answer_gains_nothing() -> None:
    with (
        listening(PRIVATE, always(OK)) as inside,
        httpx.Client(transport=guarded_transport([PUBLIC], [PRIVATE])) as client,
    ):
        # Asked once: the public address it gave is the one connected to, where nobody listens.
        with pytest.raises(httpx.ConnectError, match="refused"):
            client.get(f"http://rebound.example:{inside.port}/")
        # The next connection asks again and is refused.
        with pytest.raises(EndpointRefusedError):
            client.get(f"http://rebound.example:{inside.port}/")

    assert inside.connections == 0


def test_a_name_server_that_does_not_answer_is_given_up_at_the_deadline() -> None:
    is_over = threading.Event()
    transport = GuardedTransport(
        allows_url=lambda url: True,
        allows_address=lambda address: True,
        max_connections=2,
        keepalive_seconds=30,
        max_age_seconds=300,
        resolver=lambda host, port: [PUBLIC] if is_over.wait(30) else [],
    )
    began = time.monotonic()
    with httpx.Client(transport=transport) as client, deadline(0.3), pytest.raises(httpx.ConnectTimeout, match="name"):
        client.get("http://segment.example/")
    is_over.set()
    assert time.monotonic() - began < 10


def test_a_connection_goes_to_the_address_that_was_checked() -> None:
    with listening(PUBLIC, always(OK)) as outside, httpx.Client(transport=guarded_transport([PUBLIC])) as client:
        assert client.get(f"http://segment.example:{outside.port}/").text == "ok"

    assert outside.connections == 1


@pytest.mark.parametrize("addresses", [[PUBLIC, PRIVATE], [PRIVATE, PUBLIC], []])
def test_one_address_that_is_not_allowed_refuses_the_host(addresses: list[str]) -> None:
    with (
        listening(PUBLIC, always(OK)) as outside,
        httpx.Client(transport=guarded_transport(addresses)) as client,
        pytest.raises(EndpointRefusedError),
    ):
        client.get(f"http://mixed.example:{outside.port}/")

    assert outside.connections == 0


def test_a_redirect_inward_is_not_followed_and_would_be_refused() -> None:
    with listening(PRIVATE, always(OK)) as inside:
        redirect = b"HTTP/1.1 307 Go\r\nlocation: http://%s:%d/\r\ncontent-length: 0\r\n\r\n"
        with (
            listening(PUBLIC, always(redirect % (PRIVATE.encode(), inside.port))) as outside,
            httpx.Client(transport=guarded_transport([PUBLIC], [PRIVATE])) as client,
        ):
            url = f"http://segment.example:{outside.port}/"
            assert client.post(url, content=b"{}").status_code == 307
            with pytest.raises(EndpointRefusedError):
                client.post(url, content=b"{}", follow_redirects=True)

    assert inside.connections == 0


@pytest.mark.parametrize(("max_age_seconds", "connections"), [(300.0, 1), (0.0, 3)])
def test_a_busy_connection_is_used_again_until_it_reaches_its_age(max_age_seconds: float, connections: int) -> None:
    with (
        listening("127.0.0.1", always(OK)) as listener,
        guarded_client(allow_private=True, timeout=5, max_age_seconds=max_age_seconds) as client,
    ):
        for _ in range(3):
            assert client.get(f"http://127.0.0.1:{listener.port}/").text == "ok"

    assert listener.connections == connections


def test_an_answer_that_drips_ends_with_the_deadline() -> None:
    stop = threading.Event()

    def drip(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
        while not stop.wait(0.02):
            connection.sendall(b"x")

    with listening("127.0.0.1", drip) as listener, guarded_client(allow_private=True, timeout=10) as client:
        started = time.monotonic()
        with pytest.raises(httpx.ReadTimeout), deadline(0.3):
            client.get(f"http://127.0.0.1:{listener.port}/")
        stop.set()

    assert 0.3 <= time.monotonic() - started < 3


def test_a_server_that_reads_a_drop_at_a_time_ends_with_the_deadline() -> None:
    stop = threading.Event()

    def sip(connection: socket.socket) -> None:
        while not stop.wait(0.02):
            connection.recv(1000)

    with listening("127.0.0.1", sip) as listener, guarded_client(allow_private=True, timeout=10) as client:
        started = time.monotonic()
        with pytest.raises(httpx.WriteTimeout), deadline(0.3):
            client.post(f"http://127.0.0.1:{listener.port}/", content=bytes(50_000_000))
        stop.set()

    assert 0.3 <= time.monotonic() - started < 3


def test_after_the_deadline_no_connection_is_begun() -> None:
    with (
        listening("127.0.0.1", always(OK)) as listener,
        guarded_client(allow_private=True, timeout=10) as client,
        pytest.raises(httpx.ConnectTimeout),
        deadline(0),
    ):
        client.get(f"http://127.0.0.1:{listener.port}/")

    assert listener.connections == 0


def test_the_next_address_is_tried_where_one_does_not_answer() -> None:
    silent = "127.0.0.3"
    transport = guarded_transport([silent, PUBLIC], allowed={silent, PUBLIC})
    with listening(PUBLIC, always(OK)) as outside, httpx.Client(transport=transport) as client:
        assert client.get(f"http://segment.example:{outside.port}/").text == "ok"


def test_a_host_that_cannot_have_an_address_is_a_connect_error() -> None:
    with guarded_client(allow_private=False, timeout=5) as client, pytest.raises(httpx.ConnectError) as caught:
        client.get(f"https://{'a' * 70}.example/")

    assert not isinstance(caught.value, EndpointRefusedError)


def test_each_address_of_a_host_is_resolved_once() -> None:
    assert resolve("127.0.0.1", 443) == ["127.0.0.1"]


def test_a_server_that_hangs_up_is_a_protocol_error() -> None:
    def hang_up(connection: socket.socket) -> None:
        connection.recv(65_536)

    with (
        listening("127.0.0.1", hang_up) as listener,
        guarded_client(allow_private=True, timeout=5) as client,
        pytest.raises(httpx.RemoteProtocolError),
    ):
        client.get(f"http://127.0.0.1:{listener.port}/")


def make_certificate(host: str, folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Make a certificate for `host`; return a server's context with it and a client's that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(days=1), now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "certificate.pem"
    path.write_bytes(pem + private)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    return server, ssl.create_default_context(cadata=pem.decode())


def answer_tls(context: ssl.SSLContext) -> Answer:
    def give(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            always(OK)(secured)

    return give


def test_tls_checks_the_name_that_was_asked_for_not_the_address(tmp_path: Path) -> None:
    server, trusting = make_certificate("segment.example", tmp_path)
    with (
        listening(PUBLIC, answer_tls(server)) as outside,
        httpx.Client(transport=guarded_transport([PUBLIC], [PUBLIC], ssl_context=trusting)) as client,
    ):
        assert client.get(f"https://segment.example:{outside.port}/").text == "ok"
        with pytest.raises(httpx.ConnectError, match="Hostname mismatch"):
            client.get(f"https://other.example:{outside.port}/")


def test_a_certificate_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    server, _trusting = make_certificate("localhost", tmp_path)
    with (
        listening("127.0.0.1", answer_tls(server)) as listener,
        guarded_client(allow_private=True, timeout=5) as client,
        pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        client.get(f"https://localhost:{listener.port}/")
