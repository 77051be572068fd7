"""The log: append events to an environment, read them back in order of their positions.

Constraints that decide the design:

- A position is never given twice and never missing, and whoever sees position n sees everything below it. So positions
  are given out under a lock on the environment's LogHead row, which is held to the commit: order of position is order
  of commit. A sequence would hand numbers out before the commit and let readers pass over late ones.
- A repeated message ID is stored once, however it races. So keys are unique, and looked up under the same lock; or not
  looked up where none is expected to be known, and the whole done again where the insert says otherwise.
- A commit is the expensive part. So one append may carry many requests, of many environments, in one transaction.
- Nothing is written about an event later on. So a row is a block: the events of one commit, compressed.
"""

import logging
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from hashlib import blake2b
from itertools import chain, groupby
from typing import cast

import msgspec
from django.db import IntegrityError, transaction
from isal import isal_zlib
from msgspec import UNSET, Raw, UnsetType

from assistants.log_sql import MAX_POSITION, Addition, PackedBlock, open_log
from assistants.messages import Event, Message
from assistants.models import Block, EventKey, LogHead

logger = logging.getLogger(__name__)

COMPRESSION_LEVEL = 1
DIGEST_BYTES = 16
BLOCKS_PER_READ = 200
MAX_COUNTED_NAME = 200
# A sender that builds names from data has as many names as data.
MAX_NAMES = 50

Listener = Callable[[dict[int, int]], None]

listeners: list[Listener] = []
# Its type stub takes the class for an instance.
_Damaged = cast("type[Exception]", isal_zlib.error)
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(list[Message | None])


class Outline(msgspec.Struct, gc=False):
    """What of a stored message is counted: what makes up its name, and its properties, not looked into."""

    type: str
    event: str = ""
    properties: Raw | UnsetType = UNSET


_outline_decoder = msgspec.json.Decoder(list[Outline | None])


class Named(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """How many messages of a block are of one type and, of track calls, have one name."""

    type: str
    event: str
    count: int

    @property
    def counted_name(self) -> str:
        return _counted_name(self.type, self.event)


_names_decoder = msgspec.json.Decoder(list[Named])


@dataclass(frozen=True)
class Summary:
    """What a block says of its events without being unpacked; `names` is empty where they have to be counted there."""

    first_position: int
    last_position: int
    received_at: datetime
    source: str
    names: Sequence[Named]
    is_faultless: bool

    @property
    def events(self) -> int:
        return self.last_position - self.first_position + 1


@dataclass(frozen=True)
class Append:
    """What one request adds to one environment: messages in order, each with a message ID.

    `is_faultless` says that each is known to be as the catalog says, or of a name that the catalog does not know.
    """

    environment_id: int
    source: str
    received_at: datetime
    messages: Sequence[Message]
    is_faultless: bool = False

    def prepare(self) -> "Append":
        """Make ready now what storing takes, which would be done by the one thread that stores otherwise."""
        _ = self.digests, self.content, self.tally
        return self

    @cached_property
    def digests(self) -> list[bytes]:
        """The messages' keys, in order."""
        return [blake2b(message.message_id.encode(), digest_size=DIGEST_BYTES).digest() for message in self.messages]

    @cached_property
    def content(self) -> bytes:
        """The messages as a JSON array."""
        return _encoder.encode(self.messages)

    @cached_property
    def tally(self) -> Counter[tuple[str, str | None]]:
        """How many messages are of one type and name."""
        return Counter([(message.type, message.event) for message in self.messages])


@dataclass(frozen=True)
class Appended:
    """What became of an Append: how many messages were stored, how many were known already."""

    stored: int
    repeated: int


class EnvironmentGone(Exception):
    """The environment has no log (any more)."""


class RepeatedError(Exception):
    """A message ID that was taken for new is known."""


def on_appended(listener: Listener) -> None:
    """Call `listener` after each commit with the new head per environment ID. It must not raise and not wait."""
    if listener not in listeners:
        listeners.append(listener)


def append(appends: Sequence[Append], *, are_new: bool = False) -> list[Appended]:
    """Store all of the appends in one transaction, and say what became of each.

    With `are_new`, message IDs are not looked up, which costs as much as storing them: where one is known all the same,
    RepeatedError is raised, and it has to be done again without. A transaction that was open is of no more use then.

    Joins the transaction that is open, if one is; listeners are told after its commit. Raises EnvironmentGone, or the
    database's own errors: then nothing of any of the appends is stored.
    """
    numbered = sorted(enumerate(appends), key=lambda pair: pair[1].environment_id)
    # Environments in a fixed order, or two groups could wait for each other's heads.
    groups = [(key, list(group)) for key, group in groupby(numbered, key=lambda pair: pair[1].environment_id)]
    results: dict[int, Appended] = {}
    if are_new:
        try:
            _write([_addition(environment_id, group, set(), results) for environment_id, group in groups])
        except IntegrityError as error:
            raise RepeatedError from error
    else:
        with transaction.atomic():
            _write(
                [
                    _addition(environment_id, group, _lock(environment_id, group), results)
                    for environment_id, group in groups
                ]
            )
    return [results[index] for index in range(len(appends))]


def head(environment_id: int) -> int:
    """Return the highest position given out; 0 for an empty log."""
    position = LogHead.objects.filter(environment_id=environment_id).values_list("position", flat=True).first()
    return position or 0


def read(environment_id: int, *, after: int, limit: int) -> list[Event]:
    """Return up to `limit` events behind position `after`, in order."""
    reader = Reader(environment_id, after=after)
    return reader.window(limit)[:limit]


def read_back(environment_id: int, *, before: int | None = None, limit: int) -> list[Event]:
    """Return up to `limit` events below position `before`, the newest first."""
    events: list[Event] = []
    for event in walk_back(environment_id, before=before):
        events.append(event)
        if len(events) == limit:
            break
    return events


def walk_back(environment_id: int, *, before: int | None = None) -> Iterator[Event]:
    """Yield the events below position `before` (all, without one), the newest first, block by block."""
    while True:
        blocks = Block.objects.filter(environment_id=environment_id)
        if before is not None:
            blocks = blocks.filter(first_position__lt=before)
        page = list(blocks.order_by("-last_position")[:20])
        if not page:
            return
        for block in page:
            for event in reversed(unpack(block)):
                if before is None or event.position < before:
                    yield event
        before = page[-1].first_position


def find(environment_id: int, position: int) -> Event | None:
    """Return the event at a position, or None where there is none (any more)."""
    block = (
        Block.objects.filter(environment_id=environment_id, last_position__gte=position)
        .order_by("last_position")
        .first()
    )
    if block is None or block.first_position > position:
        return None
    return unpack(block)[position - block.first_position]


def position_of(environment_id: int, message_id: str) -> int | None:
    """Return where a message ID was stored, as long as its key is kept."""
    keys = EventKey.objects.filter(environment_id=environment_id, digest=key_digest(message_id))
    return keys.values_list("position", flat=True).first()


def key_digest(message_id: str) -> bytes:
    """Return the 16 bytes by which a message ID is known to the log."""
    return blake2b(message_id.encode(), digest_size=DIGEST_BYTES).digest()


def pack(messages: Sequence[Message | None]) -> bytes:
    """Compress messages into the body of a block."""
    return _compress(_encoder.encode(messages))


def unpack(block: Block | PackedBlock) -> list[Event]:
    """Read a block's events. Damaged bytes are logged and give unreadable events: no reader may stick at them."""
    return _unpack(block)[0]


def outlines(environment_id: int, summaries: Sequence[Summary]) -> dict[int, list[Outline | None]]:
    """Return the outlines of the messages of some blocks, by the last position of each; one query.

    An outline is None where there is no message any more, or none that can be read.
    """
    positions = [summary.last_position for summary in summaries]
    blocks = Block.objects.filter(environment_id=environment_id, last_position__in=positions) if positions else []
    return {block.last_position: _outlines(block) for block in blocks}


def counted_name(message: Message | Outline | None) -> str:
    """Return the name under which a message is counted, bounded: no sender can make a count's row too long.

    Track events go by their own names, other calls by their kind: there are as many names of pages as pages.
    """
    return "Erased" if message is None else _counted_name(message.type, message.event)


def next_summaries(environment_id: int, *, after: int, limit: int) -> list[Summary]:
    """Return what the next blocks behind a position say of themselves, `limit` at most."""
    rows = Block.objects.filter(environment_id=environment_id, last_position__gt=after).order_by("last_position")
    fields = rows.values_list("first_position", "last_position", "received_at", "source", "names", "is_faultless")
    return [
        Summary(first, last, received_at, source, _names_decoder.decode(names) if names else (), is_faultless)
        for first, last, received_at, source, names, is_faultless in fields[:limit]
    ]


@dataclass
class Reader:
    """Reads a log forward, many blocks at a time; keeps what it read and has not passed, so that none is read twice."""

    environment_id: int
    after: int
    buffer: list[Event] = field(default_factory=list)
    # About how many bytes of JSON the buffer holds; and what was fetched behind it, not unpacked yet.
    buffer_bytes: int = 0
    blocks: deque[PackedBlock] = field(default_factory=deque)

    def window(self, events: int, *, size_bytes: int = MAX_POSITION) -> list[Event]:
        """Return what is known behind `after`: so many events or bytes of them at least, if the log has them."""
        known = self.known(events, size_bytes=size_bytes)
        while len(known) < events and self.buffer_bytes < size_bytes and self.fetch(events - len(known)):
            known = self.known(events, size_bytes=size_bytes)
        return known

    def known(self, events: int, *, size_bytes: int = MAX_POSITION) -> list[Event]:
        """Return the same as far as it was fetched already; touches no database."""
        # No more than is needed: what is unpacked long before it is used has left the processor's cache by then.
        while self.blocks and len(self.buffer) < events and self.buffer_bytes < size_bytes:
            unpacked, unpacked_bytes = _unpack(self.blocks.popleft())
            self.buffer += [event for event in unpacked if event.position > self.after]
            self.buffer_bytes += unpacked_bytes
        return self.buffer

    def fetch(self, events: int) -> bool:
        """Fetch the blocks of so many events behind what was fetched; return whether there are any."""
        found = open_log().blocks(self.environment_id, after=self.fetched_to, events=events, limit=BLOCKS_PER_READ)
        self.blocks.extend(found)
        return bool(found)

    @property
    def fetched_to(self) -> int:
        """The last position that can be had without the database."""
        ends = [self.blocks[-1].last_position] if self.blocks else []
        ends += [self.buffer[-1].position] if self.buffer else []
        return max([self.after, *ends])

    def pass_to(self, position: int) -> None:
        """Forget everything up to a position; does nothing where the reader is there already."""
        if position <= self.after:
            return
        if self.buffer:
            passed = min(max(0, position - self.buffer[0].position + 1), len(self.buffer))
            self.buffer_bytes -= self.buffer_bytes * passed // len(self.buffer)
            del self.buffer[:passed]
        self.after = position


def _unpack(block: Block | PackedBlock) -> tuple[list[Event], int]:
    """Return a block's events, and how many bytes of JSON they were."""
    count = block.last_position - block.first_position + 1
    raw = b""
    try:
        raw = isal_zlib.decompress(bytes(block.body))
        messages = _decoder.decode(raw)
        is_readable = len(messages) == count
    except (_Damaged, msgspec.DecodeError, UnicodeDecodeError):
        is_readable = False
    if not is_readable:
        logger.error("Block %s of the log cannot be read.", block)
        messages = [None] * count
    received_at, source, position = block.received_at, block.source, block.first_position
    events = [
        Event(position + index, received_at, source, message, is_readable) for index, message in enumerate(messages)
    ]
    return events, len(raw)


def _outlines(block: Block) -> list[Outline | None]:
    """Read no more of a block's messages than their outlines take."""
    try:
        return _outline_decoder.decode(isal_zlib.decompress(bytes(block.body)))
    except (_Damaged, msgspec.DecodeError, UnicodeDecodeError):
        return [_outline(event.message) for event in unpack(block)]


def _counted_name(type_: str, event: str | None) -> str:
    if type_ != "track" or not event:
        return type_.capitalize()
    return event[:MAX_COUNTED_NAME]


def _outline(message: Message | None) -> Outline | None:
    return Outline(message.type, message.event or "", message.properties) if message else None


def _lock(environment_id: int, group: Sequence[tuple[int, Append]]) -> set[bytes]:
    """Lock an environment's head to the commit; return those keys of some appends that are known."""
    known = open_log().lock(environment_id, list(set(chain.from_iterable(append.digests for _, append in group))))
    if known is None:
        raise EnvironmentGone(environment_id)
    return known


def _addition(
    environment_id: int, group: Sequence[tuple[int, Append]], known: set[bytes], results: dict[int, Appended]
) -> Addition:
    """Make what one environment's appends add to its log, and note what becomes of each."""
    fresh: list[Append] = []
    for index, append in group:
        new = _without_known(append, known)
        results[index] = Appended(stored=len(new.messages), repeated=len(append.messages) - len(new.messages))
        if new.messages:
            fresh.append(new)
    blocks: list[Block] = []
    for _, same_source in groupby(fresh, key=lambda append: append.source):
        blocks.append(_block(list(same_source), after=blocks[-1].last_position if blocks else 0))
    return Addition(environment_id, list(chain.from_iterable(append.digests for append in fresh)), blocks)


def _without_known(append: Append, known: set[bytes]) -> Append:
    """Return an append without the messages whose ID is known, and make the others known."""
    distinct = set(append.digests)
    if len(distinct) == len(append.digests) and known.isdisjoint(distinct):
        known |= distinct
        return append
    fresh = []
    for message, digest in zip(append.messages, append.digests, strict=True):
        if digest not in known:
            known.add(digest)
            fresh.append(message)
    return replace(append, messages=fresh)


def _block(appends: Sequence[Append], *, after: int) -> Block:
    """Make the block of appends of one source, behind a position; it was received when the first of them was."""
    first, tally = appends[0], Counter[tuple[str, str | None]]()
    for append in appends:
        tally.update(append.tally)
    return Block(
        environment_id=first.environment_id,
        first_position=after + 1,
        last_position=after + sum(len(append.messages) for append in appends),
        received_at=first.received_at,
        source=first.source,
        body=_compress(b"[%b]" % b",".join([memoryview(append.content)[1:-1] for append in appends])),
        names=_names(tally),
        is_faultless=all(append.is_faultless for append in appends),
    )


def _compress(content: bytes) -> bytes:
    return isal_zlib.compress(content, COMPRESSION_LEVEL)


def _names(tally: Counter[tuple[str, str | None]]) -> str:
    if len(tally) > MAX_NAMES:
        return ""
    named = [Named(type_, (event or "")[:MAX_COUNTED_NAME], count) for (type_, event), count in tally.items()]
    return _encoder.encode(named).decode()


def _write(additions: Sequence[Addition]) -> None:
    heads: dict[int, int] = {}
    for environment_id, head in open_log().append(additions).items():
        if head is None:
            raise EnvironmentGone(environment_id)
        heads[environment_id] = head
    transaction.on_commit(lambda: _announce(heads), robust=True)


def _announce(heads: dict[int, int]) -> None:
    for listener in listeners:
        listener(heads)
