"""`manage.py import_rasa`: stores the events that Rasa wrote into a file."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from assistants.intake.imports import Imported, import_lines
from assistants.intake.patience import StillAway
from assistants.intake.setups import look_up
from assistants.management.named import find_environment
from assistants.sources.rasa import Rasa

LINES_BETWEEN_REPORTS = 10_000


class Command(BaseCommand):
    help = (
        "Stores the events of a Rasa assistant out of a file with one event per line, as Rasa's file broker writes it, "
        "as if they were posted now. What is stored already is not stored again: it can be started as often as needed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("assistant", help="name of the assistant, upper and lower case alike")
        parser.add_argument("environment", help="name of the environment: draft, live or a further one")
        parser.add_argument("file", type=Path, help="the file, one event in JSON on each line")

    def handle(self, *args: Any, **options: Any) -> None:
        environment = find_environment(options["assistant"], options["environment"])
        adapter = Rasa()
        setup = look_up(adapter, environment.pk, with_secret=False)
        if setup is None:
            raise CommandError(f"{environment} is gone.")
        total = Imported()
        try:
            with options["file"].open("rb") as lines:
                for imported in import_lines(lines, adapter, setup):
                    total += imported
                    if total.lines % LINES_BETWEEN_REPORTS == 0:
                        self.stdout.write(f"So far: {_said(total)}")
        except OSError as error:
            raise CommandError(f"{options['file']} cannot be read: {error.strerror}.") from None
        except StillAway as error:
            raise CommandError(f"{error} So far: {_said(total)}") from None
        self.stdout.write(f"Done: {_said(total)}")


def _said(total: Imported) -> str:
    said = f"{total.lines:,} lines, {total.stored:,} new events."
    return f"{said} {total.refused:,} cannot be read, such as: {total.problem}" if total.refused else said
