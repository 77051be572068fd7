"""The catalog as a tracking plan: rules as Segment's Public API takes them, each with a schema of draft-07."""

from typing import Any

import jsonschema
import pytest

from assistants import catalog
from assistants.catalog.entry import Entry, Family
from assistants.catalog.tracking_plan import tracking_plan

FAMILIES = (*catalog.families(), catalog.plain_calls())


def rules(entries: Any) -> list[dict[str, Any]]:
    plan = tracking_plan(entries)
    assert set(plan) == {"rules"}
    found: list[dict[str, Any]] = plan["rules"]
    return found


def test_a_rule_has_the_members_that_the_api_takes() -> None:
    (rule,) = rules([entry for entry in catalog.entries() if entry.name == "Feedback Submitted"])

    assert rule == {
        "type": "TRACK",
        "key": "Feedback Submitted",
        "version": 1,
        "jsonSchema": {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "type": "object",
            "title": "Feedback Submitted",
            "description": "A user rated a message, or the conversation as a whole.",
            "properties": {
                "context": {},
                "traits": {},
                "properties": {
                    "type": "object",
                    "properties": {
                        "conversationId": {"type": "string", "description": "ID of the conversation."},
                        "messageId": {
                            "type": "string",
                            "description": "ID of the message that was rated. Absent where the conversation was.",
                        },
                        "rating": {
                            "type": "number",
                            "description": "The rating, on the sender's own scale.",
                            "examples": [4],
                        },
                    },
                },
            },
        },
    }


def test_all_events_fit_into_one_request() -> None:
    found = rules(catalog.everything())

    keys = [(rule["type"], rule.get("key")) for rule in found]
    assert keys == [
        *(("TRACK", entry.name) for entry in catalog.entries()),
        ("IDENTIFY", None),
        ("PAGE", None),
        ("SCREEN", None),
        ("GROUP", None),
    ]
    assert len(found) == 18 + 4 <= 200


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.slug)
def test_a_family_s_rules_are_those_of_its_events(family: Family) -> None:
    named = [entry.name for entry in family.entries if entry.type == "track" and entry.name != "*"]

    assert [rule["key"] for rule in rules(family.entries) if rule["type"] == "TRACK"] == named


@pytest.mark.parametrize("entry", catalog.entries(), ids=lambda entry: entry.title)
def test_each_schema_is_draft_07_and_takes_the_event_s_examples(entry: Entry) -> None:
    (rule,) = rules([entry])

    jsonschema.Draft7Validator.check_schema(rule["jsonSchema"])
    for example in entry.examples:
        jsonschema.validate(dict(example), rule["jsonSchema"], cls=jsonschema.Draft7Validator)
        broken = {**example, "properties": {**example["properties"], entry.properties[0].name: {}}}
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(broken, rule["jsonSchema"], cls=jsonschema.Draft7Validator)


@pytest.mark.parametrize("entry", catalog.plain_calls().entries, ids=lambda entry: entry.title)
def test_the_schemas_of_plain_calls_are_draft_07_too(entry: Entry) -> None:
    for rule in rules([entry]):
        jsonschema.Draft7Validator.check_schema(rule["jsonSchema"])
        assert "key" not in rule
        jsonschema.validate(dict(entry.examples[0]), rule["jsonSchema"], cls=jsonschema.Draft7Validator)


def test_alias_calls_and_events_of_any_name_have_no_rule() -> None:
    assert rules([entry for entry in catalog.everything() if entry.title in ("Alias", "Other track events")]) == []
