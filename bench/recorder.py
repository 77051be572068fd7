"""The recorder of the system tests in a process of its own, and the questions that a measurement asks it."""

import contextlib
import json
import multiprocessing
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection

from tests.services import wait_until
from tests.system.recorder import Recorder, Reply, running_recorder

OUTAGE = Reply(503)


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

    def ask(self, question: object) -> object:
        self.pipe.send(question)
        return self.pipe.recv()

    def wait_for(self, events: int, seconds: float) -> None:
        """Wait until so many messages have arrived, counted roughly; `take` counts exactly."""
        wait_until(lambda: int(str(self.ask("count"))) >= events, f"the arrival of {events} events", seconds)

    def refuse(self) -> None:
        """Answer 503 from now on, as Segment does in an outage."""
        self.ask("refuse")

    def accept(self) -> None:
        """Answer 200 again."""
        self.ask("accept")

    def be_far(self, seconds: float) -> None:
        """Hold each answer back for so long; 0 for a host next door."""
        self.ask(seconds)

    def drop(self) -> None:
        """Forget what has arrived."""
        self.ask("drop")

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
            match question:
                case "count":
                    for post in recorder.posts[counted:]:
                        count += post.body.count(b'"messageId"') if post.reply.is_acceptance else 0
                        counted += 1
                    pipe.send(count)
                case "take":
                    pipe.send(taken(recorder))
                    counted = count = 0
                case "drop":
                    recorder.posts.clear()
                    counted = count = 0
                    pipe.send(None)
                case "refuse" | "accept":
                    recorder.judge = (lambda body: OUTAGE) if question == "refuse" else None
                    pipe.send(None)
                case float():
                    recorder.delay_seconds = question
                    pipe.send(None)


def taken(recorder: Recorder) -> Received:
    """Read what the recorder has accepted, message by message, and empty it."""
    found = list(recorder.posts)
    del recorder.posts[: len(found)]
    posts = [post for post in found if post.reply.is_acceptance]
    ids: list[str] = []
    times: list[float] = []
    for post in posts:
        batch = json.loads(post.body)["batch"]
        ids += [message["messageId"] for message in batch]
        times += [post.at] * len(batch)
    return Received(ids, times, len(posts), sum(len(post.body) for post in posts))
