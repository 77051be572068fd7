"""The rules of a source while somebody edits them: read from a configuration or a form, and written back as one.

A draft may be wrong in every way that a person can type; what is wrong is noted at the place where it stands.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from assistants.sources.generic.config import MAX_FIELDS, MAX_RULES, Problem
from dashboard.rule_forms import EnvelopeForm

_RULE_PLACE = re.compile(r"rule (?P<number>\d+)(?:, (?P<part>.*))?")


@dataclass
class FieldDraft:
    """One field of a rule: its name, the expression that finds its value, how the value is read."""

    name: str = ""
    expression: str = ""
    type: str = ""
    problems: list[str] = field(default_factory=list)

    @property
    def is_blank(self) -> bool:
        return not (self.name or self.expression)


@dataclass
class RuleDraft:
    """One rule; problems are those of the rule as a whole, of its condition, and of its event."""

    when: str = ""
    event: str = ""
    fields: list[FieldDraft] = field(default_factory=lambda: [FieldDraft()])
    problems: list[str] = field(default_factory=list)
    when_problems: list[str] = field(default_factory=list)
    event_problems: list[str] = field(default_factory=list)

    @property
    def is_blank(self) -> bool:
        return not (self.when or self.event) and all(each.is_blank for each in self.fields)

    def config(self) -> dict[str, Any]:
        """Write the rule as the configuration has it; rows without a name and an expression are no fields."""
        rows = [row for row in self.fields if not row.is_blank]
        written: dict[str, Any] = {"when": self.when} if self.when else {}
        written |= {"event": self.event, "fields": {row.name: row.expression for row in rows}}
        types = {row.name: row.type for row in rows if row.type}
        return written | ({"types": types} if types else {})


@dataclass
class Draft:
    """A configuration on its way: the form of how requests are verified and unwrapped, and the rules."""

    envelope: EnvelopeForm
    rules: list[RuleDraft]

    @classmethod
    def of_config(cls, config: Mapping[str, Any]) -> "Draft":
        """Read a configuration that `check` finds nothing wrong with."""
        return cls(EnvelopeForm.of_config(config), [_rule_of(rule) for rule in config.get("rules", [])])

    @classmethod
    def of_form(cls, sent: Mapping[str, Any]) -> "Draft":
        """Read what the page sent, whatever it is."""
        rules: list[RuleDraft] = []
        while len(rules) < MAX_RULES and f"rule-{len(rules)}-event" in sent:
            rules.append(_rule_sent(sent, f"rule-{len(rules)}"))
        return cls(EnvelopeForm(sent), rules)

    def config(self) -> dict[str, Any]:
        """Write the configuration, and forget rules that are all blank: rules are counted as the page shows them."""
        self.rules = [rule for rule in self.rules if not rule.is_blank]
        return {**self.envelope.config(), "rules": [rule.config() for rule in self.rules]}

    def change(self, action: str) -> None:
        """Add or remove a rule or a field, as the button that was pressed says: such as “remove_field:2:0”."""
        verb, *numbers = action.split(":")
        places = [int(number) for number in numbers if number.isdecimal()]
        if verb == "add_rule" and len(self.rules) < MAX_RULES:
            self.rules.append(RuleDraft())
        elif verb == "remove_rule" and len(places) == 1:
            del self.rules[places[0] : places[0] + 1]
        elif places and places[0] < len(self.rules):
            fields = self.rules[places[0]].fields
            if verb == "add_field" and len(fields) < MAX_FIELDS:
                fields.append(FieldDraft())
            elif verb == "remove_field" and len(places) == 2:
                del fields[places[1] : places[1] + 1]

    def note(self, problems: Sequence[Problem]) -> list[tuple[str, str]]:
        """Keep what is wrong, each at its place; return all of it in words, with the ID of the element there."""
        entered = [(f"{label}: {error}", id_) for label, error, id_ in self.envelope.entered_wrongly()]
        return entered + [(in_words(problem), self._place(problem)) for problem in (*problems, *self._twice())]

    def _twice(self) -> list[Problem]:
        """Find names that stand twice in one rule: a configuration could hold only one of them."""
        return [
            Problem(f"rule {number}, field {row.name}", "is there twice.")
            for number, rule in enumerate(self.rules, 1)
            for index, row in enumerate(rule.fields)
            if row.name and row.name in {other.name for other in rule.fields[:index]}
        ]

    def _place(self, problem: Problem) -> str:
        match = _RULE_PLACE.fullmatch(problem.place)
        if not match or int(match["number"]) > len(self.rules):
            return self.envelope.note(problem)
        index, part = int(match["number"]) - 1, match["part"] or ""
        rule, id_ = self.rules[index], f"rule-{index}"
        for number, row in reversed(list(enumerate(rule.fields))):
            if part == f"field {row.name}":
                row.problems.append(problem.message)
                return f"{id_}-field-{number}-expression"
        if part in ("when", "event"):
            (rule.when_problems if part == "when" else rule.event_problems).append(problem.message)
            return f"{id_}-{part}"
        rule.problems.append(f"{part}: {problem.message}" if part else problem.message)
        return id_


def in_words(problem: Problem) -> str:
    """Write a problem with its place as a sentence."""
    return f"{problem.place[:1].upper()}{problem.place[1:]}: {problem.message}"


def _rule_of(rule: Mapping[str, Any]) -> RuleDraft:
    types = rule.get("types", {})
    rows = [FieldDraft(name, expression, types.get(name, "")) for name, expression in rule.get("fields", {}).items()]
    return RuleDraft(rule.get("when", ""), rule.get("event", ""), rows)


def _rule_sent(sent: Mapping[str, Any], prefix: str) -> RuleDraft:
    rows: list[FieldDraft] = []
    while len(rows) < MAX_FIELDS and f"{prefix}-field-{len(rows)}-name" in sent:
        row = f"{prefix}-field-{len(rows)}"
        rows.append(FieldDraft(*(sent.get(f"{row}-{part}", "").strip() for part in ("name", "expression", "type"))))
    return RuleDraft(sent.get(f"{prefix}-when", "").strip(), sent[f"{prefix}-event"].strip(), rows)
