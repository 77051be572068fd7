"""`manage.py backfill_watson`: stores what IBM watsonx Assistant has in its log and Sluice has not."""

import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from assistants.intake.backfill import PAGE_SECONDS, BackfillError, Count, Page, Query, items_of_file, pages, store
from assistants.intake.setups import look_up
from assistants.management.named import find_environment
from assistants.sources.watson import Watson

# The date of the API's version whose answers are read.
VERSION = "2024-08-25"


class Command(BaseCommand):
    help = (
        "Stores messages from the log of IBM watsonx Assistant, out of a file or from IBM's logs API, as if they had "
        "come by the log webhook. What is stored already is not stored again, so it can be started as often as needed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("assistant", help="name of the assistant, upper and lower case alike")
        parser.add_argument("environment", help="name of the environment: draft, live or a further one")
        origin = parser.add_mutually_exclusive_group(required=True)
        origin.add_argument("--file", type=Path, help="an answer of the logs API, a list of logs, or one per line")
        origin.add_argument("--url", help="URL of the service instance, or the whole URL of an environment's logs")
        parser.add_argument("--environment-id", default="", help="the environment's ID at IBM, with an instance's URL")
        parser.add_argument("--apikey-env", default="", metavar="NAME", help="variable that holds the API key")
        parser.add_argument("--token-env", default="", metavar="NAME", help="variable that holds an IAM token instead")
        parser.add_argument(
            "--filter", default="", help="filter of the logs API, such as request_timestamp>=2026-11-01"
        )
        parser.add_argument("--api-version", default=VERSION, help="version date of the API; default: %(default)s")
        parser.add_argument("--page-limit", type=int, default=500, help="logs per page; default: %(default)s")
        parser.add_argument("--pause", type=float, default=3.0, help="seconds between pages; default: %(default)s")

    def handle(self, *args: Any, **options: Any) -> None:
        environment = find_environment(options["assistant"], options["environment"])
        adapter = Watson()
        setup = look_up(adapter, environment.pk, with_secret=False)
        if setup is None:
            raise CommandError(f"{environment} is gone.")
        total = Count()
        try:
            for number, page in enumerate(_pages(options), 1):
                count = store(page.items, adapter, setup, at=datetime.now(UTC))
                total += count
                self.stdout.write(f"Page {number}: {_said(count)}{_remark(page)}")
                self.stdout.flush()
        except BackfillError as error:
            raise CommandError(f"{error} So far: {_said(total)}") from None
        self.stdout.write(f"Done: {_said(total)}")


def _pages(options: Mapping[str, Any]) -> Iterator[Page]:
    if options["file"]:
        yield Page(items_of_file(_content(options["file"])), None)
        return
    query = Query(
        url=_logs_url(options["url"], options["environment_id"]),
        version=options["api_version"],
        filter=options["filter"],
        page_limit=options["page_limit"],
        pause_seconds=options["pause"],
    )
    headers, auth = _proof(options)
    with httpx.Client(timeout=PAGE_SECONDS, headers=headers, auth=auth, follow_redirects=False) as client:
        yield from pages(query, client)


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}.") from None


def _logs_url(given: str, environment_id: str) -> str:
    """Return the URL of an environment's logs; the key goes there, so it must be a safe one."""
    try:
        url = httpx.URL(given.rstrip("/"))
    except httpx.InvalidURL:
        url = httpx.URL("")
    if not url.host or url.scheme not in ("https", "http"):
        raise CommandError("--url must be the URL of a service instance, such as https://api.us-south.…/instances/….")
    if url.scheme != "https" and not settings.SLUICE_ALLOW_PRIVATE_ENDPOINTS:
        raise CommandError("--url must begin with https: the API key is sent there.")
    if url.path.endswith("/logs"):
        return str(url)
    if not environment_id:
        raise CommandError("--environment-id is needed with the URL of a service instance.")
    return f"{url}/v2/assistants/{quote(environment_id, safe='')}/logs"


def _proof(options: Mapping[str, Any]) -> tuple[dict[str, str], tuple[str, str] | None]:
    """Return headers and user of the requests. What stands on a command line can be seen by others, so no key does."""
    if bool(options["apikey_env"]) == bool(options["token_env"]):
        raise CommandError("Name the variable that holds the API key by --apikey-env, or a token by --token-env.")
    name = options["apikey_env"] or options["token_env"]
    value = os.environ.get(name, "").strip()
    if not value:
        raise CommandError(f"The variable {name} is not set.")
    if options["token_env"]:
        return {"Authorization": f"Bearer {value}"}, None
    return {}, ("apikey", value)


def _said(count: Count) -> str:
    said = f"{count.new:,} new, {count.known:,} known, {count.events:,} events."
    return f"{said} {count.left_out:,} left out: no session, or no log." if count.left_out else said


def _remark(page: Page) -> str:
    if page.items or not page.matched:
        return ""
    return f" IBM has {page.matched:,} and sent none: try a smaller --page-limit."
