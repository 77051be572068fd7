"""Setting up sources: what is kept, what is refused, that secrets are readable for nobody, and what the audit says."""

import base64
import json
import os
from typing import Any

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from assistants import encryption, sources
from assistants.encryption import decrypt
from assistants.models import AuditEntry, Environment, Source
from assistants.sources import setup, vocabulary
from assistants.sources.setup import SetupError, StaleSourceError
from tests.assistants.sources.parrot import TOO_LOUD, Parrot
from tests.make import make_environment

pytestmark = pytest.mark.django_db

SECRET = "a made-up secret for tests"
PARROT = Parrot()
DEFAULTS = {"shouts": True, "voice": "loud", "words": [], "cage": ""}


def make_key() -> str:
    return base64.b64encode(os.urandom(32)).decode()


def entries() -> list[tuple[str, str, dict[str, Any]]]:
    return [(each.action, each.target, each.details) for each in AuditEntry.objects.filter(action__startswith="source")]


def save(environment: Environment, *, secret: str | None = None, seen: str | None = None, **options: Any) -> Source:
    return setup.save(environment, PARROT, options=options, secret=secret, by=None, seen=seen)


def test_a_source_is_kept_with_all_its_options_and_its_secret_encrypted() -> None:
    alice = User.objects.create_user("alice@example.com")
    environment = make_environment()

    setup.save(environment, PARROT, options={"words": ["hello"]}, secret=SECRET, by=alice, reason="It talks")

    row = Source.objects.get()
    assert (row.environment, row.kind) == (environment, "parrot")
    assert row.options == {**DEFAULTS, "words": ["hello"]}
    assert SECRET not in row.secret
    assert decrypt(row.secret, context=f"source:{environment.pk}:parrot") == SECRET
    entry = AuditEntry.objects.get(action="source.added")
    assert (entry.actor, entry.target, entry.environment, entry.reason) == (alice, "Parrot", environment, "It talks")
    assert entry.details == {"changed": ["shouts", "voice", "words", "cage", "secret"]}


def test_a_change_names_what_changed_and_leaves_the_rest() -> None:
    environment = make_environment()
    token = save(environment, secret=SECRET, cage="kitchen").secret

    row = save(environment, voice="soft", shouts=False)

    assert row.options == {**DEFAULTS, "cage": "kitchen", "voice": "soft", "shouts": False}
    assert row.secret == token
    assert entries()[0] == ("source.changed", "Parrot", {"changed": ["shouts", "voice"]})


def test_the_same_again_changes_nothing() -> None:
    environment = make_environment()
    token = save(environment, secret=SECRET, cage="kitchen").secret

    save(environment, secret=SECRET, cage="kitchen")

    assert Source.objects.get().secret == token
    assert len(entries()) == 1


def test_setting_up_a_source_that_was_only_heard_says_that_it_was_added() -> None:
    environment = make_environment()
    Source.objects.create(environment=environment, kind="parrot")

    save(environment)

    assert [action for action, _target, _details in entries()] == ["source.added"]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"shouts": "yes"}, "In capitals: must be true or false."),
        ({"voice": "hoarse"}, "Voice: “hoarse” is none of loud, soft."),
        ({"words": "hello"}, "Words: must be a list of at most 200 texts."),
        ({"words": [1]}, "Words: must be a list of at most 200 texts."),
        ({"cage": None}, "Cage: must be a text of at most 2,000 characters."),
        ({"cage": "x" * 2001}, "Cage: must be a text of at most 2,000 characters."),
        ({"feathers": 7}, "There is no option “feathers”."),
        ({"voice": "soft"}, TOO_LOUD),
    ],
)
def test_options_that_do_not_fit_are_refused_and_nothing_is_kept(options: dict[str, Any], problem: str) -> None:
    environment = make_environment()

    with pytest.raises(SetupError) as refused:
        save(environment, secret=SECRET, **options)

    assert refused.value.problems == [problem]
    assert not Source.objects.exists()
    assert entries() == []


def test_a_secret_has_a_bound() -> None:
    with pytest.raises(SetupError, match="at most 1,024 characters"):
        save(make_environment(), secret="x" * 1025)
    assert not Source.objects.exists()


def test_who_saw_another_set_up_is_told_and_changes_nothing() -> None:
    environment = make_environment()
    seen = setup.fingerprint(setup.find(environment, "parrot"))
    save(environment, cage="kitchen", seen=seen)

    with pytest.raises(StaleSourceError):
        save(environment, cage="hall", seen=seen)

    assert Source.objects.get().options["cage"] == "kitchen"
    save(environment, cage="hall", seen=setup.fingerprint(setup.find(environment, "parrot")))
    assert Source.objects.get().options["cage"] == "hall"


def test_two_people_replacing_the_secret_notice_each_other() -> None:
    environment = make_environment()
    seen = setup.fingerprint(save(environment, secret=SECRET))
    save(environment, secret="another made-up secret")

    with pytest.raises(StaleSourceError):
        save(environment, secret="a third one", seen=seen)


def test_a_secret_that_cannot_be_read_any_more_is_replaced(settings: Settings) -> None:
    settings.SLUICE_ENCRYPTION_KEYS = [make_key()]
    environment = make_environment()
    save(environment, secret=SECRET)
    settings.SLUICE_ENCRYPTION_KEYS = [make_key()]

    row = save(environment, secret=SECRET)

    assert decrypt(row.secret, context=row.secret_context) == SECRET


def test_a_secret_is_removed_once() -> None:
    environment = make_environment()
    save(environment, secret=SECRET)

    for _ in range(2):
        setup.remove_secret(environment, PARROT, by=None, reason="It leaked")

    assert Source.objects.get().secret == ""
    assert [action for action, _target, _details in entries()].count("source.secret_removed") == 1
    assert AuditEntry.objects.get(action="source.secret_removed").reason == "It leaked"


def test_no_audit_entry_tells_a_secret() -> None:
    environment = make_environment()
    save(environment, secret=SECRET)
    save(environment, secret="another made-up secret")
    setup.remove_secret(environment, PARROT, by=None)

    told = json.dumps([(entry.target, entry.reason, entry.details) for entry in AuditEntry.objects.all()])
    assert "made-up secret" not in told


def test_what_a_source_is_told_is_read_back_with_what_it_leaves_out() -> None:
    environment = make_environment()
    assert setup.options_of(PARROT, None) == DEFAULTS

    Source.objects.create(environment=environment, kind="parrot", options={"cage": "kitchen"})

    assert setup.options_of(PARROT, setup.find(environment, "parrot")) == {**DEFAULTS, "cage": "kitchen"}


def test_rules_of_the_preset_are_not_kept_so_that_a_better_preset_holds() -> None:
    environment = make_environment()
    twilio = sources.find("twilio")
    assert twilio is not None
    preset = twilio.options[0].default

    row = setup.save(environment, twilio, options={"config": preset}, secret=SECRET, by=None)
    assert row.options == {}

    own = {**preset, "rules": []}
    row = setup.save(environment, twilio, options={"config": own}, by=None)
    assert setup.saved_options(twilio, row) == {"config": own}
    assert setup.save(environment, twilio, options={"config": preset}, by=None).options == {}
    assert setup.options_of(twilio, setup.find(environment, "twilio")) == {"config": preset}


def test_the_fields_of_a_rule_keep_their_order_in_every_database() -> None:
    environment = make_environment()
    custom = sources.find("custom")
    assert custom is not None
    fields = {"conversationId": "c", "at": "a", "userId": "u", "bb": "b"}
    setup.save(environment, custom, options={"config": {"rules": [{"event": "A", "fields": fields}]}}, by=None)

    kept = setup.options_of(custom, setup.find(environment, "custom"))["config"]

    assert list(kept["rules"][0]["fields"].items()) == list(fields.items())


def test_rules_are_checked_by_their_own_check() -> None:
    custom = sources.find("custom")
    assert custom is not None
    config = {"rules": [{"event": "Message Sent", "fields": {"messageId": "nope("}}]}

    with pytest.raises(SetupError) as refused:
        setup.save(make_environment(), custom, options={"config": config}, by=None)

    assert refused.value.problems == ["rule 1, field messageId: is not complete."]


def test_senders_are_told_where_to_go() -> None:
    environment = make_environment()
    paths = {adapter.kind: setup.path_of(adapter, environment) for adapter in sources.adapters()}

    assert paths["watson"] == f"/sources/watson/{environment.public_id}"
    assert paths["otlp"] == "/otlp"
    assert paths["langfuse"] == ""


def test_the_vocabulary_is_chosen_once_and_audited() -> None:
    environment = make_environment()

    for _ in range(2):
        setup.choose_vocabulary(environment, "both", by=None, reason="Two readers")

    environment.refresh_from_db()
    assert environment.vocabulary == "both"
    entry = AuditEntry.objects.get(action="environment.vocabulary_chosen")
    assert (entry.target, entry.reason, entry.details) == (
        "Draft",
        "Two readers",
        {"before": "native", "after": "both"},
    )


def test_the_preview_of_names_is_what_the_deriver_makes() -> None:
    assert [(each.happening, each.ibm, each.copilot) for each in vocabulary.names()] == [
        ("A session begins", ("Session Started",), ()),
        ("The customer writes the first message", (), ("Conversation Started", "Message Sent")),
        ("The assistant begins an action", ("Action Started",), ("Action Invoked",)),
        ("The action ends", ("Action Completed",), ()),
        ("The assistant answers", ("Message Handled",), ("Message Received",)),
        ("A component is shown, such as buttons", (), ("Component Loaded",)),
        ("The assistant makes a picture or speech", (), ("Media Generated",)),
        ("The customer rates an answer", (), ("Feedback Submitted",)),
        ("The assistant learns who the customer is", ("Identify",), ("Identify",)),
        ("The conversation ends", (), ("Conversation Ended",)),
    ]


def test_encrypted_text_is_bound_to_its_source() -> None:
    environment = make_environment()
    row = save(environment, secret=SECRET)

    with pytest.raises(encryption.DecryptionError):
        decrypt(row.secret, context=f"source:{environment.pk}:custom")
