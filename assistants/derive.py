"""The deriver: facts of every source in, catalog events out. Pure: what it must remember is given to it and returned.

Facts may come in any order and more than once. An event never waits for a fact; it only becomes richer with those that
came before: an action's end describes the message that started the action, if that was seen.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from assistants import derive_memory
from assistants.derive_events import COPILOT, Terms, Writer, context_of
from assistants.derive_memory import Memory, Run, TurnAction, keep, short_digest
from assistants.messages import cut
from assistants.sources.adapter import Fact, Kind

# Under this key stands what is remembered of the assistant as a whole: no conversation has an empty ID.
TITLES = ""


@dataclass(frozen=True)
class Derived:
    """Segment messages as JSON, in order, and the states of the conversations that changed, by their IDs.

    `repeated` counts the facts that had been derived before.
    """

    messages: list[bytes]
    states: dict[str, bytes]
    repeated: int


def derive(facts: Sequence[Fact], states: Mapping[str, bytes], terms: Terms) -> Derived:
    """Make the events of facts. `states` are those of the facts' conversations as far as there are any, and TITLES'."""
    deriver = _Deriver(terms, states)
    repeated = 0
    for fact, end in zip(facts, _ends_in_turn(facts), strict=True):
        repeated += not deriver.take(fact, end)
    return Derived(deriver.writer.messages, deriver.changed_states(), repeated)


def _ends_in_turn(facts: Sequence[Fact]) -> list[Fact | None]:
    """Return, for each start of an action, how that run ended before the customer's next message, if it did."""
    ahead: dict[str, dict[str, Fact]] = {}
    ends: list[Fact | None] = []
    for fact in reversed(facts):
        end = None
        if fact.kind is Kind.ACTION_FINISHED:
            ahead.setdefault(fact.conversation_id, {})[_run_key(fact)] = fact
        elif fact.kind is Kind.MESSAGE_IN:
            ahead.pop(fact.conversation_id, None)
        elif fact.kind is Kind.ACTION_STARTED and fact.conversation_id in ahead:
            end = ahead[fact.conversation_id].get(_run_key(fact))
        ends.append(end)
    return ends[::-1]


class _Deriver:
    """Takes one fact after the other; memories are read when they are first needed."""

    def __init__(self, terms: Terms, states: Mapping[str, bytes]) -> None:
        self.writer = Writer(terms)
        self._has_turns = terms.has_turns
        self._is_copilot = COPILOT in terms.families
        self._states = states
        self._memories: dict[str, Memory] = {}
        self._changed: set[str] = set()
        self._titles = derive_memory.load_titles(states.get(TITLES))
        self._has_new_titles = False

    def take(self, fact: Fact, end: Fact | None) -> bool:
        """Derive a fact's events; return whether it is new. `end` is that of an action which starts."""
        conversation_id, kind = fact.conversation_id, fact.kind
        memory = self._memories.get(conversation_id) or self._memory(conversation_id)
        if not memory.note(fact.source_id):
            return False
        self._changed.add(conversation_id)
        self._learn_title(fact)
        self._link(fact, memory)
        if kind is Kind.ACTION_STARTED:
            self.action_started(fact, memory, end)
        else:
            _HANDLERS[kind](self, fact, memory)
        return True

    def changed_states(self) -> dict[str, bytes]:
        """Return what is to be remembered from now on."""
        states = {id_: derive_memory.dump(self._memories[id_]) for id_ in self._changed if id_}
        if self._has_new_titles:
            states[TITLES] = derive_memory.dump_titles(self._titles)
        return states

    def _memory(self, conversation_id: str) -> Memory:
        """Read what is remembered of a conversation."""
        state = self._states.get(conversation_id) if conversation_id else None
        memory = self._memories[conversation_id] = derive_memory.load(state)
        return memory

    # --- sessions, conversations, users ---

    def session_opened(self, fact: Fact, memory: Memory) -> None:
        if fact.opened_at in memory.sessions or (memory.sessions and not fact.opened_at):
            return
        keep(memory.sessions, fact.opened_at, derive_memory.SESSIONS)
        self.writer.session_started(fact)

    def conversation_opened(self, fact: Fact, memory: Memory) -> None:
        if not memory.has_started:
            memory.has_started = True
            self.writer.copilot("Conversation Started", fact)

    def conversation_closed(self, fact: Fact, memory: Memory) -> None:
        if not memory.has_ended:
            memory.has_ended = True
            self.writer.copilot("Conversation Ended", fact, message_count=memory.message_count)

    def user_seen(self, fact: Fact, memory: Memory) -> None:
        if _note_user(fact, memory):
            self.writer.identify(fact)

    def _link(self, fact: Fact, memory: Memory) -> None:
        """Tie a user who becomes known to the anonymous ID under which the conversation went so far."""
        if not fact.user_id:
            memory.anonymous_id = fact.anonymous_id or fact.conversation_id
        elif memory.anonymous_id and self._is_copilot:
            _note_user(fact, memory)
            self.writer.identify(fact, anonymous_id=memory.anonymous_id)
            memory.anonymous_id = ""

    # --- messages ---

    def message_in(self, fact: Fact, memory: Memory) -> None:
        self.conversation_opened(fact, memory)
        memory.message_count += 1
        memory.turn += 1
        memory.question, memory.turn_actions = context_of(fact), []
        self.writer.copilot("Message Sent", fact, **_spoken(fact, role="customer"))
        if _is_later(memory.answered_at, fact.at):
            memory.answered_at = ""
            self._handled(fact, memory)
        else:
            memory.is_unanswered = True

    def message_out(self, fact: Fact, memory: Memory) -> None:
        memory.message_count += 1
        self.writer.copilot("Message Received", fact, **_spoken(fact, role="agent"))
        if memory.is_unanswered:
            memory.is_unanswered = False
            self._handled(fact, memory)
        else:
            memory.answered_at = fact.at

    def _handled(self, fact: Fact, memory: Memory) -> None:
        """Say, for a source that does not report whole exchanges, that a customer's message was handled."""
        if self._has_turns:
            return
        context = {**memory.question, **context_of(fact)}
        self.writer.ibm("Message Handled", fact, context, _acted(memory.turn_actions))

    def turn(self, fact: Fact, memory: Memory) -> None:
        self.writer.ibm("Message Handled", fact, context_of(fact), self._action(fact))

    def media(self, fact: Fact, memory: Memory) -> None:
        kind = {"type": fact.type, "sub_type": fact.sub_type, "role": fact.role or "agent"}
        self.writer.copilot("Media Generated", fact, messageId=_message_id(fact), **kind)

    def component(self, fact: Fact, memory: Memory) -> None:
        self.writer.copilot("Component Loaded", fact, messageId=_message_id(fact), type=fact.type)

    def feedback(self, fact: Fact, memory: Memory) -> None:
        rating = fact.rating if fact.rating is not None and math.isfinite(fact.rating) else None
        self.writer.copilot("Feedback Submitted", fact, messageId=fact.message_id, rating=rating)

    # --- actions ---

    def action_started(self, fact: Fact, memory: Memory, end: Fact | None) -> None:
        key = _run_key(fact)
        run = memory.run(key)
        _add_steps(run, fact, is_before=not run.has_started)
        if run.has_started:
            return
        run.has_started, run.turn = True, memory.turn
        run.context = {**memory.question, **context_of(fact)}
        self._note_act(TurnAction(fact.action, self._title(fact), has_started=True), memory)
        if key in memory.finished:
            memory.finished.remove(key)
            del memory.runs[key]
        ended = {"actionCompleted": end is not None, "actionCompletedReason": end.reason if end else ""}
        self.writer.ibm("Action Started", fact, run.context, {**self._action(fact), **ended})
        invoked = {"type": fact.type or "action", "action": fact.action, "role": fact.role or "customer"}
        self.writer.copilot("Action Invoked", fact, messageId=_message_id(fact), **invoked)

    def action_progressed(self, fact: Fact, memory: Memory) -> None:
        key = _find_run(fact, memory) or _run_key(fact)
        _add_steps(memory.run(key), fact)

    def action_finished(self, fact: Fact, memory: Memory) -> None:
        key = _find_run(fact, memory)
        if not fact.action:
            if not key:
                return
            fact = msgspec.structs.replace(fact, action=key.partition("\n")[0])
        run = memory.runs.pop(key) if key else Run()
        if not run.has_started:
            run = Run()
            if fact.opened_at:
                keep(memory.finished, _run_key(fact), derive_memory.OPEN_RUNS)
        _add_steps(run, fact)
        context = run.context if run.has_started else {**memory.question, **context_of(fact)}
        has_started = run.has_started and run.turn == memory.turn
        defaults = {**self._action(fact), "actionStarted": has_started, "actionCompletedReason": fact.reason}
        self.writer.ibm("Action Completed", fact, context, defaults, stepsVisited=run.steps)
        self._note_end(fact, memory)

    def _note_end(self, fact: Fact, memory: Memory) -> None:
        """Note in what was done since the customer's last message that an action has ended."""
        for acted in memory.turn_actions:
            if acted.action == fact.action and not acted.has_finished:
                acted.has_finished, acted.reason = True, fact.reason
                return
        self._note_act(TurnAction(fact.action, self._title(fact), has_finished=True, reason=fact.reason), memory)

    def _note_act(self, acted: TurnAction, memory: Memory) -> None:
        """Note what Message Handled will tell of, in a source that does not report whole exchanges."""
        if not self._has_turns and len(memory.turn_actions) < derive_memory.TURN_ACTIONS:
            memory.turn_actions.append(acted)

    def _action(self, fact: Fact) -> dict[str, str]:
        return {"action": fact.action, "actionTitle": self._title(fact)}

    def _title(self, fact: Fact) -> str:
        return fact.action_title or self._titles.get(fact.action, "")

    def _learn_title(self, fact: Fact) -> None:
        if not fact.action_title or not fact.action:
            return
        title = fact.action_title[: derive_memory.TITLE_CHARACTERS]
        if self._titles.get(fact.action) != title:
            self._titles[fact.action] = title
            self._has_new_titles = True


_HANDLERS: Mapping[Kind, Callable[[_Deriver, Fact, Memory], None]] = {
    Kind.SESSION_OPENED: _Deriver.session_opened,
    Kind.CONVERSATION_OPENED: _Deriver.conversation_opened,
    Kind.MESSAGE_IN: _Deriver.message_in,
    Kind.MESSAGE_OUT: _Deriver.message_out,
    Kind.TURN: _Deriver.turn,
    Kind.ACTION_PROGRESSED: _Deriver.action_progressed,
    Kind.ACTION_FINISHED: _Deriver.action_finished,
    Kind.MEDIA: _Deriver.media,
    Kind.COMPONENT: _Deriver.component,
    Kind.FEEDBACK: _Deriver.feedback,
    Kind.USER_SEEN: _Deriver.user_seen,
    Kind.CONVERSATION_CLOSED: _Deriver.conversation_closed,
}


def _note_user(fact: Fact, memory: Memory) -> bool:
    """Remember whom a conversation is with; return whether that is new."""
    user = short_digest(fact.user_id, fact.anonymous_id, repr(sorted(fact.traits.items())))
    if user in memory.users:
        return False
    keep(memory.users, user, derive_memory.USERS)
    return True


def _run_key(fact: Fact) -> str:
    return f"{fact.action}\n{fact.opened_at}"


def _find_run(fact: Fact, memory: Memory) -> str:
    """Return the key of the run that a fact is about; nothing if it is not known.

    A source may name the run's beginning in one place and leave it out in another. Without an action it is the run that
    was opened last under the same `opened_at`.
    """
    if not fact.action:
        return next((known for known in reversed(memory.runs) if known.endswith(f"\n{fact.opened_at}")), "")
    key = _run_key(fact)
    if key in memory.runs:
        return key
    of_action = [known for known in memory.runs if known.startswith(f"{fact.action}\n")]
    if fact.opened_at:
        of_action = [known for known in of_action if known.endswith("\n")]
    return of_action[-1] if of_action else ""


def _add_steps(run: Run, fact: Fact, *, is_before: bool = False) -> None:
    """Add the steps that a fact tells of to its run's, each once and all in the form of the newest ones."""
    if not fact.ibm:
        return
    steps = fact.ibm.get("stepsVisited") or []
    if not isinstance(steps, list) or not steps:
        return
    known = [step for step in run.steps if isinstance(step, type(steps[0]))]
    first, then = (steps, known) if is_before else (known, steps)
    run.steps = [*first, *(step for step in then if step not in first)][: derive_memory.STEPS]


def _acted(actions: Sequence[TurnAction]) -> dict[str, Any]:
    """Return what Message Handled says of the actions since the customer's message."""
    if not actions:
        return {}
    first = actions[0]
    return {
        "action": first.action,
        "actionTitle": first.title,
        "actionStarted": first.has_started,
        "actionCompleted": first.has_finished,
        "actionCompletedReason": first.reason,
        "actionsVisited": list(dict.fromkeys(each.action for each in actions)),
    }


def _spoken(fact: Fact, *, role: str) -> dict[str, str]:
    return {"messageId": _message_id(fact), "message_body": cut(fact.text), "role": fact.role or role}


def _message_id(fact: Fact) -> str:
    """Return the message's own ID; a source without them gets one that stays the same."""
    return fact.message_id or short_digest(fact.source_id).hex()


def _is_later(moment: str, other: str) -> bool:
    """Say whether a moment is there and behind another one."""
    try:
        return bool(moment) and datetime.fromisoformat(moment) > datetime.fromisoformat(other)
    except (ValueError, TypeError):
        return False
