"""`manage.py sweep`: wake what was missed, deliver while the broker is away, prune; runs until it is stopped."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from integrations.sweep import Sweep


class Command(BaseCommand):
    help = "Find work that nobody was woken for, deliver while the broker is away, prune. Runs until it is stopped."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="Make one pass and end.")

    def handle(self, *args: Any, once: bool, **options: Any) -> None:
        sweep = Sweep()
        if once:
            sweep.run_once(timezone.now())
        else:
            sweep.run_for_ever()
