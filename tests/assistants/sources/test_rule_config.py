"""The configuration of a source by rules: what is wrong is said with its place, all of it at once."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistants import sources
from assistants.sources.generic.config import BadConfig, Config, check, needs_key, needs_secret, parse
from assistants.sources.generic.source import load_preset
from tests.assistants.sources.mutations import changed, mutations
from tests.assistants.sources.recipes import recipes

RULE = {"when": "type == 'a'", "event": "Message Sent", "fields": {"conversationId": "id"}}
HMAC = {"kind": "hmac", "header": "X-Signature"}
CONFIG: dict[str, Any] = {"verify": {"kind": "key"}, "unwrap": {"kind": "none"}, "rules": [RULE]}


def problems(**changes: Any) -> list[str]:
    return [str(problem) for problem in check({**CONFIG, **changes})]


def rule_problems(**changes: Any) -> list[str]:
    return problems(rules=[RULE, {**RULE, **changes}])


def test_a_configuration_is_usable_from_nothing_to_everything() -> None:
    assert check({}) == check(CONFIG) == []
    assert parse({}) == Config()
    assert parse(CONFIG).rules[0].fields == {"conversationId": "id"}


@pytest.mark.parametrize("kind", ["twilio", "dialogflow", "intercom", "custom"])
def test_every_preset_is_usable_and_registered(kind: str) -> None:
    preset = load_preset(kind)
    adapter = sources.find(kind)

    assert check(preset.config) == []
    assert adapter is not None
    assert (adapter.kind, adapter.title, adapter.check({})) == (preset.kind, preset.title, [])
    assert len(preset.kind) <= 20
    assert preset.secret_label or not needs_secret(parse(preset.config))


@pytest.mark.parametrize("recipe", recipes())
def test_every_recipe_is_usable(recipe: str) -> None:
    assert check(recipes()[recipe]) == []


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"rule": []}, ["rule: is unknown; there are verify, unwrap, rules, id_header, id, echo."]),
        ({"id": 7}, ["id: must be a text."]),
        ({"id": "a["}, ["id: is not complete."]),
        ({"echo": None}, ["echo: must be a text."]),
        ({"verify": None}, ["verify: expected an object, got nothing."]),
        ({"verify": {}}, ["verify: object missing required field “kind”."]),
        ({"verify": {"kind": "trust"}}, ["verify, kind: invalid value 'trust'."]),
        ({"verify": {"kind": "header"}}, ["verify: object missing required field “header”."]),
        ({"verify": {"kind": "header", "header": " "}}, ["verify, header: is empty."]),
        ({"verify": {"kind": "key", "header": "X"}}, ["verify: object contains unknown field “header”."]),
        ({"verify": {**HMAC, "algorithm": "md5"}}, ["verify, algorithm: invalid enum value 'md5'."]),
        (
            {"verify": {**HMAC, "template": "{ts}"}},
            [
                "verify, template: lacks {body}: the signature would hold for any content.",
                "verify, ts_header: is missing: the template uses {ts}.",
            ],
        ),
        ({"verify": {**HMAC, "template": "{body}{x}"}}, ["verify, template: knows {body}, {ts} and {id}, not {x}."]),
        ({"verify": {**HMAC, "template": "{id}{body}"}}, ["verify, id_header: is missing: the template uses {id}."]),
        (
            {"verify": {**HMAC, "ts_header": "X-Timestamp"}},
            ["verify, template: lacks {ts}: a timestamp that is not signed proves nothing."],
        ),
        (
            {"verify": {**HMAC, "pattern": "t={ts}"}},
            [
                "verify, pattern: must name {signature}, and may name {ts} and {id}: t={ts},v1={signature}.",
                "verify, template: lacks {ts}: a timestamp that is not signed proves nothing.",
            ],
        ),
        (
            {"verify": {"kind": "standard_webhooks", "tolerance_s": 0}},
            ["verify, tolerance_s: must be seconds, more than 0 and at most 86,400."],
        ),
        ({"verify": {"kind": "jwt", "algorithms": []}}, ["verify, algorithms: names none."]),
        ({"verify": {"kind": "jwt", "algorithms": ["none"]}}, ["verify, algorithms: invalid enum value 'none'."]),
        ({"unwrap": {"kind": "zip"}}, ["unwrap, kind: invalid value 'zip'."]),
        ({"unwrap": {"kind": "path", "path": ""}}, ["unwrap, path: is empty."]),
        ({"unwrap": {"kind": "path", "path": "a["}}, ["unwrap, path: is not complete."]),
        ({"rules": {}}, ["rules: must be a list."]),
        ({"rules": [RULE] * 51}, ["rules: are more than 50."]),
    ],
)
def test_what_is_wrong_is_said_with_its_place(changes: dict[str, Any], found: list[str]) -> None:
    assert problems(**changes) == found


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"event": " "}, ["rule 2, event: must be a name of at most 200 characters."]),
        ({"event": 7}, ["rule 2, event: expected a text, got a number."]),
        ({"when": "a &&"}, ["rule 2, when: is not complete."]),
        ({"if": "a"}, ["rule 2: object contains unknown field “if”."]),
        ({"fields": []}, ["rule 2, fields: expected an object, got a list."]),
        ({"fields": {"a": 1}}, ["rule 2, fields: expected a text, got a number."]),
        ({"fields": {"a": " "}}, ["rule 2, field a: has no expression."]),
        ({"fields": {"": "a"}}, ["rule 2, fields: have a name that is empty or over 200 characters."]),
        (
            {"fields": {"messageId": "lowr(a)", "userId": "b..c"}},
            [
                "rule 2, field messageId: calls lowr(), which does not exist; there are ",
                "rule 2, field userId: makes no sense from character 3 on: .c",
            ],
        ),
        ({"fields": {str(n): "a" for n in range(51)}}, ["rule 2, fields: are more than 50."]),
        ({"types": {"when": "iso"}}, ["rule 2, types: speak of “when”, which is not among the fields."]),
        ({"types": {"conversationId": "date"}}, ["rule 2, types: invalid enum value 'date'."]),
    ],
)
def test_what_is_wrong_in_a_rule_is_said_with_its_number(changes: dict[str, Any], found: list[str]) -> None:
    said = rule_problems(**changes)

    assert len(said) == len(found)
    assert all(line.startswith(start) for line, start in zip(said, found, strict=True))


def test_everything_wrong_is_said_at_once() -> None:
    assert len(problems(verify=7, unwrap=7, rules=[7, {**RULE, "when": "("}], id="(", extra=1)) == 6


@pytest.mark.parametrize("config", [None, 7, "x", [], [CONFIG]])
def test_what_is_no_object_is_no_configuration(config: Any) -> None:
    assert [str(problem) for problem in check(config)] == ["configuration: must be an object."]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"id": "\ud800"}, "holds something that is no JSON, such as half of a surrogate pair."),
        ({"rules": {1: object()}}, "holds something that is no JSON, such as half of a surrogate pair."),
        ({"id": "'\0'"}, "holds the NUL character, which no database takes."),
        ({"id": "x" * 200_000}, "has 200,009 bytes; the limit is 200,000."),
    ],
)
def test_what_cannot_be_stored_is_no_configuration(config: Any, message: str) -> None:
    assert [str(problem) for problem in check(config)] == [f"configuration: {message}"]


def test_a_configuration_that_cannot_be_used_cannot_be_parsed() -> None:
    with pytest.raises(BadConfig, match=r"^id: is not complete\.; rules: must be a list\.$") as bad:
        parse({"id": "a[", "rules": 7})

    assert len(bad.value.problems) == 2


def test_a_configuration_tells_what_its_senders_need() -> None:
    kinds = ["none", "key", "header", "basic", "hmac", "standard_webhooks", "jwt"]
    more = {"header": {"header": "X"}, "hmac": {"header": "X"}}
    proofs = [parse({"verify": {"kind": kind, **more.get(kind, {})}}) for kind in kinds]

    assert [needs_key(config) for config in proofs] == [False, True, False, False, False, False, False]
    assert [needs_secret(config) for config in proofs] == [False, False, True, True, True, True, True]


def test_the_adapter_says_what_is_wrong_with_its_option() -> None:
    custom = sources.find("custom")

    assert custom is not None
    assert custom.check({"config": {"rules": [{"event": "", "fields": {}}]}}) == [
        "rule 1, event: must be a name of at most 200 characters."
    ]


@settings(max_examples=500, deadline=None)
@given(changes=mutations(recipes()["slack"]) | mutations(load_preset("intercom").config), which=st.booleans())
def test_any_malformed_configuration_is_described_or_used(changes: list[Any], which: bool) -> None:
    config = changed(recipes()["slack"] if which else load_preset("intercom").config, changes)

    found = check(config)

    assert all(problem.place and problem.message for problem in found)
    if not found:
        parse(config)
