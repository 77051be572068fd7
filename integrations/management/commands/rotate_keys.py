"""`manage.py rotate_keys`: encrypts every stored secret under the first key of SLUICE_ENCRYPTION_KEYS."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from integrations.stored_secrets import forget_unreadable, rotate


class Command(BaseCommand):
    help = (
        "Encrypts every stored secret under the first key of SLUICE_ENCRYPTION_KEYS. May be interrupted and repeated."
    )

    # The check at the start is about what this command repairs.
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--forget-unreadable",
            action="store_true",
            help="give up what cannot be read because its key is lost; the write keys must then be entered anew",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["forget_unreadable"]:
            self.stdout.write(f"{forget_unreadable()} given up")
        rotation = rotate()
        self.stdout.write(
            f"{rotation.rotated} encrypted anew, {rotation.current} were current, "
            f"{len(rotation.unreadable)} cannot be read"
        )
        if rotation.unreadable:
            problems = "\n".join(rotation.unreadable)
            raise CommandError(f"Left as they are, so keep the older keys, or use --forget-unreadable:\n{problems}")
