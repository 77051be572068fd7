"""The line at the end of a test run that names the real clients."""

from typing import Literal

import pytest

from tests.clients import driven


def report(
    client: str, outcome: Literal["passed", "failed", "skipped"], when: Literal["setup", "call"]
) -> pytest.TestReport:
    return pytest.TestReport("t.py::t", ("t.py", 1, "t"), {}, outcome, None, when, user_properties=[("client", client)])


def test_it_names_who_was_driven_and_who_was_not_with_the_reason() -> None:
    config = pytest.Config.fromdictargs({}, [])
    config.stash[driven.COLLECTED] = {"a 1", "b 2", "c 3", "d 4", "e 5"}
    reports: dict[str, list[object]] = {
        "passed": [report("a 1", "passed", "call"), report("b 2", "passed", "call"), report("c 3", "passed", "setup")],
        "failed": [report("b 2", "failed", "call")],
        "error": [report("c 3", "failed", "setup")],
        "skipped": [report("a 1", "skipped", "setup"), report("d 4", "skipped", "setup")],
        "warnings": [object()],
    }

    assert driven.summary(config, reports) == (
        "Clients driven: a 1; not driven: b 2 (failed), c 3 (failed), d 4 (skipped), e 5 (not selected)."
    )


def test_where_there_are_no_clients_there_is_no_line() -> None:
    assert driven.summary(pytest.Config.fromdictargs({}, []), {}) == ""


@pytest.mark.parametrize(
    ("client", "named"),
    [("@segment/analytics-next", "@segment/analytics-next 1.84.3"), ("rudder-sdk-python", "rudder-sdk-python 2.1.9")],
)
def test_a_client_is_named_with_its_version(client: str, named: str) -> None:
    assert driven.drives(client).args == (named,)
