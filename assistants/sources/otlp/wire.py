"""What a request of OTLP holds, the same whether it came as protobuf or as JSON."""

from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

# Deeper values are cut off; no instrumentation nests messages further.
MAX_VALUE_DEPTH = 24

ENVIRONMENT = ("deployment.environment.name", "deployment.environment")


class Wanted(Protocol):
    """Says of an attribute's key whether anybody reads it; the others are not converted."""

    def __getitem__(self, key: str, /) -> bool: ...


class Record(msgspec.Struct, frozen=True, gc=False):
    """A log record, or an event within a span: IDs in hexadecimal and empty where there are none."""

    trace_id: str
    span_id: str
    event: str
    at_ns: int
    attributes: dict[str, Any]
    body: Any = None


class Span(msgspec.Struct, frozen=True, gc=False):
    """A span with the attributes that are wanted; IDs in hexadecimal, the parent's empty where there is none."""

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    start_ns: int
    end_ns: int
    attributes: dict[str, Any]
    is_error: bool = False
    events: tuple[Record, ...] = ()


@dataclass
class Export:
    """One request: its spans or records, what could not be read, and which environments the senders name."""

    spans: list[Span] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    refused: list[tuple[str, bytes]] = field(default_factory=list)
    environments: set[str] = field(default_factory=set)


class Malformed(Exception):
    """The body is not an export request; the text says why, for people."""


def refuse_span(export: Export, *, name: str, trace_id: str, span_id: str) -> None:
    """Note a span that belongs nowhere."""
    said = f"The span “{name[:40]}” has no usable IDs: trace “{trace_id[:40]}”, span “{span_id[:40]}”."
    export.refused.append((said, name[:200].encode(errors="replace")))
