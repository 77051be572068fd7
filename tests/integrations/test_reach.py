"""Whether an own URL answers: what people are told, and what is not tried at all."""

import socket

import pytest

from integrations import reach
from integrations.reach import endpoint_problem
from tests.fakes import running_segment


def test_a_host_that_answers_anything_will_do_and_gets_no_event() -> None:
    with running_segment() as segment:
        assert endpoint_problem(segment.url, allow_private=True) is None
        assert segment.requests == []


def test_a_closed_port_is_named_as_unreachable() -> None:
    with running_segment() as segment:
        url = segment.url
    assert endpoint_problem(url, allow_private=True) == (
        "127.0.0.1 cannot be reached. Check the name, the port and whether the server runs."
    )


def test_a_name_that_does_not_exist_is_named_as_unreachable() -> None:
    problem = endpoint_problem("https://events.invalid", allow_private=False)
    assert problem is not None
    assert problem.startswith("events.invalid cannot be reached.")


def test_a_server_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach, "PATIENCE_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        problem = endpoint_problem(f"http://127.0.0.1:{silent.getsockname()[1]}", allow_private=True)
    assert problem == "127.0.0.1 did not answer within 0.2 seconds."


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("events.example.com", "The URL must begin with https://."),
        ("http://events.example.com", "The URL must begin with https://."),
        ("https://events.example.com/path?x=1", "leave out “?”"),
        ("https://127.0.0.1", "This address is not allowed"),
    ],
)
def test_what_is_not_allowed_is_not_tried(url: str, words: str) -> None:
    problem = endpoint_problem(url, allow_private=False)
    assert problem is not None
    assert words in problem


def test_a_name_that_leads_inside_is_refused_when_the_connection_is_made() -> None:
    assert endpoint_problem("https://localhost", allow_private=False) == "Sluice is not allowed to send to localhost."
