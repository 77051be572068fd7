"""The smallest source: what it reads, and that registering it is all that it takes."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from assistants import sources
from assistants.intake.answers import Unreadable
from assistants.sources.adapter import Fact, Kind, Reading, Request, Setup
from assistants.sources.helloworld import HelloWorld

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)


def read(body: Any) -> Reading:
    content = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return HelloWorld().read(Request("", {}, content, AT), Setup(1, "live", is_keyed=True))


def test_what_is_said_is_a_message_of_the_customer() -> None:
    reading = read({"say": "Hello", "conversation": "c-1", "user": "u-1", "id": "1"})

    assert reading.facts == [
        Fact(
            kind=Kind.MESSAGE_IN,
            source_id="1",
            conversation_id="c-1",
            at="2026-11-22T12:00:00.000+00:00",
            user_id="u-1",
            text="Hello",
        )
    ]
    assert (reading.refused, reading.notes, reading.answer.status) == ([], [], 200)


def test_the_same_said_again_is_known_by_its_content() -> None:
    first, again, other = (read(body).facts[0] for body in ({"say": "a"}, {"say": "a"}, {"say": "b"}))

    assert first.source_id == again.source_id != other.source_id


@pytest.mark.parametrize("body", [{}, [], "say", {"say": 5}, {"shout": "Hello"}])
def test_what_says_nothing_is_refused_with_the_reason(body: Any) -> None:
    reading = read(body)

    assert [reason.code for reason, _ in reading.refused] == ["nothing_said"]
    assert reading.facts == []


@pytest.mark.parametrize("body", [b"", b"{", b"\xff"])
def test_what_is_no_json_is_refused_as_a_whole(body: bytes) -> None:
    with pytest.raises(Unreadable):
        read(body)


def test_it_is_found_by_its_kind() -> None:
    assert isinstance(sources.find("helloworld"), HelloWorld)
    assert sources.adapters()[-1].kind == "helloworld"


def test_kinds_and_fixed_paths_are_told_apart() -> None:
    kinds = [adapter.kind for adapter in sources.adapters()]
    paths = [path for adapter in sources.adapters() for path in adapter.paths]

    assert len(set(kinds)) == len(kinds)
    assert len(set(paths)) == len(paths)
    assert all(len(kind) <= 20 for kind in kinds)
    assert all(sources.at_path(path) in sources.adapters() for path in paths)
    assert not any(path.startswith(("/v1/", "/sources/")) for path in paths)
