"""Find what a person names on the command line, or say what there is to name."""

from typing import Any

from django.core.management.base import CommandError

from assistants.models import Assistant, Environment


def find_environment(assistant_name: str, name: str) -> Environment:
    """Return an environment of an assistant, upper and lower case alike. Raises CommandError."""
    assistant = _find_assistant(assistant_name)
    environments = Environment.objects.present().filter(assistant=assistant).select_related("assistant")
    environment = environments.filter(name__iexact=name).first()
    if environment is None:
        raise CommandError(f"{assistant.name} has no environment {name!r}. {_there_are(environments)}")
    return environment


def _find_assistant(name: str) -> Assistant:
    assistant = Assistant.objects.present().filter(name__iexact=name).first()
    if assistant is None:
        raise CommandError(f"No assistant is named {name!r}. {_there_are(Assistant.objects.present())}")
    return assistant


def _there_are(rows: Any) -> str:
    names = ", ".join(rows.values_list("name", flat=True))
    return f"There are: {names}." if names else "There are none yet."
