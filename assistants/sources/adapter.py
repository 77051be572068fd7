"""What every source shares: a request as an adapter sees it, the facts it reads from it, and the form of an adapter.

An adapter is pure: it touches neither database nor network. What must be remembered of a conversation is the deriver's
business, what is stored is intake's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

import msgspec

from assistants.faults import Refused
from assistants.intake.answers import Answer

DONE = Answer(200, b"{}")


class Kind(StrEnum):
    """What can have happened in a conversation.

    A session counts once per conversation, or once per `opened_at` where the adapter gives one. A conversation starts
    with the customer's first message if nothing says so before. A user may be named again and again: an Identify comes
    of it once per user and traits. An action goes on: that tells of the steps it takes between start and end, in
    `ibm["stepsVisited"]`, and makes no event.
    """

    SESSION_OPENED = "session.opened"
    CONVERSATION_OPENED = "conversation.opened"
    MESSAGE_IN = "message.in"
    MESSAGE_OUT = "message.out"
    # A whole exchange, from sources that report messages and answers together.
    TURN = "turn"
    ACTION_STARTED = "action.started"
    ACTION_PROGRESSED = "action.progressed"
    ACTION_FINISHED = "action.finished"
    MEDIA = "media"
    COMPONENT = "component"
    FEEDBACK = "feedback"
    USER_SEEN = "user.seen"
    CONVERSATION_CLOSED = "conversation.closed"


class Fact(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One thing that happened, in words that all sources share; the deriver makes catalog events of it.

    `source_id` identifies the fact among all of its source and environment, and stays the same when the source repeats
    it. `at` is ISO 8601. `action` and `opened_at` together identify an action's run within the conversation; an end
    that names no action is that of the run opened last under its `opened_at`. `ibm` holds further properties for the
    IBM events, `copilot` for the others; they win over what the deriver puts in, but for the configured assistant.
    Without a user the event goes under the anonymous ID, which is the conversation's ID unless the adapter gives
    another.
    """

    kind: Kind
    source_id: str
    conversation_id: str
    at: str
    user_id: str = ""
    anonymous_id: str = ""
    message_id: str = ""
    text: str = ""
    role: str = ""
    action: str = ""
    action_title: str = ""
    opened_at: str = ""
    reason: str = ""
    # Of an action, a medium or a component: what kind of it; of a medium also the format.
    type: str = ""
    sub_type: str = ""
    rating: float | None = None
    traits: dict[str, Any] = {}
    context: dict[str, Any] = {}
    ibm: dict[str, Any] = {}
    copilot: dict[str, Any] = {}


@dataclass(frozen=True)
class AssistantIdentity:
    """Who the assistant is, as configured; each may be empty."""

    name: str = ""
    language: str = ""
    account_id: str = ""
    service_instance: str = ""
    vendor_assistant_id: str = ""


@dataclass(frozen=True)
class Setup:
    """A source as it is set up in an environment; `is_keyed` says that the request brought a valid ingest key of it."""

    environment_id: int
    environment_name: str
    assistant: AssistantIdentity = AssistantIdentity()
    secret: str = field(default="", repr=False)
    options: Mapping[str, Any] = field(default_factory=dict)
    is_keyed: bool = False
    vocabulary: str = "native"


@dataclass(frozen=True)
class Request:
    """A request to a source: header names in lower case, the body whole and not compressed.

    `path` is what follows the environment (empty or beginning with a slash), or the whole path of a fixed route.
    """

    path: str
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime
    method: str = "POST"
    query: str = ""


@dataclass(frozen=True)
class Note:
    """Something that people should see on the source's page: a code to count by, and words about this time."""

    code: str
    detail: str = ""


class Part(msgspec.Struct, frozen=True, gc=False):
    """A piece of a whole that is complete only later, such as a span of a trace.

    `hold_seconds` is how long the whole waits for more after this part, where that differs from the adapter's own.
    `keep_seconds` is how long the whole stays behind this part, for what comes late, where that differs from the usual.
    """

    whole_id: str
    part_id: str
    body: bytes
    hold_seconds: float | None = None
    keep_seconds: float | None = None


@dataclass
class Reading:
    """What an adapter made of a request.

    `facts` go to the deriver, in the order in which their events shall stand; `messages` are Segment messages as JSON
    that need none; `parts` are held until nothing more of their whole has come for the adapter's `hold_seconds`.
    `refused` are pieces that the mapping could not read, with the reason; with any of these the body is kept for
    inspection. `answer` is what the vendor expects to hear once all is stored.
    """

    facts: list[Fact] = field(default_factory=list)
    messages: list[bytes] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    refused: list[tuple[Refused, bytes]] = field(default_factory=list)
    answer: Answer = DONE
    is_body_kept: bool = True


class Denied(Exception):
    """The request is not from whom it claims to be; nothing of it is kept but a count, the time and the address."""

    def __init__(self, code: str, message: str, *, status: int = 401) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


class OptionKind(StrEnum):
    """How an option is entered."""

    FLAG = "flag"
    TEXT = "text"
    LINES = "lines"
    CHOICE = "choice"
    RULES = "rules"


@dataclass(frozen=True)
class Option:
    """One setting of a source: from it follow the form on its page and what `apply` takes.

    A flag is a bool, lines are a list of texts, rules are the object that `generic.config` describes, everything else
    is a text.
    """

    name: str
    label: str
    help: str
    kind: OptionKind = OptionKind.FLAG
    default: Any = False
    choices: tuple[tuple[str, str], ...] = ()


class Adapter(Protocol):
    """One kind of sender.

    `kind` stands in URLs. `paths` are fixed routes beside /sources/<kind>/…, on which the ingest key alone tells the
    environment; `endpoint` is what senders of those are configured with, such as /otlp. `vocabulary` is what the
    environment's switch means by “what suits each source”: "ibm", "copilot" or "both". `proof` says in a sentence for
    people by what the adapter was tested. `has_turns` says that the source reports whole exchanges as facts of kind
    TURN. `get_paths` are those of `paths` that answer GET.
    """

    kind: str
    title: str
    description: str
    proof: str
    vocabulary: str
    paths: tuple[str, ...]
    get_paths: tuple[str, ...]
    endpoint: str
    needs_key: bool
    secret_label: str
    secret_help: str
    options: tuple[Option, ...]
    has_turns: bool
    hold_seconds: float

    def read(self, request: Request, setup: Setup) -> Reading:
        """Verify, unwrap and map a request.

        Raises Denied, or intake's Unreadable with the answer where the body as a whole makes no sense.
        """

    def read_whole(self, parts: Sequence[Part], setup: Setup) -> list[Fact]:
        """Read the facts from all parts of a whole, in the order in which they came; may be called again with more."""

    def check(self, options: Mapping[str, Any]) -> list[str]:
        """Say, for people, what is wrong with options beyond what their kinds tell already."""


class Source:
    """What an adapter is unless it says otherwise."""

    paths: tuple[str, ...] = ()
    get_paths: tuple[str, ...] = ()
    endpoint = ""
    needs_key = False
    secret_label = ""
    secret_help = ""
    options: tuple[Option, ...] = ()
    has_turns = False
    hold_seconds = 0.0
    vocabulary = "copilot"

    def read_whole(self, parts: Sequence[Part], setup: Setup) -> list[Fact]:
        """Nothing is held."""
        raise NotImplementedError

    def check(self, options: Mapping[str, Any]) -> list[str]:
        """Take every combination."""
        return []
