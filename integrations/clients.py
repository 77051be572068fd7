"""The HTTP client of this process: made at its first use, never shared with a fork."""

import os

import httpx
from django.conf import settings

from integrations.sandbox import recorder
from integrations.segment.client import SegmentClient

_clients: dict[int, SegmentClient] = {}


def segment_client() -> SegmentClient:
    """Return this process's client of Segment; a forked child gets one of its own."""
    pid = os.getpid()
    if pid not in _clients:
        _clients.clear()
        _clients[pid] = SegmentClient(
            timeout_seconds=settings.SLUICE_REQUEST_SECONDS,
            allow_private=settings.SLUICE_ALLOW_PRIVATE_ENDPOINTS,
            sandbox=httpx.WSGITransport(app=recorder),
        )
    return _clients[pid]
