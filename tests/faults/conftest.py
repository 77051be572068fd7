"""A Sluice with everything that can fail, for all tests of faults, and an environment of its own for each of them."""

from collections.abc import Iterator

import pytest

from tests.faults.invariants import watched
from tests.faults.senders import PatientSender
from tests.faults.servers import ROLE
from tests.faults.site import Site, running_site
from tests.system.recorder import Recorder, running_recorder
from tests.system.stack import Connected


@pytest.fixture(scope="package")
def whole_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running_site(tmp_path_factory.mktemp("site")) as site:
        yield site


@pytest.fixture
def site(whole_site: Site) -> Iterator[Site]:
    """Hand out the site whole; a test may leave it as it likes. Its lanes and logs are watched meanwhile."""
    whole_site.mend()
    with watched(f"{whole_site.postgresql.admin_url}/{ROLE}") as watch:
        yield whole_site
        whole_site.mend()
    assert watch.seen


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    with running_recorder() as recorder:
        yield recorder


@pytest.fixture
def connected(site: Site, recorder: Recorder) -> Connected:
    return site.stack.connect(recorder.url)


@pytest.fixture
def sender(site: Site, connected: Connected) -> Iterator[PatientSender]:
    with site.sender(connected) as sender:
        yield sender
