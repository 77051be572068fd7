"""The ASGI callable beside Django: it answers the intake paths and hands everything else on."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import NoReturn

from django.db import Error as DatabaseError

from assistants import log
from assistants.addresses import scope_network
from assistants.faults import Refused
from assistants.intake import browser, library, segment
from assistants.intake.answers import Answer, Unreadable, failure, success
from assistants.intake.body import BODY_SECONDS, Disconnected, Receive, Scope, Send, read_body
from assistants.intake.committer import PATIENCE_SECONDS, Committer, Intent, StorageDown, StorageSilent
from assistants.intake.keyring import GuessLimit, Keyring, Opened
from assistants.intake.refusals import RefusedItem
from assistants.intake.sources import Sources

logger = logging.getLogger(__name__)

Application = Callable[[Scope, Receive, Send], Awaitable[None]]
Route = Callable[[Scope, Receive], Awaitable[Answer]]
Headers = Sequence[tuple[bytes, bytes]]
NO_CONTENT = 204
RETRY_SECONDS = 1
GUESS_SECONDS = 60
SOURCE = "segment"


class Intake:
    """Answers /v1/…, sources, and what pages load; `fallback` answers the rest.

    A body must be complete within `body_seconds`; `start` is called once the server is about to serve.
    """

    def __init__(
        self,
        *,
        fallback: Application,
        body_seconds: float = BODY_SECONDS,
        start: Callable[[], None] = lambda: None,
    ) -> None:
        self.fallback = fallback
        self.start = start
        self.body_seconds = body_seconds
        self.keyring = Keyring()
        self.guesses = GuessLimit()
        self.committer = Committer()
        self.sources = Sources(
            keyring=self.keyring, guesses=self.guesses, committer=self.committer, body_seconds=body_seconds
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send, self.start, self.close)
        elif scope["type"] == "http" and scope["path"].startswith("/v1/"):
            await self._answer(self._segment, scope, receive, send, browser.CORS)
        elif scope["type"] == "http" and self.sources.serves(scope["path"]):
            await self._answer(self.sources.answer, scope, receive, send)
        elif scope["type"] == "http" and scope["path"].startswith(library.PATHS):
            await _respond(send, library.script(scope), browser.CORS)
        else:
            await self.fallback(scope, receive, send)

    def close(self) -> None:
        """Store what is waiting and end the threads; nothing can be answered afterwards."""
        self.committer.close()
        self.keyring.close()
        self.sources.close()

    async def _answer(self, route: Route, scope: Scope, receive: Receive, send: Send, headers: Headers = ()) -> None:
        try:
            answer = await self._answer_to(route, scope, receive)
        except Disconnected:
            return
        await _respond(send, answer, headers)

    async def _answer_to(self, route: Route, scope: Scope, receive: Receive) -> Answer:
        try:
            return await route(scope, receive)
        except Unreadable as error:
            return error.answer
        except StorageDown as error:
            return failure(503, "unavailable", f"{error} Nothing was stored; send it again.", retry_after=RETRY_SECONDS)
        except StorageSilent as error:
            return failure(503, "unavailable", str(error), retry_after=RETRY_SECONDS)
        except log.EnvironmentGone:
            return failure(401, "unknown_key", "The environment of this key does not exist any more.")
        except Disconnected:
            raise
        except Exception:
            logger.exception("A request to %s failed.", scope["path"])
            return failure(500, "internal_error", "Sluice failed at this request and stored nothing of it.")

    async def _segment(self, scope: Scope, receive: Receive) -> Answer:
        path, method = scope["path"].rstrip("/"), scope["method"]
        settings_key = browser.settings_key(path)
        if path not in segment.PATHS and not settings_key:
            return failure(404, "not_found", f"There is no {scope['path']} here; batches go to /v1/batch.")
        if method == "OPTIONS":
            return browser.PREFLIGHT
        if settings_key:
            return await self._library_settings(settings_key, scope)
        if method != "POST":
            return failure(400, "invalid_request", f"Malformed JSON: send a POST with a body, not a {method}.")
        header_key = segment.basic_user(dict(scope["headers"]).get(b"authorization", b""))
        body = await read_body(
            scope, receive, limit=segment.MAX_BODY_BYTES, too_large_status=400, seconds=self.body_seconds
        )
        if path == segment.METRICS_PATH:
            return success()
        request = segment.take_apart(path, body, header_key=header_key)
        opened = await self._open(request.write_key, scope)
        if misuse := browser.find_misuse(opened, origin=browser.origin(scope)):
            await self._turn_away(opened, misuse, scope)
        return await self._store(request, opened)

    async def _library_settings(self, key: str, scope: Scope) -> Answer:
        if scope["method"] != "GET":
            return failure(400, "invalid_request", f"The settings are read with GET, not {scope['method']}.")
        opened = await self._open(key, scope)
        if misuse := browser.find_misuse(opened, origin=browser.origin(scope), is_public=True):
            await self._turn_away(opened, misuse, scope)
        return browser.library_settings(key)

    async def _turn_away(self, opened: Opened, misuse: Refused, scope: Scope) -> NoReturn:
        """Count the request for the people who gave out the key, and refuse it."""
        now = datetime.now(UTC)
        seen = RefusedItem(opened.environment_id, SOURCE, now, misuse, browser.origin(scope).encode())
        await self.committer.store(Intent(log.Append(opened.environment_id, SOURCE, now, []), refused=[seen]))
        raise Unreadable(403, misuse.code, misuse.message)

    async def _open(self, key: str, scope: Scope) -> Opened:
        try:
            opened = await asyncio.wait_for(self.keyring.open(key), PATIENCE_SECONDS)
        except TimeoutError:
            raise StorageDown("The database does not answer.") from None
        except DatabaseError as error:
            logger.warning("The database did not look up an ingest key: %s", type(error).__name__)
            raise StorageDown("The database is not available.") from None
        if opened:
            return opened
        if self.guesses.count(scope_network(scope)):
            raise Unreadable(
                429, "too_many_wrong_keys", "Too many unknown keys from this address.", retry_after=GUESS_SECONDS
            )
        raise Unreadable(401, "unknown_key", "This key is not an active ingest key of this Sluice.")

    async def _store(self, request: segment.Request, opened: Opened) -> Answer:
        now = datetime.now(UTC)
        read = segment.read_items(request, received_at=now)
        append = log.Append(opened.environment_id, SOURCE, now, read.messages, is_faultless=read.is_faultless)
        await self.committer.store(
            Intent(
                append=append.prepare(),
                refused=[
                    RefusedItem(opened.environment_id, SOURCE, now, reason, raw) for _, reason, raw in read.refused
                ],
                key_id=opened.key_id,
                size_bytes=read.size_bytes,
            )
        )
        if request.fixed_type and read.refused:
            reason = read.refused[0][1]
            return failure(400, reason.code, reason.message)
        return success([(index, reason) for index, reason, _ in read.refused])


async def _respond(send: Send, answer: Answer, headers: Headers = ()) -> None:
    # An answer without content says nothing about it either.
    about_body = [(b"content-type", answer.content_type), (b"content-length", str(len(answer.body)).encode())]
    about_body = about_body if answer.status != NO_CONTENT else []
    all_headers = [*about_body, *answer.headers, *headers]
    await send({"type": "http.response.start", "status": answer.status, "headers": all_headers})
    await send({"type": "http.response.body", "body": answer.body})


async def _lifespan(receive: Receive, send: Send, start: Callable[[], None], close: Callable[[], None]) -> None:
    while True:
        event = await receive()
        if event["type"] == "lifespan.startup":
            start()
        if event["type"] == "lifespan.shutdown":
            await asyncio.to_thread(close)
        await send({"type": f"{event['type']}.complete"})
        if event["type"] == "lifespan.shutdown":
            return
