"""Erasing a person from an environment: what is theirs in the log, and every other trace of their ID.

An event is a person's if their ID is its user ID, anonymous ID or previous ID. Its place in the log stays, empty, and
so does the key of its message ID: a sender that repeats it does not bring it back.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from msgspec import UNSET

from assistants import audit, log
from assistants.messages import Event, Message
from assistants.models import (
    Block,
    Conversation,
    Environment,
    Erasure,
    HeldPart,
    LogHead,
    Refusal,
    SourcePayload,
)
from assistants.sources.payloads import body_of, decompress

BLOCKS_PER_SLICE = 100
FINGERPRINT_BYTES = 6
# A longer ID is found wherever it stands; a shorter one only where it is a whole value.
DISTINCTIVE_CHARACTERS = 16
_IDS = ("userId", "anonymousId", "previousId")


@dataclass(frozen=True)
class Slice:
    """The blocks of one stretch of the log that hold a person's events, the events, and where the stretch ends."""

    blocks: list[Block]
    events: list[Event]
    last_position: int


def request(environment: Environment, user_id: str, *, by: User | None, reason: str = "") -> Erasure:
    """Ask for a person to be erased, as of now; the same request again is the one that is under way."""
    with transaction.atomic():
        erasure, is_new = Erasure.objects.get_or_create(
            environment=environment,
            fingerprint=fingerprint(user_id),
            finished_at=None,
            defaults={"user_id": user_id, "requested_by": by, "until": log.head(environment.pk)},
        )
        if is_new:
            _record(erasure, "environment.erasure_requested", by, reason, {"fingerprint": erasure.fingerprint})
    return erasure


def finish(erasure: Erasure) -> None:
    """Note that a person is erased, in the transaction that erased the last of it; forgets whom it was."""
    Erasure.objects.filter(pk=erasure.pk).update(
        user_id="", position=erasure.until, events=erasure.events, finished_at=erasure.finished_at
    )
    details = {"fingerprint": erasure.fingerprint, "events": erasure.events}
    _record(erasure, "environment.user_erased", erasure.requested_by, "", details)


def fingerprint(user_id: str) -> str:
    """Return 12 hexadecimal digits by which the same user ID is recognised, and that do not give it away."""
    key = hashlib.blake2b(settings.SECRET_KEY.encode()).digest()
    return hashlib.blake2b(user_id.encode(), key=key, digest_size=FINGERPRINT_BYTES).hexdigest()


def next_slice(erasure: Erasure) -> Slice | None:
    """Look through the next stretch of the log; None behind its end."""
    stored = Block.objects.filter(environment_id=erasure.environment_id, last_position__gt=erasure.position)
    blocks = list(stored.filter(first_position__lte=erasure.until).order_by("last_position")[:BLOCKS_PER_SLICE])
    if not blocks:
        return None
    found = [(block, events) for block in blocks if (events := _theirs(block, erasure))]
    return Slice(
        blocks=[block for block, _ in found],
        events=[event for _, events in found for event in events],
        last_position=blocks[-1].last_position,
    )


def clear_blocks(slice_: Slice) -> None:
    """Take a person's messages out of their blocks; the counts by name that blocks carry stay."""
    theirs = {event.position for event in slice_.events}
    for block in slice_.blocks:
        kept = [None if event.position in theirs else event.message for event in log.unpack(block)]
        rows = Block.objects.filter(environment_id=block.environment_id, last_position=block.last_position)
        rows.update(body=log.pack(kept))


def clear_traces(environment_id: int, user_id: str) -> None:
    """Take a person out of what sources left behind: payloads, conversations, held parts, samples of what was refused.

    Under the lock on the log's head, like every change to held parts; in a transaction.
    """
    LogHead.objects.select_for_update().get(environment_id=environment_id)
    for refusal in Refusal.objects.filter(environment_id=environment_id):
        if mentions(f"{refusal.sample} {refusal.message}".encode(), user_id):
            Refusal.objects.filter(pk=refusal.pk).update(sample="")
    for payload in SourcePayload.objects.filter(environment_id=environment_id).iterator(chunk_size=50):
        if mentions(body_of(payload), user_id) or mentions(msgspec.json.encode(payload.headers), user_id):
            payload.delete()
    for held in HeldPart.objects.filter(environment_id=environment_id).iterator(chunk_size=50):
        if mentions(decompress(bytes(held.body)), user_id):
            held.delete()
    for conversation in Conversation.objects.filter(environment_id=environment_id).iterator(chunk_size=200):
        if mentions(bytes(conversation.state), user_id):
            Conversation.objects.filter(environment_id=environment_id, digest=conversation.digest).delete()


def is_theirs(message: Message, user_id: str) -> bool:
    """Say whether a message is of the person with this ID."""
    if user_id in (message.user_id, message.anonymous_id, message.previous_id):
        return True
    # An ID that is a number is kept as it came.
    extra = {} if message.extra is UNSET else message.extra
    return any(bytes(extra[name]).decode() == user_id for name in _IDS if name in extra)


def mentions(raw: bytes, user_id: str) -> bool:
    """Say whether a user ID stands in bytes of JSON, Protocol Buffers or MessagePack."""
    return any(needle in raw for needle in _needles(user_id))


def _needles(user_id: str) -> Iterator[bytes]:
    plain, in_json = user_id.encode(), msgspec.json.encode(user_id)
    if len(user_id) >= DISTINCTIVE_CHARACTERS:
        yield from (plain, in_json[1:-1])
        return
    yield in_json
    # Both binary formats write a short text behind its length; MessagePack marks a shorter one.
    yield bytes([len(plain)]) + plain
    if len(plain) < 32:
        yield bytes([0xA0 | len(plain)]) + plain
    if user_id.isdecimal():
        yield from (b":" + space + plain + end for space in (b"", b" ") for end in (b",", b"}"))


def _theirs(block: Block, erasure: Erasure) -> list[Event]:
    return [
        event
        for event in log.unpack(block)
        if event.message is not None and event.position <= erasure.until and is_theirs(event.message, erasure.user_id)
    ]


def _record(erasure: Erasure, action: str, by: User | None, reason: str, details: dict[str, object]) -> None:
    audit.record(
        actor=by, action=action, target="a user", environment=erasure.environment, reason=reason, details=details
    )
