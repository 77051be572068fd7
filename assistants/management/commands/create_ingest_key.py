"""`manage.py create_ingest_key`: makes an ingest key and prints it once."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from assistants.keys import create_browser_key, create_ingest_key
from assistants.management.named import find_environment
from assistants.origins import NotAnOrigin, read_origins


class Command(BaseCommand):
    help = (
        "Makes an ingest key for an environment and prints it, alone on the last line. "
        "A server key cannot be shown again; a browser key stands on the environment's page."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("assistant", help="name of the assistant, upper and lower case alike")
        parser.add_argument("environment", help="name of the environment: draft, live or a further one")
        parser.add_argument("--label", default="command line", help="what the key is for; default: %(default)s")
        parser.add_argument("--browser", action="store_true", help="make a public key for web pages and apps")
        parser.add_argument(
            "--origin",
            action="append",
            default=[],
            help="web origin from which a browser key may be used, such as https://www.example.com; "
            "may be given several times; default: everywhere",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        environment = find_environment(options["assistant"], options["environment"])
        origins = _origins(options["origin"])
        if origins and not options["browser"]:
            raise CommandError("Only a browser key has origins: give --browser with --origin.")
        if options["browser"]:
            key = create_browser_key(environment, label=options["label"], origins=origins, by=None)
            places = ", ".join(origins) or "everywhere"
            self.stdout.write(f"Browser key of {environment}, public, to be used from {places}:")
            self.stdout.write(key.browser_text)
            return
        text = create_ingest_key(environment, label=options["label"], by=None)
        self.stdout.write(f"Ingest key of {environment}, shown only this once:")
        self.stdout.write(text)


def _origins(texts: list[str]) -> list[str]:
    try:
        return read_origins(texts)
    except NotAnOrigin as error:
        raise CommandError(str(error)) from None
