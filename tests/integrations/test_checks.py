"""Settings that do not fit together are found at the start."""

import pytest
from django.core import checks
from pytest_django import Settings

from integrations.checks import check_lease


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
