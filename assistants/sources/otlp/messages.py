"""Read what was said from the many shapes in which packages write chat messages down.

The shapes: GenAI's parts, OpenAI's chat and responses, Anthropic's blocks, LangChain's dumps, the Vercel AI SDK, and
what OpenInference spreads over attributes. All of it is told by its members, as packages mix the shapes freely.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from assistants.sources.otlp.loose_json import unpacked

MAX_DEPTH = 6
# As AI SDKs and LangChain call them, and what they are here.
ROLES = {
    "user": "user",
    "human": "user",
    "humanmessagechunk": "user",
    "assistant": "assistant",
    "ai": "assistant",
    "aimessagechunk": "assistant",
    "model": "assistant",
    "system": "system",
    "developer": "system",
    "tool": "tool",
    "function": "tool",
    "function_call": "assistant",
    "function_call_output": "tool",
}
TEXT_PARTS = ("text", "input_text", "output_text")
CALL_PARTS = ("tool_call", "tool-call", "tool_use", "function_call")
RESULT_PARTS = ("tool_call_response", "tool-result", "tool_result", "function_call_output")
# Members under which a wrapper holds messages, and those under which a chain holds a plain question or answer.
WRAPPERS = ("messages", "choices", "generations", "inputs", "outputs", "update", "output", "prompt")
QUESTIONS = ("input", "question", "query", "prompt")
ANSWERS = ("output", "answer", "result", "text")
# Each is all that its object has where OpenInference and LangChain wrap a message.
SHELLS = ("message", "message_content", "tool_call", "kwargs", "data")


class ToolCall(msgspec.Struct, frozen=True, gc=False):
    """A tool that the model asks for; without a name it is not known which."""

    id: str
    name: str


class Medium(msgspec.Struct, frozen=True, gc=False):
    """An image, audio or video in a message: `format` as in a MIME type's second half, or empty."""

    type: str
    format: str


class Said(msgspec.Struct, frozen=True, gc=False):
    """One message: who speaks, the text of all its parts, and what else is in it."""

    role: str
    text: str = ""
    id: str = ""
    calls: tuple[ToolCall, ...] = ()
    media: tuple[Medium, ...] = ()
    has_result: bool = False


def read_messages(given: Any, *, speaker: str) -> list[Said]:
    """Return the messages in a value of whatever shape; `speaker` is the role of texts that name none."""
    return _messages(unpacked(given), speaker, 0)


def plain_text(given: Any) -> str:
    """Return a text as it is to be kept: without NUL, which no database takes."""
    return given.replace("\x00", "").strip() if isinstance(given, str) else ""


def identifier(given: Any) -> str:
    """Return an ID, which may have been written as a number, as a text of bearable length."""
    if given is None:
        return ""
    if isinstance(given, bool) or not isinstance(given, str | int):
        return ""
    return plain_text(str(given))[:500]


def _messages(given: Any, speaker: str, depth: int) -> list[Said]:
    if depth > MAX_DEPTH:
        return []
    if isinstance(given, str):
        text = plain_text(given)
        return [Said(speaker, text)] if text else []
    if isinstance(given, list):
        return _of_list(given, speaker, depth)
    if not isinstance(given, dict):
        return []
    said = _message(given, speaker, depth)
    return [said] if said else _of_wrapper(given, speaker, depth)


def _of_list(given: list[Any], speaker: str, depth: int) -> list[Said]:
    if _is_pair(given):
        text = plain_text(given[1])
        return [Said(ROLES[given[0].lower()], text)] if text else []
    if given and all(isinstance(item, list) and not _is_pair(item) for item in given):
        # A batch of conversations, of which a chat has one.
        return _messages(given[0], speaker, depth + 1)
    found: list[Said] = []
    for item in given:
        found += _messages(item, speaker, depth + 1)
    return found


def _is_pair(given: Any) -> bool:
    """Tell LangChain's short form of a message, such as ["user", "Hello"]."""
    return (
        isinstance(given, list)
        and len(given) == 2
        and all(isinstance(item, str) for item in given)
        and given[0].lower() in ROLES
    )


def _of_wrapper(given: Mapping[str, Any], speaker: str, depth: int) -> list[Said]:
    for member in WRAPPERS:
        if isinstance(given.get(member), list | dict):
            said = _messages(given[member], speaker, depth + 1)
            if said:
                return said
    for member in QUESTIONS if speaker == "user" else ANSWERS:
        text = plain_text(given.get(member))
        if text:
            return [Said(speaker, text)]
    return []


def _message(given: Mapping[str, Any], speaker: str, depth: int) -> Said | None:
    """Read an object that is a message, or wraps one alone; None where it is something else."""
    role = _role(given)
    content = _content(given)
    if role is None or (content is None and not _has_more(given)):
        for shell in SHELLS:
            if isinstance(given.get(shell), dict) and depth < MAX_DEPTH:
                inner = given[shell]
                return _message(inner if _role(inner) else {**inner, "role": role or speaker}, speaker, depth + 1)
        return None
    type_, calls = given.get("type"), given.get("tool_calls")
    if isinstance(content, str) and not calls and type_ not in CALL_PARTS:
        return Said(role, plain_text(content), identifier(given.get("id")), has_result=type_ in RESULT_PARTS)
    parts = _Parts()
    parts.add_all(content)
    for call in _list(calls):
        parts.add_call(call)
    if type_ in CALL_PARTS:
        parts.add_call(given)
    return Said(
        role,
        "\n".join(parts.texts),
        identifier(given.get("id")),
        tuple(parts.calls),
        tuple(parts.media),
        parts.has_result or type_ in RESULT_PARTS,
    )


def _role(given: Mapping[str, Any]) -> str | None:
    """Return who speaks; None where the object says nothing of it. Who is none of those known is “other”."""
    role = given.get("role")
    if isinstance(role, str) and role:
        return ROLES.get(role) or ROLES.get(role.lower(), "other")
    type_ = given.get("type")
    return ROLES.get(type_.lower()) if isinstance(type_, str) else None


def _content(given: Mapping[str, Any]) -> Any:
    for member in ("parts", "content", "contents"):
        content = given.get(member)
        if content is not None:
            return content
    return None


def _has_more(given: Mapping[str, Any]) -> bool:
    return bool(given.get("tool_calls")) or given.get("type") in (*CALL_PARTS, *RESULT_PARTS)


def _list(given: Any) -> list[Any]:
    if given is None:
        return []
    given = unpacked(given)
    return given if isinstance(given, list) else []


class _Parts:
    """What the parts of one message add up to."""

    __slots__ = ("calls", "has_result", "media", "texts")

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.calls: list[ToolCall] = []
        self.media: list[Medium] = []
        self.has_result = False

    def add_all(self, content: Any) -> None:
        for part in content if isinstance(content, list) else (content,):
            if isinstance(part, dict):
                inner = part.get("message_content")
                self._add_part(inner if isinstance(inner, dict) else part)
            else:
                self._add_text(part)

    def add_call(self, given: Any) -> None:
        if not isinstance(given, dict):
            return
        inner = given.get("tool_call")
        call = inner if isinstance(inner, dict) else given
        function = call.get("function")
        named = function if isinstance(function, dict) else call
        self.calls.append(ToolCall(_first(call, ("toolCallId", "call_id", "id")), _first(named, ("name", "toolName"))))

    def _add_text(self, given: Any) -> None:
        text = plain_text(given)
        if text:
            self.texts.append(text)

    def _add_part(self, part: Mapping[str, Any]) -> None:
        kind = part.get("type")
        if kind == "text" or (kind is None and not isinstance(part.get("function_call"), dict)) or kind in TEXT_PARTS:
            content = part.get("content")
            text = content if content is not None else part.get("text")
            self._add_text(text.get("value") if isinstance(text, dict) else text)
        elif kind in CALL_PARTS:
            self.add_call(part)
        elif kind in RESULT_PARTS:
            self.has_result = True
        elif kind is None:
            self.add_call(part["function_call"])
        else:
            medium = _medium(part, str(kind))
            if medium:
                self.media.append(medium)


def _medium(part: Mapping[str, Any], kind: str) -> Medium | None:
    """Read a part that is neither text nor tool; None where it is no medium either, such as reasoning.

    Source: open-telemetry/semantic-conventions-genai, the parts “blob”, “uri” and “file” of messages.
    """
    mime = next(
        (part[name] for name in ("mime_type", "mediaType", "media_type") if isinstance(part.get(name), str)), ""
    )
    name = part.get("modality") if kind in ("blob", "uri", "file") else kind
    type_, _, format_ = mime.partition("/")
    for medium in ("image", "audio", "video"):
        if medium in (name, type_) or (isinstance(name, str) and medium in name):
            return Medium(medium, format_.partition(";")[0] if type_ == medium else "")
    return None


def _first(given: Mapping[str, Any], names: Iterable[str]) -> str:
    for name in names:
        if found := identifier(given.get(name)):
            return found
    return ""
