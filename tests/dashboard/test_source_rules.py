"""Rules edited in a form or as JSON: what is wrong is said at its place, a dry run stores nothing, saving holds."""

import json
from html import unescape
from typing import Any, get_args

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from assistants import log, sources
from assistants.models import AuditEntry, Environment, Source, SourcePayload
from assistants.sources import setup
from assistants.sources.generic import config as rule_config
from assistants.sources.payloads import compress
from dashboard.rule_drafts import Draft
from dashboard.rule_editor import Editor
from dashboard.rule_forms import PROOFS, TYPES, WRAPPINGS
from tests.dashboard.html import tag_with, text_of, ticked, value_of
from tests.make import make_environment

pytestmark = pytest.mark.django_db

RULE = {
    "when": "type == 'message'",
    "event": "Message Sent",
    "fields": {"conversationId": "conversation", "userId": "user", "timestamp": "at"},
    "types": {"timestamp": "epoch_s"},
}
CONFIG = {"verify": {"kind": "header", "header": "X-API-Key"}, "unwrap": {"kind": "none"}, "rules": [RULE]}
MESSAGE = {"type": "message", "conversation": "c-1", "user": "user-42", "at": 1_795_000_000}


def page_of(environment: Environment, kind: str = "custom") -> str:
    return f"/environments/{environment.public_id}/sources/{kind}/rules/"


def config_of(kind: str) -> Any:
    adapter = sources.find(kind)
    assert adapter is not None
    return adapter.options[0].default


def make_payloads(environment: Environment, *bodies: object, kind: str = "custom") -> list[SourcePayload]:
    """Keep payloads, the last one the newest."""
    return [
        SourcePayload.objects.create(
            environment=environment,
            kind=kind,
            received_at=timezone.now(),
            headers={},
            body=compress(body if isinstance(body, bytes) else json.dumps(body).encode()),
        )
        for body in bodies
    ]


def form_of(config: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return what the page would send for a configuration, with changes."""
    draft = Draft.of_config(config)
    form = {name: value for name, value in draft.envelope.data.items() if value not in (None, "")}
    for index, rule in enumerate(draft.rules):
        form |= {f"rule-{index}-event": rule.event, f"rule-{index}-when": rule.when}
        for position, row in enumerate(rule.fields):
            prefix = f"rule-{index}-field-{position}"
            form |= {f"{prefix}-name": row.name, f"{prefix}-expression": row.expression, f"{prefix}-type": row.type}
    return {**form, **changes}


def press(client: Client, environment: Environment, action: str, form: dict[str, Any], *, kind: str = "custom") -> Any:
    seen = setup.fingerprint(setup.find(environment, kind))
    return client.post(page_of(environment, kind), {"seen": seen, **form, "_action": action})


def kept(environment: Environment, kind: str = "custom") -> Any:
    """Return the rules that were saved, if they are not the preset's."""
    adapter = sources.find(kind)
    assert adapter is not None
    return setup.saved_options(adapter, Source.objects.get(environment=environment, kind=kind)).get("config")


def shown_rules(page: HttpResponse) -> int:
    return page.content.decode().count('<fieldset class="panel rule"')


# --- The form and the configuration say the same ---


def test_the_form_offers_every_proof_wrapping_and_type_that_a_configuration_knows() -> None:
    proofs, wrappings = (
        {kind.__struct_config__.tag for kind in get_args(union)} for union in (rule_config.Proof, rule_config.Wrapping)
    )
    assert {kind for kind, _words in PROOFS} == proofs
    assert {kind for kind, _words in WRAPPINGS} == wrappings
    assert {kind for kind, _words in TYPES} == {"", *get_args(rule_config.FieldType)}


@pytest.mark.parametrize(
    "config",
    [
        *(config_of(kind) for kind in ("twilio", "dialogflow", "intercom", "custom")),
        CONFIG,
        {},
        {"verify": {"kind": "basic", "user": "sluice"}, "unwrap": {"kind": "path", "path": "events[*]"}},
        {
            "verify": {
                "kind": "hmac",
                "header": "X-Signature",
                "algorithm": "sha512",
                "prefix": "v1=",
                "template": "{ts}.{id}.{body}",
                "encoding": "base64",
                "ts_header": "X-Time",
                "id_header": "X-ID",
                "tolerance_s": 12.5,
            },
            "unwrap": {"kind": "ndjson"},
            "id_header": "X-ID",
            "id": "id",
            "echo": "challenge",
        },
        {"verify": {"kind": "jwt", "header": "X-Token", "algorithms": ["HS512"]}, "unwrap": {"kind": "firehose"}},
        {"verify": {"kind": "standard_webhooks", "tolerance_s": 60}, "unwrap": {"kind": "cloudevents"}},
    ],
)
def test_a_configuration_goes_through_the_form_unchanged(config: dict[str, Any]) -> None:
    through = Editor.of_form(form_of(config)).config()
    assert rule_config.parse(through) == rule_config.parse(config)
    assert Editor(text=json.dumps(config)).config() == config


def test_the_page_shows_the_rules_in_force(alices: Client) -> None:
    environment = make_environment()
    setup.save(environment, sources.find("custom"), options={"config": CONFIG}, by=None)

    page = alices.get(page_of(environment))

    assert (ticked(page, "verify"), ticked(page, "unwrap")) == (["header"], ["none"])
    assert value_of(page, "verify_header_header") == "X-API-Key"
    assert value_of(page, "rule-0-event") == "Message Sent"
    assert value_of(page, "rule-0-field-1-expression") == "user"
    assert "type == &#x27;message&#x27;</textarea>" in page.content.decode()
    assert 'value="epoch_s" selected' in page.content.decode()


def test_rules_of_an_older_version_that_cannot_be_used_any_more_can_be_put_right(alices: Client) -> None:
    environment = make_environment()
    old = json.dumps({"rules": [{"event": "A", "shape": "round"}]})
    Source.objects.create(environment=environment, kind="custom", options={"config": old})

    source_page = alices.get(page_of(environment).removesuffix("rules/"))
    assert "Rules Cannot be used Nothing is taken until this is put right." in text_of(source_page)
    page = alices.get(page_of(environment))
    assert page.status_code == 200
    assert "shape" in text_of(page)
    assert "Edit in the form" in text_of(page)

    assert press(alices, environment, "save", {"json": json.dumps(CONFIG)}).status_code == 302
    assert kept(environment) == CONFIG


def test_a_preset_is_shown_where_nothing_was_saved(alices: Client) -> None:
    page = alices.get(page_of(make_environment(), "intercom"))
    assert value_of(page, "rule-0-event") == "Conversation Started"
    assert value_of(page, "verify_hmac_header") == "X-Hub-Signature"
    assert shown_rules(page) == 6


# --- Adding and removing, without a script ---


def test_rules_and_fields_are_added_and_removed_by_buttons_and_nothing_is_saved(alices: Client) -> None:
    environment = make_environment()
    form = form_of(CONFIG)

    page = press(alices, environment, "add_rule", form)
    assert (page.status_code, shown_rules(page)) == (200, 2)
    assert value_of(page, "rule-1-event") == ""

    page = press(alices, environment, "add_field:0", form)
    assert value_of(page, "rule-0-field-3-name") == ""
    assert value_of(page, "rule-0-field-2-name") == "timestamp"

    page = press(alices, environment, "remove_field:0:1", form)
    assert [value_of(page, f"rule-0-field-{index}-name") for index in range(2)] == ["conversationId", "timestamp"]
    assert "rule-0-field-2-name" not in page.content.decode()

    page = press(alices, environment, "remove_rule:0", form)
    assert shown_rules(page) == 0
    assert "No rule yet" in text_of(page)
    assert not Source.objects.exists()


@pytest.mark.parametrize(
    "action", ["remove_rule:7", "remove_field:0:9", "add_field:9", "remove_rule", "remove_field:0", "add_field:-1", "x"]
)
def test_a_button_for_what_is_not_there_changes_nothing(alices: Client, action: str) -> None:
    page = press(alices, make_environment(), action, form_of(CONFIG))
    assert (page.status_code, shown_rules(page)) == (200, 1)
    assert value_of(page, "rule-0-field-2-name") == "timestamp"


def test_a_preset_can_be_begun_with_from_any_source(alices: Client) -> None:
    environment = make_environment()
    page = press(alices, environment, "preset", {**form_of(CONFIG), "preset": "intercom"})
    assert shown_rules(page) == 6
    assert ticked(page, "verify") == ["hmac"]
    assert not Source.objects.exists()
    assert press(alices, environment, "preset", {"preset": "watson"}).status_code == 404


# --- The dry run ---


def test_a_dry_run_shows_what_the_last_payloads_would_become_and_stores_nothing(alices: Client) -> None:
    environment = make_environment()
    make_payloads(environment, MESSAGE, {"type": "typing"}, {**MESSAGE, "at": "yesterday"}, b"{oops")
    make_payloads(make_environment(), {"of": "another"})

    page = press(alices, environment, "dry_run", form_of(CONFIG))

    assert page.status_code == 200
    words = text_of(page)
    assert words.index("Would be refused") < words.index("Rule 1, field timestamp".lower())
    assert words.index("rule 1, field timestamp") < words.index("No rule matches")
    assert words.index("No rule matches") < words.index("Message Sent by rule 1", words.index("No rule matches"))
    told = unescape(page.content.decode())
    assert '"timestamp": "2026-11-18T' in told
    assert '"conversationId": "c-1"' in told
    assert "another" not in told
    assert value_of(page, "rule-0-field-1-expression") == "user"
    assert log.head(environment.pk) == 0
    assert not Source.objects.exists()
    assert not AuditEntry.objects.filter(action__startswith="source").exists()


def test_a_dry_run_looks_at_the_newest_twenty(alices: Client) -> None:
    environment = make_environment()
    payloads = make_payloads(environment, *({**MESSAGE, "conversation": f"c-{number}"} for number in range(25)))

    page = press(alices, environment, "dry_run", form_of(CONFIG))

    told = page.content.decode()
    shown = [payload.pk for payload in payloads if f"/payloads/{payload.pk}/" in told]
    assert shown == [payload.pk for payload in payloads[5:]]
    assert "on the last 20 payloads" in text_of(page)


def test_a_dry_run_without_payloads_says_what_to_do(alices: Client) -> None:
    words = text_of(press(alices, make_environment(), "dry_run", form_of(CONFIG)))
    assert "No payload to try Let the sender send something first." in words


def test_enter_in_a_field_is_a_dry_run(alices: Client) -> None:
    page = alices.get(page_of(make_environment())).content.decode()
    form = page[page.index('<form class="rules"') :]
    assert form.index('value="dry_run"') < form.index('value="preset"') < form.index('value="save"')


# --- What is wrong ---


def test_what_is_wrong_is_said_at_its_place_and_nothing_is_saved(alices: Client) -> None:
    environment = make_environment()
    broken = form_of(
        CONFIG,
        **{
            "verify": "hmac",
            "verify_hmac_header": "",
            "verify_hmac_template": "{nope}",
            "verify_hmac_tolerance_s": "soon",
            "unwrap": "path",
            "unwrap_path_path": "events[",
            "id": "a b",
            "rule-0-when": "type ==",
            "rule-0-event": "",
            "rule-0-field-0-expression": "nope(x)",
            "rule-0-field-1-expression": "",
        },
    )
    for action in ("save", "dry_run"):
        page = press(alices, environment, action, broken)
        assert page.status_code == 422
        told = unescape(page.content.decode())
        for place in ("rule-0-when", "rule-0-event", "rule-0-field-0-expression", "rule-0-field-1-expression"):
            assert f'<a href="#{place}">' in told
            assert 'aria-invalid="true"' in tag_with(page, f'name="{place}"')
        assert '<a href="#id_unwrap_path_path">' in told
        assert '<a href="#id_id">' in told
        assert "Rule 1, when: is not complete." in told
        assert "Nothing you entered is lost, and nothing was saved." in told
        assert value_of(page, "verify_hmac_tolerance_s") == "soon"
    assert not Source.objects.exists()


@pytest.mark.parametrize(
    ("changes", "place", "words"),
    [
        ({"verify_hmac_header": ""}, "id_verify_hmac_header", "Verify, header: is empty."),
        ({"verify_hmac_template": "{ts}"}, "id_verify_hmac_template", "Verify, template: lacks {body}"),
        ({"verify_hmac_tolerance_s": "soon"}, "id_verify_hmac_tolerance_s", "Verify, tolerance_s: expected a number"),
    ],
)
def test_what_is_wrong_with_a_signature_is_said_at_its_field(
    alices: Client, changes: dict[str, str], place: str, words: str
) -> None:
    signed = {"verify": "hmac", "verify_hmac_header": "X-Signature", "verify_hmac_template": "{body}"}
    page = press(alices, make_environment(), "save", form_of(CONFIG, **{**signed, **changes}))
    told = unescape(page.content.decode())
    assert page.status_code == 422
    assert f'<a href="#{place}">{words}' in told
    assert f'id="{place}_error"' in told


def test_a_field_that_is_there_twice_is_told(alices: Client) -> None:
    page = press(alices, make_environment(), "save", form_of(CONFIG, **{"rule-0-field-2-name": "userId"}))
    assert page.status_code == 422
    assert "Rule 1, field userId: is there twice." in text_of(page)
    assert not Source.objects.exists()


def test_blank_rows_are_no_fields_and_blank_rules_no_rules(alices: Client) -> None:
    environment = make_environment()
    blank = {"rule-0-event": "", "rule-0-when": "", "rule-0-field-0-name": "", "rule-0-field-0-expression": ""}
    form = {"verify": "none", "unwrap": "none", **blank, "rule-1-event": "Message Sent", "rule-1-when": ""}
    form |= {"rule-1-field-0-name": "userId", "rule-1-field-0-expression": "user", "rule-1-field-0-type": ""}
    form |= {"rule-1-field-1-name": "", "rule-1-field-1-expression": "", "rule-1-field-1-type": "text"}

    assert press(alices, environment, "save", form).status_code == 302
    assert kept(environment)["rules"] == [{"event": "Message Sent", "fields": {"userId": "user"}}]


# --- Saving ---


def test_rules_are_saved_audited_and_hold(alices: Client) -> None:
    environment = make_environment()

    answer = press(alices, environment, "save", form_of(CONFIG))

    assert answer.headers["Location"] == f"/environments/{environment.public_id}/sources/custom/"
    assert kept(environment) == CONFIG
    entry = AuditEntry.objects.get(action="source.added")
    assert (entry.actor_name, entry.target, entry.details) == (
        "alice@example.com",
        "Custom source",
        {"changed": ["config"]},
    )
    words = text_of(alices.get(answer.headers["Location"]))
    assert "The rules are saved." in words
    assert "Nothing can prove itself yet: enter the secret in the settings." in words


def test_a_preset_saved_unchanged_stays_the_preset(alices: Client) -> None:
    environment = make_environment()
    assert press(alices, environment, "save", form_of(config_of("intercom")), kind="intercom").status_code == 302
    assert kept(environment, "intercom") is None


def test_rules_saved_by_somebody_else_meanwhile_are_not_overwritten(alices: Client) -> None:
    environment = make_environment()
    seen = setup.fingerprint(None)
    setup.save(environment, sources.find("custom"), options={"config": {**CONFIG, "rules": []}}, by=None)

    page = press(alices, environment, "save", {**form_of(CONFIG), "seen": seen})

    assert page.status_code == 422
    assert "Somebody else changed this source in the meantime." in text_of(page)
    assert kept(environment)["rules"] == []
    assert value_of(page, "rule-0-event") == "Message Sent"


def test_rules_in_live_change_with_a_reason(alices: Client) -> None:
    live = make_environment("live")
    assert press(alices, live, "save", form_of(CONFIG)).status_code == 302

    changed = form_of({**CONFIG, "rules": []})
    assert "Reason" not in text_of(alices.get(page_of(make_environment())))
    assert press(alices, live, "dry_run", changed).status_code == 200
    refused = press(alices, live, "save", changed)
    assert refused.status_code == 422
    assert "Say why: changes in live keep their reason." in text_of(refused)
    assert kept(live)["rules"] == [RULE]

    assert press(alices, live, "save", {**changed, "reason": "The sender changed"}).status_code == 302
    assert kept(live)["rules"] == []
    assert AuditEntry.objects.get(action="source.changed").reason == "The sender changed"


# --- As JSON ---


def test_form_and_json_hold_the_same_and_lead_to_each_other(alices: Client) -> None:
    environment = make_environment()

    page = press(alices, environment, "as_json", form_of(CONFIG, **{"rule-0-event": "Message Received"}))
    text = unescape(page.content.decode().partition('id="json"')[2].partition(">")[2].partition("</textarea>")[0])
    assert json.loads(text) == {**CONFIG, "rules": [{**RULE, "event": "Message Received"}]}

    page = press(alices, environment, "as_form", {"json": text})
    assert value_of(page, "rule-0-event") == "Message Received"
    assert value_of(page, "verify_header_header") == "X-API-Key"


def test_json_is_tried_and_saved(alices: Client) -> None:
    environment = make_environment()
    make_payloads(environment, MESSAGE)
    form = {"json": json.dumps(CONFIG)}

    assert "Message Sent by rule 1" in text_of(press(alices, environment, "dry_run", form))
    assert not Source.objects.exists()
    assert press(alices, environment, "save", form).status_code == 302
    assert kept(environment) == CONFIG


@pytest.mark.parametrize("action", ["save", "dry_run", "as_form"])
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"rules":\n [}', "Line 2, character 3: this is not JSON. Expecting value."),
        ("", "Line 1, character 1: this is not JSON."),
        ("[]", "Configuration: must be an object."),
        ('{"ruels": []}', "Ruels: is unknown"),
        ('{"rules": [{"event": "A", "fields": {"userId": "nope("}}]}', "Rule 1, field userId: is not complete."),
        ("[" * 100_000, "This is nested too deeply."),
    ],
)
def test_what_is_wrong_with_json_is_said_with_its_place(alices: Client, action: str, text: str, words: str) -> None:
    page = press(alices, make_environment(), action, {"json": text})
    assert page.status_code == 422
    assert words in text_of(page)
    assert text[:20] in unescape(page.content.decode())
    assert not Source.objects.exists()
