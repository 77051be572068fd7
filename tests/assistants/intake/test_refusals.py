"""Items that intake does not take: named in the answer, counted and sampled for people, and alone in their fate."""

import msgspec
import pytest

from assistants import log
from assistants.faults import MAX_MESSAGE_BYTES
from assistants.intake.refusals import SAMPLE_CHARACTERS, sample
from assistants.intake.segment import MAX_BATCH_ITEMS
from assistants.models import Refusal
from tests.assistants.intake.conftest import TRACK, Sender, stored

BAD_ITEMS = [
    (b"null", "not_an_object"),
    (b'"x"', "not_an_object"),
    (b"[]", "not_an_object"),
    (b"{}", "unknown_type"),
    (b'{"type":"x"}', "unknown_type"),
    (b'{"type":"track","a":1e400}', "number_out_of_range"),
    (b'{"type":"track","a":' + b"1" * 5000 + b"}", "number_out_of_range"),
    (b'{"type":"track","a":"\\u0000"}', "nul_character"),
    (b'{"type":"track","\\u0000":1}', "nul_character"),
    (b'{"type":"track","a":"\\ud800"}', "lone_surrogate"),
    (b'{"type":"track","\\udfff":1}', "lone_surrogate"),
    (b'{"type":"track","a":' + b"[" * 500 + b"]" * 500 + b"}", "too_deep"),
    (b'{"type":"track","a":' + b"[" * 32 + b"]" * 32 + b"}", "too_deep"),
    (b'{"type":"track","a":"' + b"x" * (MAX_MESSAGE_BYTES - 22) + b'"}', "message_too_large"),
    (b'{"type":"track","a":"' + b"x" * 300_000 + b'"}', "message_too_large"),
]


def counts(sender: Sender) -> dict[str, int]:
    totals: dict[str, int] = {}
    for refusal in Refusal.objects.filter(environment=sender.environment, source="segment"):
        totals[refusal.code] = totals.get(refusal.code, 0) + refusal.count
    return totals


def test_bad_items_are_refused_alone_and_their_neighbours_are_stored_byte_for_byte(sender: Sender) -> None:
    properties = b'{ "n" : 1.10, "big":123456789012345678901234567890, "e":1E5 }'
    good = b'{"type":"track","messageId":"%d","properties":' + properties + b"}"
    items = [part for number, (bad, _) in enumerate(BAD_ITEMS) for part in (good % number, bad)]

    response = sender.post("/v1/batch", b'{"batch":[' + b",".join(items) + b"]}")

    answer = response.json()
    assert (response.status_code, answer["success"]) == (200, True)
    assert [(refused["index"], refused["code"]) for refused in answer["refused"]] == [
        (2 * number + 1, code) for number, (_, code) in enumerate(BAD_ITEMS)
    ]
    assert counts(sender) == {
        "not_an_object": 3,
        "unknown_type": 2,
        "number_out_of_range": 2,
        "nul_character": 2,
        "lone_surrogate": 2,
        "too_deep": 2,
        "message_too_large": 2,
    }
    messages = [event.message for event in log.read(sender.environment.pk, after=0, limit=100)]
    assert [message.message_id for message in messages] == [str(number) for number in range(len(BAD_ITEMS))]
    assert {bytes(message.properties) for message in messages} == {properties}


def test_a_refused_single_message_is_a_failed_request_and_still_counted(sender: Sender) -> None:
    response = sender.post("/v1/track", b'{"event":"E","a":"\\u0000"}')

    message = "A key or a text contains the NUL character (\\u0000)."
    assert response.status_code == 400
    assert response.json() == {"success": False, "code": "nul_character", "message": message}
    assert counts(sender) == {"nul_character": 1}
    assert stored(sender) == []


def test_one_bad_message_among_a_thousand_is_named_and_the_others_are_stored(sender: Sender) -> None:
    items = [{**TRACK, "messageId": f"m-{n}"} for n in range(1000)]
    body = msgspec.json.encode({"batch": items}).replace(b'"m-500"', b'"m-500","x":"\\ud800"')

    response = sender.post("/v1/batch", body)

    message = "A key or a text contains half of a surrogate pair (\\ud800 to \\udfff)."
    assert response.status_code == 200
    assert response.json() == {
        "success": True,
        "refused": [{"index": 500, "code": "lone_surrogate", "message": message}],
    }
    assert [message["messageId"] for message in stored(sender)] == [f"m-{n}" for n in range(1000) if n != 500]


def test_items_beyond_2500_are_refused_each(sender: Sender) -> None:
    response = sender.batch(*[TRACK] * (MAX_BATCH_ITEMS + 2))

    message = "A batch may hold 2,500 items; this one is beyond that."
    assert response.json() == {
        "success": True,
        "refused": [
            {"index": 2500, "code": "batch_too_long", "message": message},
            {"index": 2501, "code": "batch_too_long", "message": message},
        ],
    }
    assert log.head(sender.environment.pk) == 2500
    assert counts(sender) == {"batch_too_long": 2}


def test_a_batch_of_nothing_but_refused_items_names_them_all_and_stores_nothing(sender: Sender) -> None:
    response = sender.batch(*[5] * MAX_BATCH_ITEMS)

    assert [refused["index"] for refused in response.json()["refused"]] == list(range(MAX_BATCH_ITEMS))
    assert counts(sender) == {"not_an_object": MAX_BATCH_ITEMS}
    assert log.head(sender.environment.pk) == 0


def test_a_batchs_context_must_not_make_an_item_too_large(sender: Sender) -> None:
    response = sender.batch(TRACK, {**TRACK, "x": "y" * 20_000}, context={"a": "b" * 20_000})

    (refused,) = response.json()["refused"]
    assert (refused["index"], refused["code"]) == (1, "message_too_large")
    assert refused["message"].startswith("With the batch's context and integrations the item has 40,")
    assert len(stored(sender)) == 1


def test_refusals_of_one_kind_and_hour_are_one_row_with_the_latest_sample(sender: Sender) -> None:
    sender.batch(1, 2, {"type": "x"})
    sender.batch(3, 4)

    assert counts(sender) == {"not_an_object": 4, "unknown_type": 1}
    latest = Refusal.objects.filter(code="not_an_object").latest("last_at")
    assert (latest.sample, latest.message) == ("4", "An item must be a JSON object, not “4”.")
    assert latest.hour == latest.last_at.replace(minute=0, second=0, microsecond=0)
    # One row, or two where the hour ended between the requests.
    assert Refusal.objects.filter(code="not_an_object").values("hour").distinct().count() == (
        Refusal.objects.filter(code="not_an_object").count()
    )


def test_no_part_of_a_key_is_in_the_answer_or_in_what_is_kept(sender: Sender) -> None:
    secret = sender.key.split("_")[3]

    response = sender.batch({"type": "x", "note": sender.key}, {"type": sender.key}, sender.key)

    kept = [text for refusal in Refusal.objects.all() for text in (refusal.sample, refusal.message)]
    assert len(kept) == 4
    assert secret[:8] not in " ".join([response.text, *kept])
    assert Refusal.objects.get(code="not_an_object").sample == f'"{sender.key[:19]}***"'


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b'{"type":"x","ok":"seen"}', '{"type":"x","ok":"seen"}'),
        (b'{"writeKey":"wk-1","ok":"seen"}', '{"writeKey": ***,"ok":"seen"}'),
        (b'{"Password" : "a\\"b","ok":"seen"}', '{"Password": ***,"ok":"seen"}'),
        (
            b'{"client_secret":"s","access_token":"t","api_key":"k"}',
            '{"client_secret": ***,"access_token": ***,"api_key": ***}',
        ),
        (b'{"authorization":"Basic c2VjcmV0"}', '{"authorization": "***"}'),
        (b'{"token":"' + b"t" * 3000, '{"token": ***'),
        (b'{"a":"\x00\xff"}', '{"a":"\u2400\ufffd"}'),
        (b"x" * 3000, "x" * SAMPLE_CHARACTERS),
    ],
)
def test_a_sample_is_short_and_inert_and_holds_no_secret(raw: bytes, expected: str) -> None:
    assert sample(raw) == expected
