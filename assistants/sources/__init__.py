"""The registry of sources: one line for each kind of sender that Sluice understands beside Segment's own libraries."""

from assistants.sources.adapter import Adapter
from assistants.sources.chatwoot import Chatwoot
from assistants.sources.generic.source import RuleSource, load_preset
from assistants.sources.helloworld import HelloWorld
from assistants.sources.langfuse import Langfuse
from assistants.sources.otlp.adapter import Otlp
from assistants.sources.rasa import Rasa
from assistants.sources.watson import Watson

# In the order in which people see them.
_EVERY: tuple[Adapter, ...] = (
    Watson(),
    Otlp(),
    Langfuse(),
    Rasa(),
    Chatwoot(),
    RuleSource(load_preset("twilio")),
    RuleSource(load_preset("dialogflow")),
    RuleSource(load_preset("intercom")),
    RuleSource(load_preset("custom")),
    HelloWorld(),
)
_ADAPTERS: dict[str, Adapter] = {adapter.kind: adapter for adapter in _EVERY}
_AT_PATHS: dict[str, Adapter] = {path: adapter for adapter in _EVERY for path in adapter.paths}


def adapters() -> tuple[Adapter, ...]:
    """Return every adapter, in the order in which people see them."""
    return tuple(_ADAPTERS.values())


def find(kind: str) -> Adapter | None:
    """Return the adapter of a kind, or None."""
    return _ADAPTERS.get(kind)


def at_path(path: str) -> Adapter | None:
    """Return the adapter that has a fixed path, or None."""
    return _AT_PATHS.get(path)
