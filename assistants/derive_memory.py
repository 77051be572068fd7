"""What deriving must remember: of one conversation, and of the assistant as a whole; bounded, and kept as bytes."""

import hashlib
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")

# A repeat that comes after so many further facts is told by the log, which knows its message ID.
SEEN_FACTS = 2_000
DIGEST_BYTES = 8
OPEN_RUNS = 50
STEPS = 200
TURN_ACTIONS = 50
SESSIONS = 20
USERS = 50
# One that is larger was made so on purpose; what is open is given up then, what was counted stays.
MAX_BYTES = 64_000
TITLES = 2_000
TITLE_CHARACTERS = 300


class Run(msgspec.Struct, omit_defaults=True):
    """One run of an action: what the message that started it was like, and the steps so far.

    Without `has_started` only later steps were seen as yet.
    """

    context: dict[str, Any] = {}
    steps: list[Any] = []
    turn: int = 0
    has_started: bool = False


class TurnAction(msgspec.Struct, omit_defaults=True):
    """What an action did since the customer's last message."""

    action: str
    title: str = ""
    has_started: bool = False
    has_finished: bool = False
    reason: str = ""


class Memory(msgspec.Struct, omit_defaults=True):
    """What must be remembered of one conversation.

    `seen` are digests of facts, the oldest first. `is_unanswered` says that the customer's last message has no answer
    yet, `answered_at` when an answer came that answers nothing: its question may come late. `question` is what the
    customer's last message was like. `finished` are runs whose end was seen and whose start was not.
    """

    seen: bytes = b""
    sessions: list[str] = []
    has_started: bool = False
    has_ended: bool = False
    message_count: int = 0
    turn: int = 0
    is_unanswered: bool = False
    answered_at: str = ""
    question: dict[str, Any] = {}
    turn_actions: list[TurnAction] = []
    runs: dict[str, Run] = {}
    finished: list[str] = []
    users: list[bytes] = []
    anonymous_id: str = ""

    def run(self, key: str) -> Run:
        """Return a run; one that is not known begins, and the oldest gives way to it."""
        if key not in self.runs:
            self.runs[key] = Run()
            if len(self.runs) > OPEN_RUNS:
                del self.runs[next(iter(self.runs))]
        return self.runs[key]

    def note(self, source_id: str) -> bool:
        """Remember a fact; return whether it is new."""
        digest = short_digest(source_id)
        found = self.seen.find(digest)
        while found >= 0:
            if found % DIGEST_BYTES == 0:
                return False
            found = self.seen.find(digest, found + 1)
        self.seen = (self.seen + digest)[-SEEN_FACTS * DIGEST_BYTES :]
        return True


_encoder = msgspec.msgpack.Encoder()
_memory_decoder = msgspec.msgpack.Decoder(Memory)
_titles_decoder = msgspec.msgpack.Decoder(dict[str, str])


def short_digest(*texts: str) -> bytes:
    """Return the few bytes by which something is known within one conversation."""
    return hashlib.blake2b("\0".join(texts).encode(), digest_size=DIGEST_BYTES).digest()


def keep(items: list[T], item: T, most: int) -> None:
    """Add an item to a list that holds the newest ones."""
    items.append(item)
    del items[:-most]


def load(state: bytes | None) -> Memory:
    """Read a memory; a conversation that is new has an empty one, as has one whose state cannot be read."""
    try:
        return _memory_decoder.decode(state) if state else Memory()
    except msgspec.DecodeError:
        return Memory()


def dump(memory: Memory) -> bytes:
    """Write a memory, within its bounds."""
    state = _encoder.encode(memory)
    if len(state) > MAX_BYTES:
        memory.runs, memory.finished, memory.turn_actions, memory.question, memory.sessions = {}, [], [], {}, []
        state = _encoder.encode(memory)
    return state


def load_titles(state: bytes | None) -> dict[str, str]:
    """Read the titles of an assistant's actions."""
    try:
        return _titles_decoder.decode(state) if state else {}
    except msgspec.DecodeError:
        return {}


def dump_titles(titles: dict[str, str]) -> bytes:
    """Write the titles, the newest of them."""
    return _encoder.encode(dict(list(titles.items())[-TITLES:]))
