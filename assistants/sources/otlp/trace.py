"""A trace: the steps of one piece of work, who does what within what, and whose it is."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from assistants.sources.canonical import digest
from assistants.sources.otlp.step import Step, StepKind, put_together

MAX_ANCESTORS = 64


@dataclass(frozen=True)
class Person:
    """Whose trace it is: the conversation, and the user if there is a name for that."""

    conversation_id: str
    user_id: str = ""

    @property
    def anonymous_id(self) -> str:
        """An ID for the conversation's nameless user, which does not give the conversation's away."""
        return "" if self.user_id else digest(["anonymous", self.conversation_id])


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
        self.steps = sorted((put_together(each) for each in pieces.values()), key=lambda step: step.start_ns)
        self._by_id = {step.id: step for step in self.steps}
        everything = (*self.steps, *self.scores)
        self._conversation = next((step.conversation for step in everything if step.conversation), trace_id)
        self._user = next((step.user for step in everything if step.user), "")

    def of_kind(self, kind: StepKind) -> list[Step]:
        """Return the steps of a kind that are the assistant's own, not those of an assistant that it uses as a tool."""
        return [step for step in self.steps if step.kind is kind and not self._is_hidden(step)]

    def person(self, step: Step) -> Person:
        """Tell whose step it is: as it says itself, else as any other says, else the trace counts as conversation."""
        return Person(step.conversation or self._conversation, step.user or self._user)

    def answering_agents(self) -> list[Step]:
        """Return the agents that answered, without those that work for another that did."""
        agents = [step for step in self.of_kind(StepKind.AGENT) if step.answer]
        ids = {agent.id for agent in agents}
        return [agent for agent in agents if not any(above.id in ids for above in self._above(agent))]

    def outermost(self, steps: Sequence[Step]) -> Step | None:
        """Return the step that stands around the others, or the first."""
        return min(steps, key=lambda step: (len(list(self._above(step))), step.start_ns), default=None)

    def _is_hidden(self, step: Step) -> bool:
        """Whether a step is inside a tool: a model's call is nobody's answer there, the same tool is no second use."""
        tools = (above for above in self._above(step) if above.kind is StepKind.TOOL)
        return any(step.kind is not StepKind.TOOL or tool.tool == step.tool for tool in tools)

    def _above(self, step: Step) -> Iterable[Step]:
        known: Step | None = step
        for _ in range(MAX_ANCESTORS):
            known = self._by_id.get(known.parent_id) if known and known.parent_id else None
            if known is None or known is step:
                return
            yield known
