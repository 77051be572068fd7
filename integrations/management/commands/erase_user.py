"""`manage.py erase_user`: take a person out of what an environment keeps."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from assistants import erasure
from assistants.management.named import find_environment
from integrations import erase


class Command(BaseCommand):
    help = "Erases a user from an environment, at once and for good. Where it is interrupted, give it again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("assistant", help="name of the assistant, upper and lower case alike")
        parser.add_argument("environment", help="name of the environment: draft, live or a further one")
        parser.add_argument("user_id", help="as events carry it: userId, anonymousId or previousId")
        parser.add_argument("--reason", default="", help="kept in the audit trail")

    def handle(self, *args: Any, **options: Any) -> None:
        environment = find_environment(options["assistant"], options["environment"])
        asked_for = erasure.request(environment, options["user_id"], by=None, reason=options["reason"])
        done = erase.run(asked_for, timezone.now())
        events = "1 event" if done.events == 1 else f"{done.events:,} events"
        self.stdout.write(f"Erased {events} of the user {done.fingerprint} from {environment}.")
