"""The recorder of the system tests in a process of its own, and the questions that a measurement asks it."""

import contextlib
import json
import multiprocessing
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection

from tests.services import wait_until
from tests.system.recorder import Recorder, running_recorder


@dataclass(frozen=True)
class Received:
    """Everything that arrived in one run: message IDs with the time (monotonic seconds) of each, and the requests."""

    ids: list[str]
    times: list[float]
    requests: int
    body_bytes: int


@dataclass
class RemoteRecorder:
    """The recorder's address and the pipe to it."""

    url: str
    pipe: Connection

    def ask(self, question: str) -> object:
        self.pipe.send(question)
        return self.pipe.recv()

    def wait_for(self, events: int, seconds: float) -> None:
        """Wait until so many messages have arrived, counted roughly; `take` counts exactly."""
        wait_until(lambda: int(str(self.ask("count"))) >= events, f"the arrival of {events} events", seconds)

    def take(self) -> Received:
        """Hand out what has arrived and begin anew."""
        received = self.ask("take")
        assert isinstance(received, Received)
        return received


@contextlib.contextmanager
def remote_recorder() -> Iterator[RemoteRecorder]:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs,), daemon=True)
    process.start()
    try:
        yield RemoteRecorder(str(ours.recv()), ours)
    finally:
        ours.send("end")
        process.join()


def serve(pipe: Connection) -> None:
    with running_recorder() as recorder:
        pipe.send(recorder.url)
        counted = count = 0
        while (question := pipe.recv()) != "end":
            if question == "count":
                for post in recorder.posts[counted:]:
                    count += post.body.count(b'"messageId"')
                    counted += 1
                pipe.send(count)
            else:
                pipe.send(taken(recorder))
                counted = count = 0


def taken(recorder: Recorder) -> Received:
    """Read what the recorder has, message by message, and empty it."""
    posts = list(recorder.posts)
    del recorder.posts[: len(posts)]
    ids: list[str] = []
    times: list[float] = []
    for post in posts:
        batch = json.loads(post.body)["batch"]
        ids += [message["messageId"] for message in batch]
        times += [post.at] * len(batch)
    return Received(ids, times, len(posts), sum(len(post.body) for post in posts))
