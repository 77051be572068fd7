"""`manage.py export`: print what stands as a file for `apply`, without its secrets."""

from typing import Any

import yaml
from django.core.management.base import BaseCommand

from integrations import declarative


class Command(BaseCommand):
    help = "Print all assistants and connections as YAML for `apply`; write keys are named as variables."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(yaml.safe_dump(declarative.export(), sort_keys=False, allow_unicode=True), ending="")
