"""HTTP to Segment and nothing else: one POST, an overall deadline, a bounded answer."""

import base64
import json
import logging
import re
import time
import zlib
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime

import httpx
from isal import isal_zlib

from integrations.egress import guarded_transport
from integrations.segment.regions import SANDBOX_URL
from integrations.segment.verdicts import Answer
from integrations.transport import deadline
from integrations.version import VERSION

BATCH_PATH = "/v1/batch"
USER_AGENT = f"sluice/{VERSION}"
# More of an answer is never read; Segment's own has 20 bytes.
MAX_ANSWER_BYTES = 65_536
SHORTEST_SECRET = 8
COMPRESSION_LEVEL = 1
GZIP = 16 + zlib.MAX_WBITS
# What a host that does not know gzip answers to it: malformed, or an unsupported encoding.
PERHAPS_FOR_GZIP = frozenset({400, 415, 422})

logger = logging.getLogger(__name__)
# Errors after which no byte of a request can have arrived.
_UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


class SegmentClient:
    """Sends batches; keeps connections open between them. One per process: sockets must not be shared by a fork."""

    def __init__(self, *, timeout_seconds: float, allow_private: bool, sandbox: httpx.BaseTransport) -> None:
        self.timeout_seconds = timeout_seconds
        # Transports without a client around them: what a client adds (redirects, cookies, proxies) must not be.
        self._remote = guarded_transport(allow_private=allow_private)
        # The sandbox answers within this process; its messages take the same way as all others up to here.
        self._sandbox = sandbox
        self._without_gzip: set[str] = set()
        self._extensions = {"timeout": httpx.Timeout(timeout_seconds).as_dict()}

    def post_batch(
        self, base_url: str, write_key: str, body: bytes, *, retries: int = 0, compress: bool = False
    ) -> Answer:
        """POST a body to /v1/batch below `base_url` and return how it ended; never raises for what the network does.

        `retries` counts earlier attempts at the same batch, as the header X-Retry-Count says. With `compress` the body
        goes gzipped; a host that refuses that gets it once more as it is, and from then on as it is only.
        """
        headers = {
            "authorization": "Basic " + base64.b64encode(f"{write_key}:".encode()).decode(),
            "content-type": "application/json",
            # The beginning of an answer is read as it comes over the wire, so it must come as it is.
            "accept-encoding": "identity",
            "user-agent": USER_AGENT,
        }
        if retries:
            headers["x-retry-count"] = str(retries)
        started = time.monotonic()
        if compress and base_url not in self._without_gzip and base_url != SANDBOX_URL:
            answer = self._post_compressed(base_url, body, headers)
        else:
            answer = self._post(base_url, body, headers)
        duration_ms = round((time.monotonic() - started) * 1000)
        return replace(answer, body=_without_key(answer.body, write_key), duration_ms=duration_ms)

    def close(self) -> None:
        """Hang up."""
        self._remote.close()
        self._sandbox.close()

    def _post_compressed(self, base_url: str, body: bytes, headers: dict[str, str]) -> Answer:
        packed = isal_zlib.compress(body, COMPRESSION_LEVEL, wbits=GZIP)
        answer = self._post(base_url, packed, {**headers, "content-encoding": "gzip"})
        if answer.status not in PERHAPS_FOR_GZIP:
            return answer
        # The same answers speak of the content; which of the two it is shows when the body goes as it is.
        plain = self._post(base_url, body, headers)
        if plain.status is not None and plain.status not in PERHAPS_FOR_GZIP:
            logger.warning("%s does not take gzip; it gets bodies as they are from now on.", base_url)
            self._without_gzip.add(base_url)
        return plain

    def _post(self, base_url: str, body: bytes, headers: dict[str, str]) -> Answer:
        transport = self._sandbox if base_url == SANDBOX_URL else self._remote
        try:
            request = httpx.Request(
                "POST", base_url + BATCH_PATH, content=body, headers=headers, extensions=self._extensions
            )
            with deadline(self.timeout_seconds), closing(transport.handle_request(request)) as response:
                return Answer(
                    response.status_code, _read_bounded(response), retry_after=response.headers.get("retry-after", "")
                )
        except httpx.TimeoutException as error:
            words = f"No complete answer within {self.timeout_seconds:g} s ({type(error).__name__})."
            return Answer(None, error=words, is_unsent=isinstance(error, _UNSENT))
        except httpx.HTTPError as error:
            return Answer(None, error=_in_words(error), is_unsent=isinstance(error, _UNSENT))
        except httpx.InvalidURL:
            return Answer(None, error="The endpoint's URL cannot be used.", is_unsent=True)


def batch_body(messages: list[bytes], sent_at: datetime) -> bytes:
    """Join messages to the body of one request; `sent_at` is the clock at this attempt, never kept."""
    stamp = sent_at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    # Half a megabyte is copied twice, and not once for each piece.
    return b"".join((b'{"batch":[', b",".join(messages), b'],"sentAt":"', stamp.encode(), b'"}'))


def test_message(nonce: str, *, message_id: str, at: datetime) -> bytes:
    """Build the message that tries a connection: a track call that says what it is."""
    return json.dumps(
        {
            "type": "track",
            "event": "Sluice Connection Tested",
            "anonymousId": f"sluice-test-{nonce}",
            "messageId": message_id,
            "timestamp": at.isoformat(timespec="milliseconds"),
            "properties": {"nonce": nonce, "test": True},
            "context": {"test": True, "integration": {"name": "sluice", "version": VERSION}},
        }
    ).encode()


def _without_key(body: bytes, write_key: str) -> bytes:
    """Blot the key out of an answer that repeats it: answers are kept and shown. What is shorter is no secret."""
    return body.replace(write_key.encode(), b"***") if len(write_key) >= SHORTEST_SECRET else body


def _read_bounded(response: httpx.Response) -> bytes:
    """Read the beginning of an answer as it came over the wire: inflating could make gigabytes of it."""
    parts: list[bytes] = []
    size = 0
    for part in response.iter_raw():
        parts.append(part)
        size += len(part)
        if size >= MAX_ANSWER_BYTES:
            break
    return b"".join(parts)[:MAX_ANSWER_BYTES]


def _in_words(error: httpx.HTTPError) -> str:
    """Say what the network did; the detail comes from the system and names hosts at most."""
    words = "The host could not be reached" if isinstance(error, httpx.ConnectError) else "The connection broke off"
    detail = re.sub(r"^\[Errno -?\d+\] ", "", str(error)) or type(error).__name__
    return f"{words}: {detail}"[:300]
