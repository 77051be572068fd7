"""What a model call or an agent heard and answered, in whichever attributes its package wrote that down."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from assistants.sources.otlp.loose_json import unpacked
from assistants.sources.otlp.messages import Said, plain_text, read_messages

# The first of these that holds a message counts. OpenInference and older OpenLLMetry spread messages over numbered
# attributes below a prefix; the others have them in one attribute, mostly as JSON.
HEARD = (
    "gen_ai.input.messages",
    "llm.input_messages.",
    "gen_ai.prompt.",
    "ai.prompt.messages",
    "ai.prompt",
    "langfuse.observation.input",
    "gen_ai.prompt",
    "traceloop.entity.input",
    "input.value",
)
ANSWERED = (
    "gen_ai.output.messages",
    "llm.output_messages.",
    "gen_ai.completion.",
    "langfuse.observation.output",
    "gen_ai.completion",
    "traceloop.entity.output",
    "output.value",
)
# Results that are the answer itself, not messages: of the Vercel AI SDK, and of Pydantic AI's agent.
ANSWER_TEXTS = ("ai.response.text", "ai.response.object", "final_result")
VERCEL_CALLS = "ai.response.toolCalls"
# Pydantic AI asks for structured answers by way of tools, which it lists here.
PYDANTIC_PARAMETERS = "model_request_parameters"
PREFIXES = tuple(name for name in (*HEARD, *ANSWERED) if name.endswith("."))
ALL = frozenset((*HEARD, *ANSWERED, *ANSWER_TEXTS, VERCEL_CALLS, PYDANTIC_PARAMETERS))


class _Parameters(msgspec.Struct):
    """What is read of Pydantic AI's parameters: they repeat all tools with their schemas at each call."""

    output_tools: Any = None


_parameters = msgspec.json.Decoder(_Parameters)
_NUMBER = re.compile(r"[0-9]{1,6}")
MAX_KEY_PARTS = 12


def heard(attributes: Mapping[str, Any]) -> list[Said]:
    """Return the messages that went in, the history first; instructions of the system are no part of it."""
    return [said for said in _first_of(attributes, HEARD, "user") if said.role != "system"]


def answered(attributes: Mapping[str, Any]) -> list[Said]:
    """Return the messages that came out."""
    calls: list[Said] = []
    if VERCEL_CALLS in attributes:
        asked = {"role": "assistant", "tool_calls": unpacked(attributes[VERCEL_CALLS])}
        calls = read_messages([asked], speaker="assistant")
    for name in ANSWER_TEXTS:
        if name in attributes and (text := plain_text(attributes[name])):
            return [Said("assistant", text), *calls]
    return calls or _first_of(attributes, ANSWERED, "assistant")


def answer_tools(attributes: Mapping[str, Any]) -> frozenset[str]:
    """Return the names of tools that are none: Pydantic AI's form of a structured answer."""
    tools = _output_tools(attributes.get(PYDANTIC_PARAMETERS))
    listed = tools if isinstance(tools, list) else []
    return frozenset(tool["name"] for tool in listed if isinstance(tool, dict) and isinstance(tool.get("name"), str))


def _output_tools(given: Any) -> Any:
    if isinstance(given, str):
        try:
            return _parameters.decode(given).output_tools
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            given = unpacked(given)
    return given.get("output_tools") if isinstance(given, dict) else None


def _first_of(attributes: Mapping[str, Any], names: Iterable[str], speaker: str) -> list[Said]:
    for name in names:
        given = _nested(attributes, name) if name in PREFIXES else attributes.get(name)
        messages = read_messages(given, speaker=speaker) if given else []
        if messages:
            return messages
    return []


def _nested(attributes: Mapping[str, Any], prefix: str) -> Any:
    """Rebuild what was spread over attributes such as PREFIX0.message.role; numbers may start at 1 and have gaps."""
    root: dict[str, Any] = {}
    for key, value in attributes.items():
        if key.startswith(prefix):
            *branches, leaf = key.removeprefix(prefix).split(".", MAX_KEY_PARTS)
            node: Any = root
            for branch in branches:
                node = node.setdefault(branch, {}) if isinstance(node, dict) else None
            if isinstance(node, dict):
                node.setdefault(leaf, value)
    return _listed(root)


def _listed(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    if node and all(_NUMBER.fullmatch(key) for key in node):
        return [_listed(node[key]) for key in sorted(node, key=int)]
    return {key: _listed(value) for key, value in node.items()}
