"""`manage.py create_ingest_key`: makes an ingest key and prints it once."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from assistants.keys import create_ingest_key
from assistants.models import Assistant, Environment


class Command(BaseCommand):
    help = "Makes an ingest key for an environment and prints it, alone on the last line. It cannot be shown again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("assistant", help="name of the assistant, upper and lower case alike")
        parser.add_argument("environment", help="name of the environment: draft, live or a further one")
        parser.add_argument("--label", default="command line", help="what the key is for; default: %(default)s")

    def handle(self, *args: Any, **options: Any) -> None:
        environment = _environment(_assistant(options["assistant"]), options["environment"])
        key = create_ingest_key(environment, label=options["label"], by=None)
        self.stdout.write(f"Ingest key of {environment}, shown only this once:")
        self.stdout.write(key)


def _assistant(name: str) -> Assistant:
    assistant = Assistant.objects.present().filter(name__iexact=name).first()
    if assistant is None:
        raise CommandError(f"No assistant is named {name!r}. {_there_are(Assistant.objects.present())}")
    return assistant


def _environment(assistant: Assistant, name: str) -> Environment:
    environments = Environment.objects.present().filter(assistant=assistant).select_related("assistant")
    environment = environments.filter(name__iexact=name).first()
    if environment is None:
        raise CommandError(f"{assistant.name} has no environment {name!r}. {_there_are(environments)}")
    return environment


def _there_are(rows: Any) -> str:
    names = ", ".join(rows.values_list("name", flat=True))
    return f"There are: {names}." if names else "There are none yet."
