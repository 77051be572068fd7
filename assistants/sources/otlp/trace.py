"""A trace: the steps of one piece of work, who does what within what, and whose it is."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from assistants.sources.canonical import digest
from assistants.sources.otlp.step import Step, StepKind, put_together

MAX_ANCESTORS = 64


@dataclass(frozen=True, slots=True)
class Person:
    """Whose trace it is: the conversation, and the user if there is a name for that.

    `anonymous_id` is an ID for the conversation's nameless user, which does not give the conversation's away.
    """

    conversation_id: str
    user_id: str
    anonymous_id: str


class Trace:
    """The steps of one trace, pieces of the same put together, in the order in which they began."""

    def __init__(self, trace_id: str, steps: Iterable[Step]) -> None:
        self.id = trace_id
        pieces: dict[str, list[Step]] = {}
        self.scores: list[Step] = []
        for step in steps:
            if step.kind is StepKind.SCORE:
                self.scores.append(step)
            else:
                pieces.setdefault(step.id, []).append(step)
        self.steps = sorted([put_together(each) for each in pieces.values()], key=_start)
        self._by_id = {step.id: step for step in self.steps}
        everything = (*self.steps, *self.scores)
        self._conversation = next((step.conversation for step in everything if step.conversation), trace_id)
        self._user = next((step.user for step in everything if step.user), "")
        self._people: dict[tuple[str, str], Person] = {}
        self._of_kind: dict[StepKind, list[Step]] = {kind: [] for kind in StepKind}
        for step in self.steps:
            if not self._is_hidden(step):
                self._of_kind[step.kind].append(step)

    def of_kind(self, kind: StepKind) -> list[Step]:
        """Return the steps of a kind that are the assistant's own, not those of an assistant that it uses as a tool."""
        return self._of_kind[kind]

    def person(self, step: Step) -> Person:
        """Tell whose step it is: as it says itself, else as any other says, else the trace counts as conversation."""
        key = (step.conversation or self._conversation, step.user or self._user)
        person = self._people.get(key)
        if person is None:
            conversation_id, user_id = key
            anonymous_id = "" if user_id else digest(["anonymous", conversation_id])
            person = self._people[key] = Person(conversation_id, user_id, anonymous_id)
        return person

    def answering_agents(self) -> list[Step]:
        """Return the agents that answered, without those that work for another that did."""
        agents = [step for step in self.of_kind(StepKind.AGENT) if step.answer]
        ids = {agent.id for agent in agents}
        return [agent for agent in agents if not any(above.id in ids for above in self._above(agent))]

    def outermost(self, steps: Sequence[Step]) -> Step | None:
        """Return the step that stands around the others, or the first."""
        if len(steps) < 2:
            return steps[0] if steps else None
        return min(steps, key=lambda step: (len(self._above(step)), step.start_ns))

    def _is_hidden(self, step: Step) -> bool:
        """Whether a step is inside a tool: a model's call is nobody's answer there, the same tool is no second use."""
        for above in self._above(step):
            if above.kind is StepKind.TOOL and (step.kind is not StepKind.TOOL or above.tool == step.tool):
                return True
        return False

    def _above(self, step: Step) -> list[Step]:
        """Return the steps around a step, the nearest first."""
        around: list[Step] = []
        known: Step | None = step
        while known and known.parent_id and len(around) < MAX_ANCESTORS:
            known = self._by_id.get(known.parent_id)
            if known is None or known is step:
                break
            around.append(known)
        return around


def _start(step: Step) -> int:
    return step.start_ns
