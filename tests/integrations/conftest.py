"""What the tests of delivery share: a fake Segment over HTTP, and the client that a worker would use."""

import warnings
from collections.abc import Iterator
from contextlib import closing

import httpx
import pytest
from hypothesis import settings

from integrations.sandbox import recorder
from integrations.segment.client import SegmentClient
from tests.fakes import FakeSegment, running_segment
from tests.integrations.wakeups import take_all

# On a busy machine an example may take long without being wrong.
settings.register_profile("sluice", deadline=None, database=None)
settings.load_profile("sluice")

# The tables of the embedded broker use what SQLAlchemy warns of. Once, and here: a warning that is raised as an error
# in the middle of it would leave them unusable.
with warnings.catch_warnings(action="ignore"):
    take_all()


@pytest.fixture
def segment() -> Iterator[FakeSegment]:
    with running_segment() as fake:
        yield fake


@pytest.fixture
def client() -> Iterator[SegmentClient]:
    transport = httpx.WSGITransport(app=recorder)
    with closing(SegmentClient(timeout_seconds=5, allow_private=True, sandbox=transport)) as opened:
        yield opened
