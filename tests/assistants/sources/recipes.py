"""The recipes of the documentation, parsed out of it, and payload files read as their senders would post them."""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from standardwebhooks.webhooks import Webhook

from assistants import sources
from assistants.sources.adapter import Adapter, Reading
from tests.assistants.sources.reading import RECEIVED_AT, load, outcome, request, setup

DOCUMENT = Path(__file__).parent.parent.parent.parent / "docs" / "sources.md"
SECRET = "not-a-real-secret"
WEBHOOK_ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
STANDARD_SECRET = "whsec_c2VnbWVudC1icmlkZ2UtZXhhbXBsZS1rZXktMzJieXQ="
_SERIES = ("recipes/bot_framework", "recipes/slack", "recipes/voiceflow")


@cache
def recipes() -> dict[str, dict[str, Any]]:
    """Return the configurations in the chapter “Recipes”, by the names of their sections as payload files are named."""
    chapter = DOCUMENT.read_text().partition("\n## Recipes\n")[2]
    found = {}
    for section in chapter.split("\n### ")[1:]:
        title, _, text = section.partition("\n")
        blocks = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
        if blocks:
            found[title.lower().replace(" ", "_")] = json.loads(blocks[0])
    return found


def is_series(name: str) -> bool:
    """Say whether a payload file holds a list of what is posted one after the other."""
    return name.startswith(_SERIES)


def read_named(name: str) -> dict[str, Any]:
    """Read a payload file with the adapter, and by the recipe, that it is for, and say what comes of it."""
    payload = load(name)
    bodies = [msgspec.json.encode(body) for body in payload.body] if is_series(name) else [payload.bytes]
    return outcome(_adapter(name), [read_bytes(name, body) for body in bodies])


def read_bytes(name: str, body: bytes) -> Reading:
    """Read a body like a payload file's: same adapter, same recipe, and proven as its sender would prove it."""
    adapter, recipe = recipe_of(name)
    headers, secret = proof(recipe or getattr(adapter, "config", {}), body)
    options = {"config": recipe} if recipe else {}
    return adapter.read(request(body, {**load(name).headers, **headers}), setup(secret=secret, options=options))


def recipe_of(name: str) -> tuple[Adapter, dict[str, Any] | None]:
    """Return the adapter that a payload file is for, and the recipe by which it reads it, if there is one."""
    return _adapter(name), recipes().get(_recipe(name))


def proof(config: Mapping[str, Any], body: bytes) -> tuple[dict[str, str], str]:
    """Return the headers that prove a request under a configuration, and the secret of the source."""
    verify = config.get("verify", {"kind": "none"})
    timestamp = str(int(RECEIVED_AT.timestamp()))
    match verify["kind"]:
        case "header":
            return {verify["header"].lower(): SECRET}, SECRET
        case "basic":
            return {"authorization": "Basic " + base64.b64encode(f"sluice:{SECRET}".encode()).decode()}, SECRET
        case "hmac":
            template = verify.get("template", "{body}").encode()
            signed = template.replace(b"{ts}", timestamp.encode()).replace(b"{body}", body)
            digest = hmac.new(SECRET.encode(), signed, getattr(hashlib, verify.get("algorithm", "sha256"))).hexdigest()
            headers = {verify["header"].lower(): verify.get("prefix", "") + digest}
            if verify.get("ts_header"):
                headers[verify["ts_header"].lower()] = timestamp
            return headers, SECRET
        case "standard_webhooks":
            signature = Webhook(STANDARD_SECRET).sign(WEBHOOK_ID, RECEIVED_AT, body.decode(errors="replace"))
            signed_headers = {"webhook-id": WEBHOOK_ID, "webhook-timestamp": timestamp, "webhook-signature": signature}
            return signed_headers, STANDARD_SECRET
        case _:
            return {}, ""


def _adapter(name: str) -> Adapter:
    kind = name.partition("/")[0]
    adapter = sources.find("custom" if kind == "recipes" else kind)
    assert adapter is not None
    return adapter


def _recipe(name: str) -> str:
    """Return the recipe that a payload file is for; nothing for a file of another folder."""
    folder, _, file = name.partition("/")
    return next(title for title in recipes() if file.startswith(title)) if folder == "recipes" else ""
