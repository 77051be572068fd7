"""One logged exchange of IBM watsonx Assistant, as facts: each property from where the log has it, in order of trust.

Source: IBM, assistant v2 API, “Log”; IBM Cloud docs, watson-assistant, integration-variables.md and
segment-event-reference.md. Keys may be missing, and unknown ones may be there: nothing is relied upon but types.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from assistants.sources.adapter import Fact, Kind, Note, Setup
from assistants.sources.canonical import digest
from assistants.sources.values import first_text, list_of, object_at, objects_in, text_of, whole_number
from assistants.sources.watson_turn import CALLED, Turn, action_of

DRAFT = "draft"
WEB_CHAT_ID = "anonymous_IBMuid-"
# Which key of a context's integrations stands for which channel, and what else a channel may be called.
CHANNEL_KEYS = {
    "voice_telephony": "phone",
    "chat": "chat",
    "text_messaging": "sms",
    "whatsapp": "whatsapp",
    "slack": "slack",
    "facebook": "facebook",
    "teams": "teams",
}
CHANNEL_NAMES = {"phone": "phone", "web chat": "chat", "sms": "sms", "facebook messenger": "facebook"}
MAIN_SKILL, ACTIONS_SKILL, SEARCH_SKILL = "main skill", "actions skill", "search skill"
SEARCHES = ("search", "conversational_search_end")
# What an answer may hold that nobody sees.
UNSEEN = frozenset({"text", "pause", "speech_to_text", "text_to_speech", "start_activities", "stop_activities", "dtmf"})
_TABLET = re.compile(r"iPad|Tablet|PlayBook|Silk|Android(?!.*Mobile)", re.IGNORECASE)
_MOBILE = re.compile(r"Mobi|iPhone|iPod|Android|Windows Phone", re.IGNORECASE)


def read_log(log: Mapping[str, Any], setup: Setup, *, received_at: datetime) -> tuple[list[Fact], list[Note]]:
    """Return the facts of one item of the log, in the order in which their events stand, and what people should know.

    Without a session there is nothing to tell of.
    """
    exchange = _Exchange(log, setup.options, received_at.isoformat(timespec="milliseconds"))
    notes = _mismatch(log, setup)
    if not exchange.session_id:
        return [], [*notes, Note("no_session_id", "A message does not say to which session it belongs.")]
    if not exchange.has_user:
        notes.append(Note("no_user_id", "A message names no user, or the session's ID in place of one."))
    return exchange.facts(), notes


def _mismatch(log: Mapping[str, Any], setup: Setup) -> list[Note]:
    """Compare the environment that was called with what the log says of it."""
    snapshot = text_of(log.get("snapshot"))
    if not snapshot or (snapshot == DRAFT) == (setup.environment_name == DRAFT):
        return []
    said = f"A message of the snapshot “{snapshot[:40]}” came to the address of {setup.environment_name}."
    return [Note("snapshot_mismatch", said)]


class _Exchange:
    """A customer's message and the assistant's answer, with the action and dialog nodes that made it."""

    def __init__(self, log: Mapping[str, Any], options: Mapping[str, Any], received_at: str) -> None:
        self.log = log
        self.options = options
        self.request, self.response = object_at(log, "request"), object_at(log, "response")
        self.input, self.output = object_at(self.request, "input"), object_at(self.response, "output")
        self.debug = object_at(self.output, "debug")
        # What the answer left behind comes first, then what the request brought.
        self.contexts = [object_at(self.response, "context"), object_at(self.request, "context")]
        self.globals = [object_at(context, "global") for context in self.contexts]
        self.systems = [object_at(each, "system") for each in self.globals]
        self.integrations = [object_at(context, "integrations") for context in self.contexts]
        self.id = text_of(log.get("log_id")) or digest(log)
        self.requested_at = text_of(log.get("request_timestamp")) or received_at
        self.responded_at = text_of(log.get("response_timestamp")) or self.requested_at
        self.session_id = first_text(
            log.get("session_id"), *_each(self.globals, "session_id"), *_each(self.contexts, "conversation_id")
        )
        self.user_id = self._find_user()
        self.ids = self._ids()
        self.turn = Turn(objects_in(self.debug.get("turn_events")))
        self.nodes = self._nodes()
        self.context = self._context()

    @property
    def has_user(self) -> bool:
        return bool(self.user_id)

    def facts(self) -> list[Fact]:
        """Return all that happened, in order."""
        return [
            *self._session(),
            *self._said(),
            *self._starts(),
            *self._progress(),
            *self._ends(),
            *self._answered(),
            self._fact(Kind.TURN, "turn", self.responded_at, action=self.turn.main, ibm=self._handled()),
        ]

    def _fact(self, kind: Kind, key: str, at: str, *, ibm: dict[str, Any] | None = None, **words: Any) -> Fact:
        user_id, anonymous_id = self.ids
        return Fact(
            kind=kind,
            source_id=f"{self.id} {key}",
            conversation_id=self.session_id,
            at=at,
            user_id=user_id,
            anonymous_id=anonymous_id,
            action_title=self.turn.titles.get(words.get("action", ""), ""),
            ibm={**self.context, **ibm} if ibm is not None else {},
            **words,
        )

    def _ids(self) -> tuple[str, str]:
        """Return whose events these are: user ID and anonymous ID, of which one is empty."""
        if not self.user_id:
            return "", self.session_id
        if self.user_id.startswith(WEB_CHAT_ID) and self.options.get("web_chat_ids_are_anonymous"):
            return "", self.user_id
        if self.options.get("hash_user_ids"):
            return hashlib.sha256(self.user_id.encode()).hexdigest(), ""
        return self.user_id, ""

    def _find_user(self) -> str:
        """Return the user's ID; the session's own in its place says that the client named none."""
        candidates = [
            *_each((self.response, self.request), "user_id"),
            *_each(self.systems, "user_id"),
            *(object_at(context, "metadata").get("user_id") for context in self.contexts),
        ]
        return next((id_ for each in candidates if (id_ := text_of(each)) and id_ != self.session_id), "")

    # --- what describes the message ---

    def _context(self) -> dict[str, Any]:
        analytics = object_at(self.input, "analytics")
        browser_info = [object_at(each, "chat", "browser_info") for each in self.integrations]
        page = first_text(analytics.get("pageUrl"), *_each(browser_info, "page_url"))
        device = text_of(analytics.get("device"))
        if not device and self.options.get("device_from_user_agent"):
            device = _device(first_text(*_each(browser_info, "user_agent")))
        return {
            "assistantId": first_text(
                self.log.get("assistant_id"), object_at(self.contexts[1], "system").get("assistant_id")
            ),
            "browser": first_text(analytics.get("browser"), *_each(browser_info, "browser_name")),
            "device": device,
            "pageUrl": re.split(r"[?#]", page, maxsplit=1)[0],
            "channel": self._channel(),
            "language": text_of(self.log.get("language")),
            "skillsInvoked": self._skills(),
        }

    def _channel(self) -> str:
        """Return the channel: a key of it says so even where nothing is behind it."""
        for each in self.integrations:
            for key, channel in CHANNEL_KEYS.items():
                if key in each:
                    return channel
        name = first_text(*(object_at(each, "channel").get("name") for each in self.integrations))
        return CHANNEL_NAMES.get(name.lower(), name.lower() if name.lower() in CHANNEL_KEYS.values() else name)

    def _skills(self) -> list[str]:
        """Return the skills that took part. Those that the context lists need not have."""
        return [
            *([MAIN_SKILL] if self.nodes else []),
            *([ACTIONS_SKILL] if self.turn.has_actions else []),
            *([SEARCH_SKILL] if self.turn.names.intersection(SEARCHES) else []),
        ]

    def _nodes(self) -> list[str]:
        """Return the dialog nodes that were visited, by title where there is one."""
        visited = [
            first_text(node.get("title"), node.get("dialog_node"))
            for node in objects_in(self.debug.get("nodes_visited"))
        ]
        visited = visited or [
            first_text(object_at(event, "source").get("title"), object_at(event, "source").get("dialog_node"))
            for event in self.turn.events
            if event.get("event") == "node_visited"
        ]
        visited = visited or [text_of(node) for node in list_of(self.output.get("nodes_visited"))]
        return [node for node in visited if node]

    # --- facts ---

    def _session(self) -> list[Fact]:
        """Return that a session began, if this is its first message or nothing is said of that."""
        counters = [
            *_each(self.systems, "turn_count"),
            object_at(self.contexts[1], "system").get("dialog_turn_counter"),
        ]
        count = next((number for each in counters if (number := whole_number(each)) is not None), 1)
        if count != 1 or self.options.get("stateless"):
            return []
        at = first_text(*_each(self.systems, "session_start_time")) or self.requested_at
        return [self._fact(Kind.SESSION_OPENED, "session", at, ibm={})]

    def _said(self) -> list[Fact]:
        text = text_of(self.input.get("text"))
        if not text:
            return []
        return [self._fact(Kind.MESSAGE_IN, "in", self.requested_at, text=text, message_id=f"{self.id}-in")]

    def _answered(self) -> list[Fact]:
        """Return what was answered: the texts as one message, and every component that was shown."""
        generic = objects_in(self.output.get("generic"))
        texts = [text_of(item.get("text")) for item in generic] or [
            text_of(each) for each in list_of(self.output.get("text"))
        ]
        text = "\n".join(each for each in texts if each)
        shown = [
            kind for item in generic if (kind := text_of(item.get("response_type"))) and not text_of(item.get("text"))
        ]
        message_id = f"{self.id}-out"
        said = (
            [self._fact(Kind.MESSAGE_OUT, "out", self.responded_at, text=text, message_id=message_id)] if text else []
        )
        return said + [
            self._fact(Kind.COMPONENT, f"shown {number}", self.responded_at, type=kind, message_id=message_id)
            for number, kind in enumerate(shown)
            if kind not in UNSEEN
        ]

    def _starts(self) -> list[Fact]:
        facts = []
        for number, event in enumerate(self.turn.starts):
            action, opened_at = action_of(event), text_of(event.get("action_start_time"))
            end = self.turn.end_of(action, opened_at)
            more = {
                "actionCompleted": end is not None,
                "actionCompletedReason": text_of(end.get("reason")) if end else "",
            }
            facts.append(
                self._fact(
                    Kind.ACTION_STARTED,
                    f"start {action} {number}",
                    opened_at or self.requested_at,
                    action=action,
                    opened_at=opened_at,
                    message_id=f"{self.id}-out",
                    type="subaction" if event.get("reason") == CALLED else "action",
                    copilot=self._invoked(action),
                    ibm={**self._of_action(action), **more},
                )
            )
        return facts

    def _invoked(self, action: str) -> dict[str, str]:
        """Return the name of an action for people, where this exchange tells it."""
        title = self.turn.titles.get(action)
        return {"action": title} if title else {}

    def _progress(self) -> list[Fact]:
        """Return the steps of actions that began before and have not ended."""
        settled = {action_of(event) for event in (*self.turn.starts, *self.turn.ends)}
        going = dict.fromkeys(action for action, _ in self.turn.walk if action not in settled)
        return [
            self._fact(
                Kind.ACTION_PROGRESSED,
                f"progress {action}",
                self.responded_at,
                action=action,
                opened_at=self.turn.opened_at.get(action, ""),
                ibm={"stepsVisited": self._steps(action)},
            )
            for action in going
        ]

    def _ends(self) -> list[Fact]:
        return [
            self._fact(
                Kind.ACTION_FINISHED,
                f"end {action_of(event)} {number}",
                self.responded_at,
                action=action_of(event),
                opened_at=text_of(event.get("action_start_time")),
                reason=text_of(event.get("reason")),
                ibm={**self._of_action(action_of(event)), "actionStarted": self.turn.is_started(action_of(event))},
            )
            for number, event in enumerate(self.turn.ends)
        ]

    def _of_action(self, action: str) -> dict[str, Any]:
        """Return what this exchange tells of one action."""
        return {
            "stepsVisited": self._steps(action),
            "subaction": self.turn.called.get(action, ""),
            "handler": self.turn.handlers.get(action, ""),
            "fallbackReason": self.turn.fallbacks.get(action, ""),
        }

    def _handled(self) -> dict[str, Any]:
        """Return what Message Handled tells of the skills that handled it."""
        turn = self.turn
        mapping = objects_in(self.debug.get("output_generic_mapping"))
        properties: dict[str, Any] = {
            "actionsVisited": turn.actions,
            "stepsVisited": [step for action, name in turn.walk for step in self._formed(action, [name])],
            "subaction": turn.subaction,
            "handler": turn.handler or (text_of(object_at(mapping[0], "source").get("handler")) if mapping else ""),
            "fallbackReason": next(iter(turn.fallbacks.values()), ""),
        }
        if turn.main:
            end = turn.end_of(turn.main)
            properties["actionStarted"] = turn.is_started(turn.main)
            properties["actionCompleted"] = end is not None
            properties["actionCompletedReason"] = text_of(end.get("reason")) if end else ""
        if self.nodes:
            properties["nodesVisited"] = self.nodes
            exited = self.debug.get("branch_exited")
            properties["branchExited"] = exited if isinstance(exited, bool) else None
            properties["branchExitedReason"] = text_of(self.debug.get("branch_exited_reason"))
        return properties

    def _steps(self, action: str) -> list[Any]:
        return self._formed(action, self.turn.steps(action))

    def _formed(self, action: str, steps: list[str]) -> list[Any]:
        if self.options.get("steps_as_objects"):
            return [{"stepId": step} for step in steps]
        return [f"{action}_{step}" for step in steps]


def _each(objects: Iterable[Mapping[str, Any]], name: str) -> list[Any]:
    """Return what each of the objects has under a name."""
    return [each.get(name) for each in objects]


def _device(user_agent: str) -> str:
    """Guess the kind of device from how a browser names itself; nothing without a name."""
    if not user_agent:
        return ""
    if _TABLET.search(user_agent):
        return "tablet"
    return "mobile" if _MOBILE.search(user_agent) else "desktop"
