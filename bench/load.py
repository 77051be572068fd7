"""A client that costs little: prebuilt requests over some kept connections, each waiting for its answer.

`python -m bench.load PORT KEYS RUN EVENTS PER_REQUEST CONNECTIONS [PER_SECOND]` prints JSON: when each request was
sent, and when its answer was read (monotonic seconds). Several keys, separated by commas, take turns. Any answer but a
2xx ends it.
"""

import json
import socket
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle

from bench.events import message_ids, whole_request

ANSWER_BYTES = 65_536


@dataclass
class Load:
    """Prebuilt requests and when each was sent and answered; `per_second` 0 is as fast as the answers come."""

    port: int
    bodies: Sequence[bytes]
    per_second: float
    # What a good answer ends with.
    answer_end: bytes = b'{"success":true}'
    sent: list[float] = field(default_factory=list)
    answered: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def run(self, connections: int) -> None:
        self.sent = [0.0] * len(self.bodies)
        self.answered = [0.0] * len(self.bodies)
        self.begin = time.monotonic()
        turns = iter(range(len(self.bodies)))
        threads = [threading.Thread(target=self.connection, args=(turns,)) for _ in range(connections)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def connection(self, turns: Iterator[int]) -> None:
        """Take turns with the other connections until no request is left."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for number in turns:
                self.wait_for_turn(number)
                self.sent[number] = time.monotonic()
                client.sendall(self.bodies[number])
                answer = whole_answer(client, self.answer_end)
                self.answered[number] = time.monotonic()
                if not answer.startswith(b"HTTP/1.1 200 ") or not answer.endswith(self.answer_end):
                    self.failures.append(answer.decode(errors="replace"))
                    return

    def wait_for_turn(self, number: int) -> None:
        if self.per_second:
            time.sleep(max(0.0, self.begin + number / self.per_second - time.monotonic()))


def whole_answer(client: socket.socket, end: bytes) -> bytes:
    """Read one answer, which ends as a good one does or with a JSON object; or what there is of it at a hang-up."""
    answer = b""
    while not answer.endswith((end, b"}")) and (part := client.recv(ANSWER_BYTES)):
        answer += part
    return answer


def main(
    port: str, keys: str, run: str, events: str, per_request: str, connections: str, per_second: str = "0"
) -> None:
    path = "/v1/batch" if int(per_request) > 1 else "/v1/track"
    ids = message_ids(run, int(events))
    starts = range(0, len(ids), int(per_request))
    bodies = [
        whole_request(path, key, ids[start : start + int(per_request)])
        for start, key in zip(starts, cycle(keys.split(",")))
    ]
    load = Load(int(port), bodies, float(per_second))
    print("ready", flush=True)
    sys.stdin.readline()
    load.run(int(connections))
    if load.failures:
        sys.exit(f"{len(load.failures)} connections were refused: {load.failures[0]}")
    print(json.dumps({"sent": load.sent, "answered": load.answered}))


if __name__ == "__main__":
    main(*sys.argv[1:])
