"""Small functions that make the rows and messages that tests need."""

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Raw

from assistants import lifecycle, log
from assistants.messages import Message
from assistants.models import Assistant, Environment
from integrations import connections
from integrations.models import Connection, Lane

_numbers = itertools.count(1)
WRITE_KEY = "test-write-key-abcd"
SELECTED = ("track", "Session Started")


def make_assistant(**settings: str) -> Assistant:
    return lifecycle.create_assistant(**{"name": f"Assistant {next(_numbers)}", "by": None, **settings})


def make_environment(kind: str = "draft", assistant: Assistant | None = None) -> Environment:
    return (assistant or make_assistant()).environments.get(kind=kind)


def make_connection(
    environment: Environment | None = None,
    *,
    endpoint: str = "",
    selection: Sequence[tuple[str, str]] = (SELECTED,),
    **options: Any,
) -> Connection:
    """Connect an environment to an own URL, or to the sandbox without one."""
    settings = {"region": "custom", "endpoint": endpoint} if endpoint else {"region": "sandbox"}
    return connections.connect(
        environment or make_environment(),
        settings=settings,
        source_name="",
        write_key=WRITE_KEY,
        selection=selection,
        by=None,
        options=options,
    )


def make_message(event: str = "Session Started", *, user_id: str | None = "user-1", **members: Any) -> Message:
    raw = {name: Raw(msgspec.json.encode(value)) for name, value in members.items() if isinstance(value, dict)}
    return Message(
        **{
            "type": "track",
            "event": event,
            "user_id": user_id or None,
            "message_id": f"m-{next(_numbers)}",
            "timestamp": "2026-11-22T10:00:00.000Z",
            **members,
            **raw,
        }
    )


def append(environment: Environment, *messages: Message, source: str = "segment", at: datetime | None = None) -> None:
    log.append([log.Append(environment.pk, source, at or datetime.now(UTC), messages)])


def live_lane(connection: Connection) -> Lane:
    return connection.lanes.get(kind=Lane.Kind.LIVE)
