"""A server of one loopback address for tests of what goes out: it counts its connections and answers as it is told."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"

Answer = Callable[[socket.socket], None]


class Listener:
    """A server of one address that counts its connections and gives each request the same bytes."""

    def __init__(self, host: str, answer: Answer) -> None:
        self.socket = socket.create_server((host, 0))
        self.port: int = self.socket.getsockname()[1]
        self.connections = 0
        self._answer = answer

    def serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _peer = self.socket.accept()
                self.connections += 1
                threading.Thread(target=self._serve_connection, args=(connection,), daemon=True).start()

    def _serve_connection(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            self._answer(connection)


@contextmanager
def listening(host: str, answer: Answer) -> Iterator[Listener]:
    listener = Listener(host, answer)
    thread = threading.Thread(target=listener.serve, daemon=True)
    thread.start()
    try:
        yield listener
    finally:
        # Closing alone does not wake a thread that waits in accept().
        with suppress(OSError):
            listener.socket.shutdown(socket.SHUT_RDWR)
        listener.socket.close()
        thread.join()


def always(answer: bytes) -> Answer:
    def give(connection: socket.socket) -> None:
        while connection.recv(65_536):
            connection.sendall(answer)

    return give
