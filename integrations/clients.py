"""The HTTP client of this process: made at its first use, never shared with a fork."""

import os

import httpx
from django.conf import settings

from integrations.sandbox import recorder
from integrations.segment.client import SegmentClient

_clients: dict[int, SegmentClient] = {}


def segment_client() -> SegmentClient:
    """Return this process's client of Segment; a forked child gets one of its own."""
    client = _clients.get(os.getpid())
    # Two threads may each make one; the second is dropped before it has opened a socket.
    return client or _clients.setdefault(os.getpid(), _new_client())


def _new_client() -> SegmentClient:
    return SegmentClient(
        timeout_seconds=settings.SLUICE_REQUEST_SECONDS,
        allow_private=settings.SLUICE_ALLOW_PRIVATE_ENDPOINTS,
        sandbox=httpx.WSGITransport(app=recorder),
    )
