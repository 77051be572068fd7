"""`manage.py apply FILE.yaml`: make what the file says stand; prints what stands afterwards as JSON."""

import json
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from integrations import declarative
from integrations.declarative_file import FileError, read_file


class Command(BaseCommand):
    help = "Create or change what a YAML file names; what it does not name is left alone."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="Path of the file; - for standard input.")

    def handle(self, *args: Any, file: str, **options: Any) -> None:
        try:
            text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{file} cannot be read: {error}") from None
        try:
            standing = declarative.apply(read_file(text))
        except FileError as error:
            raise CommandError(f"{file}, {error}. Nothing was changed.") from None
        self.stdout.write(json.dumps(standing, indent=2, ensure_ascii=False))
