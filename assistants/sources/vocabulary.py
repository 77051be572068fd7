"""Whose names derived events carry: what becomes of each thing that can happen, in the words of each family."""

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from assistants.derive import derive
from assistants.derive_events import COPILOT, IBM, Terms
from assistants.sources.adapter import AssistantIdentity, Fact, Kind

IDENTIFY = "Identify"
# In the order of a conversation: what happens first shapes what comes of the rest.
_HAPPENINGS = (
    (Kind.SESSION_OPENED, "A session begins"),
    (Kind.MESSAGE_IN, "The customer writes the first message"),
    (Kind.ACTION_STARTED, "The assistant begins an action"),
    (Kind.ACTION_FINISHED, "The action ends"),
    (Kind.MESSAGE_OUT, "The assistant answers"),
    (Kind.COMPONENT, "A component is shown, such as buttons"),
    (Kind.MEDIA, "The assistant makes a picture or speech"),
    (Kind.FEEDBACK, "The customer rates an answer"),
    (Kind.USER_SEEN, "The assistant learns who the customer is"),
    (Kind.CONVERSATION_CLOSED, "The conversation ends"),
)


@dataclass(frozen=True)
class Named:
    """One thing that can happen, and the events that become of it in each family's names."""

    happening: str
    ibm: tuple[str, ...]
    copilot: tuple[str, ...]


def names() -> list[Named]:
    """Return what happens in a conversation and the names of its events, as the deriver gives them."""
    words = [happening for _kind, happening in _HAPPENINGS]
    return [Named(*row) for row in zip(words, _events(IBM), _events(COPILOT), strict=True)]


def _events(family: str) -> Iterator[tuple[str, ...]]:
    """Let the deriver take one fact of each kind, all of one conversation, and yield the events of each."""
    terms = Terms("preview", frozenset({family}), False, "", AssistantIdentity())
    states: dict[str, bytes] = {}
    for number, (kind, _words) in enumerate(_HAPPENINGS):
        derived = derive([_fact(kind, number)], states, terms)
        states |= derived.states
        yield tuple(msgspec.json.decode(message).get("event", IDENTIFY) for message in derived.messages)


def _fact(kind: Kind, number: int) -> Fact:
    return Fact(
        kind=kind,
        source_id=str(number),
        conversation_id="conversation",
        at=f"2026-01-01T00:00:{number:02}Z",
        user_id="user",
        action="action",
        rating=1.0,
    )
