"""Settings that do not fit together are found at the start."""

import pytest
from django.core import checks
from pytest_django import Settings
from redis import Redis

from integrations.checks import check_broker, check_lease
from tests.services import running_redis


@pytest.mark.parametrize("lease_seconds", [1, 14.9, 15])
def test_a_lease_that_is_no_longer_than_a_request_may_be_is_an_error(settings: Settings, lease_seconds: float) -> None:
    settings.SLUICE_REQUEST_SECONDS, settings.SLUICE_LEASE_SECONDS = 15, lease_seconds
    [error] = check_lease(None)
    assert (error.id, error.msg) == (
        "sluice.E003",
        f"SLUICE_LEASE_SECONDS ({lease_seconds:g}) is not above SLUICE_REQUEST_SECONDS (15).",
    )
    assert error in checks.run_checks()


def test_a_lease_that_outlasts_a_request_is_well(settings: Settings) -> None:
    settings.SLUICE_REQUEST_SECONDS, settings.SLUICE_LEASE_SECONDS = 15, 15.1
    assert check_lease(None) == []


def test_a_broker_that_evicts_is_an_error(settings: Settings) -> None:
    with running_redis() as server:
        settings.CELERY_BROKER_URL = f"{server.url}/0"
        assert check_broker(None, databases=["default"]) == []

        with Redis.from_url(settings.CELERY_BROKER_URL) as broker:
            broker.config_set("maxmemory-policy", "allkeys-lru")

        [error] = check_broker(None, databases=["default"])
        assert error.id == "sluice.E004"
        assert "(allkeys-lru)" in error.msg
    # Where nobody answers, nothing is known.
    assert check_broker(None, databases=["default"]) == []
