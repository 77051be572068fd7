"""The ASGI callable beside Django: it answers the intake paths and hands everything else on."""

import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from assistants import log
from assistants.addresses import scope_address
from assistants.intake import segment
from assistants.intake.answers import Answer, Unreadable, failure, success
from assistants.intake.body import Disconnected, Receive, Scope, Send, read_body
from assistants.intake.committer import Committer, Intent, StorageDown
from assistants.intake.keyring import GuessLimit, Keyring, Opened
from assistants.intake.refusals import RefusedItem

logger = logging.getLogger(__name__)

Application = Callable[[Scope, Receive, Send], Awaitable[None]]
RETRY_SECONDS = 1
GUESS_SECONDS = 60
SOURCE = "segment"


class Intake:
    """Answers /v1/…; `fallback` answers the rest."""

    def __init__(self, *, fallback: Application) -> None:
        self.fallback = fallback
        self.keyring = Keyring()
        self.guesses = GuessLimit()
        self.committer = Committer()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http" and scope["path"].startswith("/v1/"):
            await self._answer(scope, receive, send)
        else:
            await self.fallback(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            answer = await self._segment(scope, receive)
        except Unreadable as error:
            answer = error.answer
        except StorageDown as error:
            answer = failure(503, "unavailable", f"{error} Nothing was stored; send it again.", retry_after=RETRY_SECONDS)
        except log.EnvironmentGone:
            answer = failure(401, "unknown_key", "The environment of this key does not exist any more.")
        except Disconnected:
            return
        await _respond(send, answer)

    async def _segment(self, scope: Scope, receive: Receive) -> Answer:
        path = scope["path"]
        if path.rstrip("/") not in segment.PATHS:
            return failure(404, "not_found", f"There is no {path} here; batches go to /v1/batch.")
        if scope["method"] != "POST":
            return failure(400, "invalid_request", f"Malformed JSON: send a POST with a body, not a {scope['method']}.")
        header_key = segment.basic_user(dict(scope["headers"]).get(b"authorization", b""))
        body = await read_body(scope, receive, limit=segment.MAX_BODY_BYTES, too_large_status=400)
        request = segment.take_apart(path, body, header_key=header_key)
        opened = await self._open(request.write_key, scope)
        return await self._store(request, opened)

    async def _open(self, key: str, scope: Scope) -> Opened:
        opened = await self.keyring.open(key)
        if opened:
            return opened
        if self.guesses.count(scope_address(scope)):
            raise Unreadable(
                429, "too_many_wrong_keys", "Too many unknown keys from this address.", retry_after=GUESS_SECONDS
            )
        raise Unreadable(401, "unknown_key", "This key is not an active ingest key of this Sluice.")

    async def _store(self, request: segment.Request, opened: Opened) -> Answer:
        now = datetime.now(UTC)
        read = segment.read_items(request, received_at=now)
        await self.committer.store(
            Intent(
                append=log.Append(opened.environment_id, SOURCE, now, read.messages),
                refused=[
                    RefusedItem(opened.environment_id, SOURCE, now, reason, raw) for _, reason, raw in read.refused
                ],
                key_id=opened.key_id,
            )
        )
        if request.fixed_type and read.refused:
            reason = read.refused[0][1]
            return failure(400, reason.code, reason.message)
        return success([(index, reason) for index, reason, _ in read.refused])


async def _respond(send: Send, answer: Answer) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(answer.body)).encode())]
    await send({"type": "http.response.start", "status": answer.status, "headers": [*headers, *answer.headers]})
    await send({"type": "http.response.body", "body": answer.body})


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        event = await receive()
        await send({"type": f"{event['type']}.complete"})
        if event["type"] == "lifespan.shutdown":
            return
