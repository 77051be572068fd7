"""A source for tests that has an option of every kind, and says what its `check` is to say."""

from collections.abc import Mapping
from typing import Any

from assistants.sources.adapter import Option, OptionKind, Reading, Request, Setup, Source

TOO_LOUD = "A parrot in capitals cannot whisper."


class Parrot(Source):
    """Repeats nothing: it is there to be set up."""

    kind = "parrot"
    title = "Parrot"
    description = "Says what it hears."
    proof = "Tested by tests."
    secret_label = "Call"
    secret_help = "What the parrot is called."
    options = (
        Option("shouts", "In capitals", "Whether it shouts.", default=True),
        Option("voice", "Voice", "How it sounds.", OptionKind.CHOICE, "loud", (("loud", "Loud"), ("soft", "Softly"))),
        Option("words", "Words", "What it knows.", OptionKind.LINES, []),
        Option("cage", "Cage", "Where it lives.", OptionKind.TEXT, ""),
    )

    def read(self, request: Request, setup: Setup) -> Reading:
        return Reading()

    def check(self, options: Mapping[str, Any]) -> list[str]:
        return [TOO_LOUD] if options["shouts"] and options["voice"] == "soft" else []
