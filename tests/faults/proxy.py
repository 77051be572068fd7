"""A TCP proxy that can be told to do what networks do: be late, swallow, reset, trickle, cut in the middle."""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.services import HOST

CHUNK_BYTES = 65_536
# Closed with this option, a socket says "reset" instead of "end".
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass
class Faults:
    """What happens to bytes on their way; each may be changed at any time, also for connections that are open.

    `latency_seconds` is added to each chunk in each direction. `is_swallowing` keeps everything for as long as it is
    set, as a host does that has vanished. Of what clients send, no more than `bytes_per_second` go on, in small pieces,
    and after `cut_after_bytes` in all the connection is reset. `is_refusing` resets each new connection.
    """

    latency_seconds: float = 0.0
    is_swallowing: bool = False
    is_refusing: bool = False
    bytes_per_second: int | None = None
    cut_after_bytes: int | None = None


@dataclass
class Proxy:
    """Stands on `port` before a server on `target_port` of this host."""

    target_port: int
    port: int = 0
    faults: Faults = field(default_factory=Faults)
    # How many connections were made, and how many bytes clients sent through.
    connections: int = 0
    bytes_sent: int = 0
    _open: set[asyncio.StreamWriter] = field(default_factory=set)
    _tasks: set["asyncio.Task[None]"] = field(default_factory=set)
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)

    def mend(self) -> None:
        """Let everything through again as it comes."""
        self.faults = Faults()

    def reset(self) -> None:
        """Reset every connection that is open."""
        self._run(self._reset_all)

    def start(self) -> None:
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault proxy")
        self._server = self._loop.run_until_complete(asyncio.start_server(self._serve, HOST, self.port))
        self.port = self._server.sockets[0].getsockname()[1]
        self._thread.start()

    def stop(self) -> None:
        self._run(self._close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, function: Callable[[], Coroutine[Any, Any, None]]) -> None:
        asyncio.run_coroutine_threadsafe(function(), self._loop).result()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        self._open.add(writer)
        try:
            await self._connect(reader, writer)
        finally:
            self._open.discard(writer)
            self._tasks.discard(task)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        if self.faults.is_refusing:
            _reset(writer)
            return
        try:
            target_reader, target_writer = await asyncio.open_connection(HOST, self.target_port)
        except OSError:
            _reset(writer)
            return
        self._open.add(target_writer)
        there = asyncio.ensure_future(self._pass_on(reader, target_writer, is_client=True))
        back = asyncio.ensure_future(self._pass_on(target_reader, writer, is_client=False))
        try:
            await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in (there, back):
                each.cancel()
            await asyncio.gather(there, back, return_exceptions=True)
            self._open.discard(target_writer)
            for each_writer in (target_writer, writer):
                each_writer.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_client: bool) -> None:
        sent = 0
        with contextlib.suppress(OSError):
            while chunk := await reader.read(self._chunk_bytes(is_client=is_client)):
                await asyncio.sleep(
                    self.faults.latency_seconds + self._trickle_seconds(len(chunk), is_client=is_client)
                )
                while self.faults.is_swallowing:
                    await asyncio.sleep(0.02)
                cut = self.faults.cut_after_bytes
                if is_client and cut is not None and sent + len(chunk) > cut:
                    writer.write(chunk[: cut - sent])
                    await writer.drain()
                    self._reset_all_now()
                    return
                writer.write(chunk)
                await writer.drain()
                if is_client:
                    sent += len(chunk)
                    self.bytes_sent += len(chunk)

    def _chunk_bytes(self, *, is_client: bool) -> int:
        pace = self.faults.bytes_per_second
        return max(1, pace // 10) if is_client and pace else CHUNK_BYTES

    def _trickle_seconds(self, size: int, *, is_client: bool) -> float:
        pace = self.faults.bytes_per_second
        return size / pace if is_client and pace else 0.0

    def _reset_all_now(self) -> None:
        for writer in list(self._open):
            _reset(writer)

    async def _reset_all(self) -> None:
        self._reset_all_now()

    async def _close(self) -> None:
        self._server.close()
        self._reset_all_now()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        # A closed transport lets go of its socket in the next round of the loop.
        await asyncio.sleep(0)


def _reset(writer: asyncio.StreamWriter) -> None:
    connected: socket.socket | None = writer.get_extra_info("socket")
    if connected is not None and connected.fileno() >= 0:
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    writer.transport.abort()


@contextlib.contextmanager
def proxied(target_port: int) -> Iterator[Proxy]:
    """Run a Proxy on a free port for as long as the block lasts."""
    proxy = Proxy(target_port)
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.stop()
