"""`manage.py rotate_keys`: encrypts every stored secret under the first key of SLUICE_ENCRYPTION_KEYS."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from integrations.stored_secrets import rotate


class Command(BaseCommand):
    help = (
        "Encrypts every stored secret under the first key of SLUICE_ENCRYPTION_KEYS. May be interrupted and repeated."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        rotation = rotate()
        self.stdout.write(
            f"{rotation.rotated} encrypted anew, {rotation.current} were current, "
            f"{len(rotation.unreadable)} cannot be read"
        )
        if rotation.unreadable:
            problems = "\n".join(rotation.unreadable)
            raise CommandError(f"Left as they are, so keep the older keys:\n{problems}")
