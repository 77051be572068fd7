"""The editor of rules: the same configuration as a form or as JSON, with what is wrong at its place."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from assistants.sources.generic.config import check
from dashboard.rule_drafts import Draft, in_words

# The name of the field that holds the configuration as JSON.
JSON = "json"


@dataclass
class Editor:
    """What is edited: a draft, shown as a form, or without one the text of a configuration.

    `problems` are sentences for people, each with the ID of the element that it is about.
    """

    draft: Draft | None = None
    text: str = ""
    problems: list[tuple[str, str]] = field(default_factory=list)

    @classmethod
    def of_config(cls, config: Mapping[str, Any]) -> "Editor":
        """Begin with a configuration: in the form, or as text with its problems where the form cannot show it."""
        problems = [(in_words(problem), JSON) for problem in check(config)]
        return cls(text=_pretty(config), problems=problems) if problems else cls(Draft.of_config(config))

    @classmethod
    def of_form(cls, sent: Mapping[str, Any]) -> "Editor":
        """Go on with what the page sent."""
        return cls(text=sent[JSON]) if JSON in sent else cls(Draft.of_form(sent))

    def config(self) -> Any:
        """Return the configuration, or None where something is wrong with it, which is then among the problems."""
        if self.draft is not None:
            config: Any = self.draft.config()
            self.problems = self.draft.note(check(config))
        else:
            config = self._written()
        return None if self.problems else config

    def edited(self, action: str) -> "Editor":
        """Return the editor as it is after a button was pressed that changes the page and nothing else."""
        if action == "as_json" and self.draft is not None:
            return Editor(text=_pretty(self.draft.config()))
        if action == "as_form" and self.draft is None:
            config = self.config()
            return self if config is None else Editor.of_config(config)
        if self.draft is not None:
            self.draft.change(action)
        return self

    def _written(self) -> Any:
        """Read the text, and say what is wrong with it and where."""
        try:
            config = json.loads(self.text)
        except json.JSONDecodeError as error:
            self.problems = [(f"Line {error.lineno}, character {error.colno}: this is not JSON. {error.msg}.", JSON)]
            return None
        except RecursionError:
            self.problems = [("This is nested too deeply.", JSON)]
            return None
        self.problems = [(in_words(problem), JSON) for problem in check(config)]
        return config


def _pretty(config: Any) -> str:
    return json.dumps(config, indent=2, ensure_ascii=False)
