"""First occurrences: which events go once for each visitor, and when a visitor is made known to Segment.

Each occurrence has a mark, a salted hash that names no one. The mark is held by the first position that was sent under
it; an event goes if nobody holds its mark, or it itself does. So a retry, a replay and the page that explains it decide
alike, for ever.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec import UNSET

from assistants.catalog.entry import Entry
from assistants.messages import Message

ONCE_PER_VISITOR = "once_per_visitor"
MARK_BYTES = 16
# An alias says that two visitors are one; it makes nobody known.
_MAKES_NO_VISITOR_KNOWN = frozenset({"alias"})
_object = msgspec.json.Decoder(dict[str, Any])
_encoder = msgspec.json.Encoder()

Key = tuple[str, str]


@dataclass(frozen=True)
class Watch:
    """What a connection sends only the first time; `salt` makes its marks its own."""

    salt: bytes
    once: frozenset[Key]
    identifies: bool


@dataclass(frozen=True)
class Marks:
    """The marks of one event: of what it reports, of its visitor, of that visitor's two IDs together; or empty."""

    occurrence: bytes = b""
    visitor: bytes = b""
    both_ids: bytes = b""

    def __iter__(self) -> Iterator[bytes]:
        return (mark for mark in (self.occurrence, self.visitor, self.both_ids) if mark)


NO_MARKS = Marks()


@dataclass
class Record:
    """Which position holds which mark: what is `known`, and what the batch at hand claims."""

    known: Mapping[bytes, int]
    claims: dict[bytes, int] = field(default_factory=dict)

    def is_first(self, mark: bytes, position: int) -> bool:
        """Say whether an event is the first one under a mark."""
        return self.known.get(mark, self.claims.get(mark, position)) == position

    def is_repeat(self, marks: Marks, position: int) -> bool:
        """Say whether what an event reports has been sent before."""
        return bool(marks.occurrence) and not self.is_first(marks.occurrence, position)

    def is_new_visitor(self, marks: Marks, position: int) -> bool:
        """Say whether an event is the first of its visitor, or the first that shows both of the visitor's IDs."""
        return any(mark and self.is_first(mark, position) for mark in (marks.visitor, marks.both_ids))

    def claim(self, marks: Marks, position: int) -> None:
        """Hold the marks that nobody holds."""
        for mark in marks:
            if mark not in self.known:
                self.claims.setdefault(mark, position)


def marks(message: Message, entry: Entry, watch: Watch, *, anonymous_id: str) -> Marks:
    """Return the marks of a message of this entry; `anonymous_id` is the one under which it is sent."""
    user_id = message.user_id or ""
    visitor = anonymous_id or user_id
    if not visitor:
        return NO_MARKS
    occurrence = visitor_mark = both_ids = b""
    if entry.key in watch.once:
        occurrence = _mark(watch, "once", *entry.key, visitor, _scope(message, entry))
    if watch.identifies and message.type not in _MAKES_NO_VISITOR_KNOWN:
        visitor_mark = _mark(watch, "visitor", visitor)
        both_ids = _mark(watch, "both", anonymous_id, user_id) if anonymous_id and user_id else b""
    return Marks(occurrence, visitor_mark, both_ids)


def _scope(message: Message, entry: Entry) -> Any:
    """Return what beside the visitor tells one occurrence from another, such as the test that was seen."""
    if not entry.once_per or message.properties is UNSET:
        return None
    properties = _object.decode(message.properties)
    return next((properties[name] for name in entry.once_per if properties.get(name) is not None), None)


def _mark(watch: Watch, *parts: Any) -> bytes:
    return hashlib.blake2b(_encoder.encode(parts), key=watch.salt, digest_size=MARK_BYTES).digest()
