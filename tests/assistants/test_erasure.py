"""Whose an event is, where an ID stands in bytes, and what sources left behind of a person."""

import msgspec
import pytest
from msgspec import Raw

from assistants import erasure
from assistants.erasure import is_theirs, mentions
from assistants.models import AuditEntry, Conversation, Erasure, HeldPart, Refusal, SourcePayload
from assistants.sources.payloads import compress
from tests.assistants.logs import AT
from tests.make import append, make_environment, make_message


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"user_id": "u-1"}, True),
        ({"user_id": "u-11"}, False),
        ({"user_id": None, "anonymous_id": "u-1"}, True),
        ({"type": "alias", "user_id": "other", "previous_id": "u-1"}, True),
        ({"user_id": "other", "properties": {"friend": "u-1"}}, False),
        ({"type": "group", "user_id": "other", "group_id": "u-1"}, False),
    ],
)
def test_an_event_is_of_whom_its_ids_name(members: dict[str, object], expected: bool) -> None:
    assert is_theirs(make_message(**members), "u-1") is expected  # type: ignore[arg-type]


def test_an_id_that_came_as_a_number_counts() -> None:
    message = make_message(user_id=None)
    message.extra = {"userId": Raw(b"4711"), "other": Raw(b"12")}

    assert is_theirs(message, "4711")
    assert not is_theirs(message, "12")


@pytest.mark.parametrize("user_id", ["7", "u-1", "a name with “quotes”", "somebody@example.com", "x" * 200])
@pytest.mark.parametrize(
    "write",
    [
        lambda user_id: msgspec.json.encode({"userId": user_id}),
        lambda user_id: msgspec.json.encode({"traits": [{"id": user_id}]}),
        lambda user_id: msgspec.msgpack.encode({"user": user_id}),
        lambda user_id: bytes([0x0A, len(user_id.encode()) & 0x7F]) + user_id.encode(),
    ],
    ids=["JSON", "nested JSON", "MessagePack", "Protocol Buffers"],
)
def test_an_id_is_found_however_it_is_written(user_id: str, write: object) -> None:
    assert mentions(write(user_id), user_id)  # type: ignore[operator]


@pytest.mark.parametrize(
    "raw", [b'{"userId": "77"}', b'{"count": 71}', b'{"userId":"u-7"}', msgspec.msgpack.encode({"a": "77"}), b""]
)
def test_a_short_id_is_not_found_within_another_value(raw: bytes) -> None:
    assert not mentions(raw, "7")
    assert mentions(raw + b'{"userId":7}', "7")


@pytest.mark.django_db
def test_a_request_is_made_once_and_names_nobody_in_the_audit_trail() -> None:
    environment = make_environment()
    append(environment, make_message(), make_message())

    first = erasure.request(environment, "user-1", by=None, reason="She asked")
    again = erasure.request(environment, "user-1", by=None)
    other = erasure.request(make_environment(), "user-1", by=None)

    assert (first, first.until, other.until) == (again, 2, 0)
    assert first.fingerprint == other.fingerprint == erasure.fingerprint("user-1") != erasure.fingerprint("user-2")
    entry = AuditEntry.objects.get(environment=environment, action="environment.erasure_requested")
    assert (entry.target, entry.reason, entry.details) == ("a user", "She asked", {"fingerprint": first.fingerprint})
    assert Erasure.objects.count() == 2


@pytest.mark.django_db
def test_what_sources_left_behind_of_a_person_goes_and_nothing_else() -> None:
    environment, elsewhere = make_environment(), make_environment()
    for place in (environment, elsewhere):
        for name, user in ((b"a", "user-1"), (b"b", "user-2")):
            raw = msgspec.json.encode({"user": user})
            SourcePayload.objects.create(environment=place, kind="custom", received_at=AT, body=compress(raw))
            HeldPart.objects.create(
                environment=place,
                kind="otlp",
                whole=name,
                part=name,
                body=compress(msgspec.msgpack.encode([user])),
                received_at=AT,
                due_at=AT,
            )
            state = msgspec.msgpack.encode({"anonymous_id": user})
            Conversation.objects.create(environment=place, digest=name, state=state, updated_at=AT)
            Refusal.objects.create(
                environment=place, source="segment", code=user, hour=AT, message="m", sample=raw.decode(), last_at=AT
            )

    erasure.clear_traces(environment.pk, "user-1")

    for rows in (SourcePayload, HeldPart, Conversation):
        assert rows.objects.filter(environment=environment).count() == 1
        assert rows.objects.filter(environment=elsewhere).count() == 2
    samples = Refusal.objects.filter(environment=environment).order_by("code").values_list("sample", flat=True)
    assert list(samples) == ["", '{"user":"user-2"}']
    assert not Refusal.objects.filter(environment=elsewhere, sample="").exists()
