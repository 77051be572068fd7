"""The registry of sources: one line for each kind of sender that Sluice understands beside Segment's own libraries."""

from assistants.sources.adapter import Adapter

_ADAPTERS: dict[str, Adapter] = {adapter.kind: adapter for adapter in ()}


def adapters() -> tuple[Adapter, ...]:
    """Return every adapter, in the order in which people see them."""
    return tuple(_ADAPTERS.values())


def find(kind: str) -> Adapter | None:
    """Return the adapter of a kind, or None."""
    return _ADAPTERS.get(kind)
