"""How a guarded HTTP client connects: to checked addresses, within an overall deadline, for a limited age.

httpx limits each read and write; a server that hands out a byte a second would hold a worker for ever. Here every
socket operation gets what is left of the whole exchange's time (`deadline`).
"""

import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from queue import Empty, SimpleQueue
from typing import Any

import httpcore
import httpx

Resolver = Callable[[str, int], list[str]]

_deadline: ContextVar[float | None] = ContextVar("egress_deadline", default=None)


class EndpointRefusedError(httpx.ConnectError):
    """The URL, or an address its host has at this moment, is not one that Sluice may send to."""

    def __init__(self) -> None:
        super().__init__("Sluice is not allowed to send to this address.")


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Bound all that guarded clients do in this block, from connecting to the last byte read of the answer.

    What takes longer raises httpx' ConnectTimeout, WriteTimeout or ReadTimeout.
    """
    token = _deadline.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _deadline.reset(token)


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host in the order to try them; raises OSError where it has none."""
    try:
        answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError:
        raise OSError("The name of the host is not valid.") from None
    return list(dict.fromkeys(str(answer[4][0]) for answer in answers))


class GuardedTransport(httpx.BaseTransport):
    """An httpx transport over an httpcore pool whose connections are made by `GuardedBackend`."""

    def __init__(
        self,
        *,
        allows_url: Callable[[httpx.URL], bool],
        allows_address: Callable[[str], bool],
        max_connections: int,
        keepalive_seconds: float,
        max_age_seconds: float,
        resolver: Resolver = resolve,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._allows_url = allows_url
        self._pool = httpcore.ConnectionPool(
            ssl_context=ssl_context or httpx.create_ssl_context(trust_env=False),
            max_connections=max_connections,
            keepalive_expiry=keepalive_seconds,
            network_backend=GuardedBackend(allows_address, resolver, max_age_seconds),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if not self._allows_url(request.url):
            raise EndpointRefusedError
        with _as_httpx_errors():
            answer = self._pool.handle_request(_core_request(request))
        return httpx.Response(
            status_code=answer.status,
            headers=answer.headers,
            stream=_AnswerStream(answer),
            extensions=answer.extensions,
        )

    def close(self) -> None:
        self._pool.close()


class GuardedBackend(httpcore.NetworkBackend):
    """Resolves a host once, refuses it if any of its addresses is not allowed, and connects to what was checked."""

    def __init__(self, allows_address: Callable[[str], bool], resolver: Resolver, max_age_seconds: float) -> None:
        self._allows_address = allows_address
        self._resolver = resolver
        self._max_age_seconds = max_age_seconds

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        with _as_core_errors(httpcore.ConnectTimeout, httpcore.ConnectError):
            addresses = self._resolve(host, port, timeout)
            if not addresses or not all(self._allows_address(address) for address in addresses):
                raise EndpointRefusedError
            connected = _connect(addresses, port, timeout)
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return GuardedStream(connected, expires_at=time.monotonic() + self._max_age_seconds)

    def _resolve(self, host: str, port: int, timeout: float | None) -> list[str]:
        """Ask the resolver in a thread of its own, as nothing else ends a look-up; one that is too late is dropped."""
        answers: SimpleQueue[list[str] | Exception] = SimpleQueue()

        def ask() -> None:
            try:
                answers.put(self._resolver(host, port))
            except Exception as error:  # noqa: BLE001  raised below, where somebody waits for it
                answers.put(error)

        threading.Thread(target=ask, name="resolver", daemon=True).start()
        try:
            answer = answers.get(timeout=_time_left(timeout))
        except Empty:
            raise TimeoutError("The name server did not answer in time.") from None
        if isinstance(answer, Exception):
            raise answer
        return answer


class GuardedStream(httpcore.NetworkStream):
    """A socket, plain or TLS, that keeps to the deadline and knows when it is too old to be used again."""

    def __init__(self, connected: socket.socket, *, expires_at: float) -> None:
        self._socket = connected
        self._expires_at = expires_at

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        with _as_core_errors(httpcore.ReadTimeout, httpcore.ReadError):
            self._socket.settimeout(_time_left(timeout))
            return self._socket.recv(max_bytes)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        rest = memoryview(buffer)
        with _as_core_errors(httpcore.WriteTimeout, httpcore.WriteError):
            while rest:
                self._socket.settimeout(_time_left(timeout))
                rest = rest[self._socket.send(rest) :]

    def close(self) -> None:
        self._socket.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        try:
            with _as_core_errors(httpcore.ConnectTimeout, httpcore.ConnectError):
                self._socket.settimeout(_time_left(timeout))
                secured = ssl_context.wrap_socket(self._socket, server_hostname=server_hostname)
        except BaseException:
            self.close()
            raise
        return GuardedStream(secured, expires_at=self._expires_at)

    def get_extra_info(self, info: str) -> Any:
        match info:
            case "socket":
                return self._socket
            case "ssl_object":
                return self._socket if isinstance(self._socket, ssl.SSLSocket) else None
            case "client_addr":
                return self._socket.getsockname()
            case "server_addr":
                return self._socket.getpeername()
            case "is_readable":
                # The pool asks this of idle connections and closes those that say yes, as the other side must have
                # hung up. A connection past its age says yes too: the pool has no limit of its own for busy ones.
                return time.monotonic() >= self._expires_at or _is_readable(self._socket)
        return None


class _AnswerStream(httpx.SyncByteStream):
    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        with _as_httpx_errors():
            yield from self._answer.iter_stream()

    def close(self) -> None:
        with _as_httpx_errors():
            self._answer.close()


def _core_request(request: httpx.Request) -> httpcore.Request:
    url = request.url
    return httpcore.Request(
        method=request.method,
        url=httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
        headers=request.headers.raw,
        content=request.stream,
        extensions=request.extensions,
    )


def _connect(addresses: list[str], port: int, timeout: float | None) -> socket.socket:
    """Connect to the first address that answers; raise the last one's error where none does."""
    *others, last = addresses
    for address in others:
        try:
            return socket.create_connection((address, port), _time_left(timeout))
        except OSError:
            continue
    return socket.create_connection((last, port), _time_left(timeout))


def _time_left(timeout: float | None) -> float | None:
    """Return the seconds an operation may take: its own limit or the rest of the deadline, whichever is less."""
    end = _deadline.get()
    if end is None:
        return timeout
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError("The request took longer than it may as a whole.")
    return left if timeout is None else min(timeout, left)


def _is_readable(connected: socket.socket) -> bool:
    poll = select.poll()
    poll.register(connected, select.POLLIN)
    return bool(poll.poll(0))


@contextmanager
def _as_core_errors(on_timeout: type[Exception], on_error: type[Exception]) -> Iterator[None]:
    """Turn the socket's errors into those that httpcore's pool expects of a network backend."""
    try:
        yield
    except TimeoutError as error:
        raise on_timeout(str(error)) from error
    except OSError as error:
        raise on_error(str(error)) from error


_HTTPX_ERRORS: dict[type[Exception], type[httpx.TransportError]] = {
    httpcore.ConnectTimeout: httpx.ConnectTimeout,
    httpcore.ReadTimeout: httpx.ReadTimeout,
    httpcore.WriteTimeout: httpx.WriteTimeout,
    httpcore.PoolTimeout: httpx.PoolTimeout,
    httpcore.ConnectError: httpx.ConnectError,
    httpcore.ReadError: httpx.ReadError,
    httpcore.WriteError: httpx.WriteError,
    httpcore.LocalProtocolError: httpx.LocalProtocolError,
    httpcore.RemoteProtocolError: httpx.RemoteProtocolError,
    httpcore.UnsupportedProtocol: httpx.UnsupportedProtocol,
}


@contextmanager
def _as_httpx_errors() -> Iterator[None]:
    try:
        yield
    except tuple(_HTTPX_ERRORS) as error:
        raise _HTTPX_ERRORS[type(error)](str(error)) from error
