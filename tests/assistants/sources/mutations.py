"""Captured payloads, changed at random: what is sent by nobody yet, and must not make a source fail."""

from typing import Any

from hypothesis import strategies as st

ODD_VALUES: list[Any] = [
    None,
    True,
    0,
    -1,
    2**63,
    1e308,
    "",
    "0",
    "NaN",
    "\x00",
    "\ud800",
    "[[[[",
    '{"role": "user", "content": [{"type": "text"}]}',
    "x" * 40_000,
    [],
    {},
    [[]],
    [None],
    {"role": "user"},
    {"stringValue": 7},
    {"kvlistValue": {"values": [{"key": None}]}},
]
# Payloads of each kind that go through the whole of intake; of the others, what the adapter and the deriver do is seen.
WEBHOOKS_THROUGH_INTAKE = (
    "rasa/form.json",
    "chatwoot/conversation_created.json",
    "chatwoot/message_incoming.json",
    "chatwoot/rating.json",
    "twilio/conversation.json",
    "dialogflow/message_of_user.json",
    "intercom/reply_of_user.json",
    "recipes/amazon_lex.json",
    "recipes/bot_framework.json",
    "recipes/cloudevents.json",
    "recipes/cloudevents_batch.json",
    "recipes/standard_webhooks.json",
)
EXPORTS_THROUGH_INTAKE = (
    "otlp/python_json",
    "otlp/vercel_ai_sdk",
    "otlp/genai_openai",
    "otlp/genai_openai_logs",
    "otlp/genai_openai_without_text",
    "otlp/genai_langchain",
    "otlp/openinference_openai",
    "otlp/openllmetry_openai",
    "langfuse/v2_batch",
    "langfuse/v5_scores",
    "langfuse/v5_traces",
)
Path = tuple[str | int, ...]


def paths(node: Any, above: Path = ()) -> list[Path]:
    """Return where every value in a JSON document stands."""
    members: list[tuple[str | int, Any]] = []
    if isinstance(node, dict):
        members = list(node.items())
    elif isinstance(node, list):
        members = list(enumerate(node))
    found = [] if not above else [above]
    for key, value in members:
        found += paths(value, (*above, key))
    return found


def mutations(document: Any) -> st.SearchStrategy[list[tuple[Path, str, Any]]]:
    """Make lists of changes to a document: each a place, what happens there, and a value for it."""
    change = st.tuples(
        st.sampled_from(paths(document)),
        st.sampled_from(["replace", "replace", "remove", "repeat", "wrap"]),
        st.sampled_from(ODD_VALUES) | st.text(max_size=20) | st.integers() | st.floats(),
    )
    return st.lists(change, min_size=1, max_size=8)


def changed(node: Any, changes: list[tuple[Path, str, Any]]) -> Any:
    """Return a copy of a document with the changes made, as far as their places are still there."""
    document = _copy(node)
    for path, what, value in changes:
        parent = document
        for key in path[:-1]:
            parent = _member(parent, key)
        if _member(parent, path[-1]) is not _ABSENT:
            _change(parent, path[-1], what, value)
    return document


_ABSENT = object()


def _member(node: Any, key: str | int) -> Any:
    if isinstance(node, dict):
        return node.get(str(key), _ABSENT) if isinstance(key, str) else _ABSENT
    if isinstance(node, list) and isinstance(key, int) and key < len(node):
        return node[key]
    return _ABSENT


def _change(parent: Any, key: Any, what: str, value: Any) -> None:
    if what == "replace":
        # Later changes may go on in there.
        parent[key] = _copy(value)
    elif what == "remove":
        del parent[key]
    elif what == "wrap":
        parent[key] = [parent[key]]
    elif isinstance(parent, list):
        parent.append(_copy(parent[key]))
    else:
        parent["repeated"] = _copy(parent[key])


def _copy(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _copy(value) for key, value in node.items()}
    return [_copy(item) for item in node] if isinstance(node, list) else node
