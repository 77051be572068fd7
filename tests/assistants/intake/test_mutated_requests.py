"""Requests that nobody ever sent, through the whole of intake: each is answered, and stored whole or not at all."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import time_machine
from hypothesis import HealthCheck, given, settings

from assistants import log, sources
from assistants.intake.wholes import derive_due
from assistants.models import Conversation, HeldPart, SourcePayload
from assistants.sources import setup
from tests.assistants.intake.conftest import Sender
from tests.assistants.sources import exports
from tests.assistants.sources.mutations import (
    EXPORTS_THROUGH_INTAKE,
    WEBHOOKS_THROUGH_INTAKE,
    changed,
    mutations,
)
from tests.assistants.sources.reading import PAYLOADS, RECEIVED_AT, load, names
from tests.assistants.sources.recipes import is_series, proof, recipe_of

OFTEN = settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
LIBRARIES = names("segment")

State = tuple[int, int, int, int]
Post = Callable[[bytes], httpx.Response]


def state(sender: Sender) -> State:
    """What an environment has stored: its head, and how much is held, remembered and kept."""
    counts = [model.objects.filter(environment=sender.environment).count() for model in (HeldPart, Conversation)]
    return (log.head(sender.environment.pk), *counts, SourcePayload.objects.count())


def check_post(sender: Sender, post: Post, body: bytes, *, repeats_change: bool = False) -> None:
    """Post a body; it is answered, it leaves nothing if it is refused, and nothing more if it is sent again."""
    before = state(sender)
    response = post(body)
    assert response.status_code < 500, response.text
    after = state(sender)
    if response.status_code >= 300:
        assert after == before
    elif after != before and not repeats_change:
        assert post(body).status_code == response.status_code
        # What could not be made sense of is kept for inspection each time.
        assert state(sender)[:-1] == after[:-1]
    events = log.read(sender.environment.pk, after=before[0], limit=1_000)
    assert [event.position for event in events] == list(range(before[0] + 1, after[0] + 1))
    assert all(event.message for event in events)


def webhook_of(sender: Sender, name: str) -> Post:
    """Set the source up that a payload file is for, and return what posts as its sender would."""
    adapter, recipe = recipe_of(name)
    config = recipe or getattr(adapter, "config", {})
    _, secret = proof(config, b"")
    options = {"config": recipe} if recipe else {}
    setup.save(sender.environment, adapter, options=options, secret=secret, by=None)
    path = f"/sources/{adapter.kind}/{sender.environment.public_id}/{sender.key}"

    def post(body: bytes) -> httpx.Response:
        headers, _ = proof(config, body)
        return sender.post(path, body, key="", **{**load(name).headers, **headers})

    return post


@pytest.mark.parametrize("name", WEBHOOKS_THROUGH_INTAKE)
def test_a_changed_webhook_is_stored_whole_or_not_at_all(sender: Sender, name: str) -> None:
    body = load(name).body

    @OFTEN
    @given(changes=mutations(body))
    def check(changes: list[Any]) -> None:
        document = changed(body, changes)
        for each in document if is_series(name) and isinstance(document, list) else [document]:
            check_post(sender, post, json.dumps(each).encode())

    with time_machine.travel(RECEIVED_AT, tick=True):
        post = webhook_of(sender, name)
        check()


@pytest.mark.parametrize("name", EXPORTS_THROUGH_INTAKE)
def test_a_changed_export_is_held_whole_or_not_at_all_and_can_be_derived(sender: Sender, name: str) -> None:
    found = exports.payload(name)
    adapter = sources.find(name.partition("/")[0])
    assert adapter is not None
    setup.save(sender.environment, adapter, options={}, secret="", by=None)

    def post(body: bytes) -> httpx.Response:
        return sender.post(found["request"]["path"], body, content_type="application/json")

    @OFTEN
    @given(changes=mutations(found["body"]))
    def check(changes: list[Any]) -> None:
        check_post(sender, post, json.dumps(changed(found["body"], changes)).encode())

    check()
    while derive_due(datetime.now(UTC) + timedelta(minutes=5)):
        pass
    assert not HeldPart.objects.filter(is_derived=False).exists()


@pytest.mark.parametrize("name", LIBRARIES)
def test_a_changed_batch_is_stored_whole_or_not_at_all(sender: Sender, name: str) -> None:
    body = json.loads((PAYLOADS / name).read_text())
    body = body.get("body", body)
    path = "/v1/batch" if "batch" in body else "/v1/track"

    @OFTEN
    @given(changes=mutations(body))
    def check(changes: list[Any]) -> None:
        document = changed(body, changes)
        if isinstance(document, dict):
            document.pop("writeKey", None)
        # An item that lost its message ID gets another one each time.
        check_post(sender, lambda raw: sender.post(path, raw), json.dumps(document).encode(), repeats_change=True)

    check()
