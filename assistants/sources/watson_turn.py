"""What the actions of a watsonx assistant did in one turn, from the events that the log has of it.

Source: IBM, assistant v2 API, “turn_events”; what IBM's own receivers of the log read from them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from assistants.sources.values import object_at, text_of

Event = Mapping[str, Any]

# What tells that an action was at work. That something was denied is no visit.
AT_WORK = frozenset(
    {"action_visited", "action_finished", "step_visited", "step_answered", "handler_visited", "callout", "search"}
)
# An action that is come back to does not start.
RETURNS = ("subaction_return", "topic_return")
CALLED = "invoke_subaction"
# No turn comes near this; one that does was made to keep a reader busy.
MAX_EVENTS = 2_000
FALLBACK_ACTIONS = ("fallback", "anything_else")
FALLBACK_REASONS = (
    "agent_requested",
    "step_validation_failed",
    "no_action_matches",
    "Danger word detected",
    "Profanity detected",
)


class Turn:
    """The actions of one turn.

    `names` are those of all events, `has_actions` says that any of them, of whatever kind, belongs to an action.
    `walk` are the steps as (action, step), each once, in order. `called` and `handlers` are the first subaction and the
    first handler by action, `subaction` and `handler` the first of the turn; `fallbacks` why a fallback action ran.
    """

    def __init__(self, events: Sequence[Event]) -> None:
        self.events = events[:MAX_EVENTS]
        self.names: set[str] = set()
        self.has_actions = False
        self.actions: list[str] = []
        self.titles: dict[str, str] = {}
        self.opened_at: dict[str, str] = {}
        self.walk: list[tuple[str, str]] = []
        self.starts: list[Event] = []
        self.ends: list[Event] = []
        self.called: dict[str, str] = {}
        self.handlers: dict[str, str] = {}
        self.fallbacks: dict[str, str] = {}
        self.handler = ""
        self._subactions: list[str] = []
        self._callers: dict[str, str] = {}
        self._current = ""
        for event in self.events:
            self._take(event)

    @property
    def main(self) -> str:
        """The action that the message led to: the first that no other one called."""
        return next((action for action in self.actions if action not in self._subactions), "")

    @property
    def subaction(self) -> str:
        """The first action that another one called."""
        return self._subactions[0] if self._subactions else ""

    def steps(self, action: str) -> list[str]:
        """Return the steps of an action."""
        return [step for its, step in self.walk if its == action]

    def is_started(self, action: str) -> bool:
        """Say whether an action began in this turn."""
        return any(action_of(event) == action for event in self.starts)

    def end_of(self, action: str, opened_at: str = "") -> Event | None:
        """Return how an action ended in this turn, of its run that began then if it ran more than once."""
        ends = [event for event in self.ends if action_of(event) == action]
        of_run = [event for event in ends if text_of(event.get("action_start_time")) == opened_at]
        return next(iter(of_run or ends), None)

    def _take(self, event: Event) -> None:
        name, source = text_of(event.get("event")), object_at(event, "source")
        action, title = text_of(source.get("action")), text_of(source.get("action_title"))
        opened_at = text_of(event.get("action_start_time"))
        self.names.add(name)
        self.has_actions = self.has_actions or bool(action)
        if action and title:
            self.titles.setdefault(action, title)
        if name == "handler_visited":
            self.handler = self.handler or text_of(source.get("handler"))
        if name not in AT_WORK or not action:
            return
        if action not in self.actions:
            self.actions.append(action)
        if opened_at:
            self.opened_at.setdefault(action, opened_at)
        if name == "action_visited":
            self._visit(event, action)
        elif name == "action_finished":
            self.ends.append(event)
        elif name == "step_visited":
            step = text_of(source.get("step"))
            if step and (action, step) not in self.walk:
                self.walk.append((action, step))
        elif name == "handler_visited" and (handler := text_of(source.get("handler"))):
            self.handlers.setdefault(action, handler)
        self._follow(name, action)

    def _visit(self, event: Event, action: str) -> None:
        reason = text_of(event.get("reason"))
        if reason not in RETURNS:
            self.starts.append(event)
        if reason == CALLED:
            self._subactions.append(action)
            if self._current and self._current != action:
                self.called.setdefault(self._current, action)
                self._callers[action] = self._current
        if action in FALLBACK_ACTIONS and reason in FALLBACK_REASONS:
            self.fallbacks.setdefault(action, reason)

    def _follow(self, name: str, action: str) -> None:
        """Note which action is at work: behind the end of a subaction the one that called it."""
        if name != "action_finished":
            self._current = action
        elif self._current == action:
            self._current = self._callers.get(action, "")


def action_of(event: Event) -> str:
    """Return the action that an event belongs to."""
    return text_of(object_at(event, "source").get("action"))
