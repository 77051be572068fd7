"""Ingest keys: their form, what the database keeps of them, and the command that makes one."""

import hashlib
import re
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from assistants import lifecycle
from assistants.keys import (
    ALPHABET,
    change_origins,
    create_browser_key,
    create_ingest_key,
    digest,
    mint,
    parse,
    revoke_ingest_key,
)
from assistants.models import AuditEntry, IngestKey
from tests.make import make_assistant, make_environment


@pytest.mark.parametrize("kind", ["draft", "live", "env", "browser"])
def test_a_minted_key_parses_to_its_public_id_and_digest(kind: str) -> None:
    text, public_id, key_digest = mint(kind)

    assert re.fullmatch(rf"slu_{kind}_[0-9A-Za-z]{{8}}_[0-9A-Za-z]{{33}}", text)
    parsed = parse(text)
    assert parsed is not None
    assert (parsed.kind, parsed.public_id, parsed.digest) == (kind, public_id, key_digest)
    assert key_digest == hashlib.sha256(text.encode()).digest() == digest(text)


def test_a_secret_has_at_least_160_random_bits() -> None:
    secret_length = 33 - 6

    assert len(ALPHABET) ** secret_length >= 2**160
    assert len({mint("live")[0] for _ in range(1000)}) == 1000


def test_nothing_of_the_secret_stays_in_what_parsing_returns() -> None:
    text, _public_id, _digest = mint("live")

    assert text.split("_")[3] not in repr(parse(text))


def test_every_single_typing_mistake_is_found_by_the_checksum() -> None:
    text, *_ = mint("live")
    for position in range(len("slu_live_"), len(text)):
        for character in ALPHABET:
            typed = text[:position] + character + text[position + 1 :]
            assert (parse(typed) is None) == (typed != text)


@pytest.mark.parametrize(
    ("body", "checksum"),
    [
        # CRC-32 0x5c445fcc.
        ("slu_live_Ab3dEf9h_000000000000000000000000000", "1glBZU"),
        # CRC-32 0x079a21f1, short enough to need a leading zero.
        ("slu_live_00000021_000000000000000000000000000", "08d9Qv"),
    ],
)
def test_the_checksum_is_crc32_in_six_digits_of_base62(body: str, checksum: str) -> None:
    assert parse(body + checksum) is not None
    assert parse(body + checksum[::-1]) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "slu_",
        "a-segment-write-key",
        " slu_live_Ab3dEf9h_0000000000000000000000000001glBZU",
        "slu_live_Ab3dEf9h_0000000000000000000000000001glBZU\n",
        "slu_prod_Ab3dEf9h_0000000000000000000000000001glBZU",
        "SLU_LIVE_Ab3dEf9h_0000000000000000000000000001glBZU",
        "slu_live_Ab3dEf9h_0000000000000000000000000001glBZ٣",
        "slu_live_Ab3dEf9h_0000000000000000000000000001glBZ\ud800",
        "slu_live_Ab3dEf9h_" + "0" * 100_000,
    ],
)
def test_what_has_not_the_form_of_a_key_is_none(text: str) -> None:
    assert parse(text) is None


@pytest.mark.django_db
def test_a_created_key_is_stored_as_its_hash_alone() -> None:
    environment = make_environment("live")

    text = create_ingest_key(environment, label="CI", by=None)

    row = IngestKey.objects.get()
    parsed = parse(text)
    assert parsed is not None
    assert text.startswith("slu_live_")
    assert (row.environment, row.label, row.public_id) == (environment, "CI", parsed.public_id)
    assert bytes(row.digest) == hashlib.sha256(text.encode()).digest()
    entry = AuditEntry.objects.get(action="ingest_key.created")
    assert (entry.target, entry.environment, entry.assistant) == (
        parsed.public_id,
        environment,
        environment.assistant,
    )
    assert entry.details == {"label": "CI"}


@pytest.mark.django_db
def test_a_further_environment_has_keys_of_the_third_kind() -> None:
    environment = lifecycle.add_environment(make_assistant(), name="staging", by=None)

    assert create_ingest_key(environment, label="", by=None).startswith("slu_env_")


@pytest.mark.django_db
def test_a_key_is_revoked_once_and_for_good() -> None:
    create_ingest_key(make_environment(), label="CI", by=None)
    key = IngestKey.objects.get()

    revoke_ingest_key(key, by=None, reason="leaked")
    revoked_at = IngestKey.objects.get().revoked_at
    revoke_ingest_key(key, by=None)

    assert revoked_at is not None
    assert IngestKey.objects.get().revoked_at == revoked_at
    entry = AuditEntry.objects.get(action="ingest_key.revoked")
    assert (entry.target, entry.reason) == (key.public_id, "leaked")


@pytest.mark.django_db
def test_a_browser_key_can_be_read_again_and_says_what_it_is() -> None:
    environment = make_environment()

    key = create_browser_key(environment, label="Shop", origins=["https://shop.example"], by=None)

    stored = IngestKey.objects.get()
    assert stored.browser_text == key.browser_text
    assert stored.browser_text.startswith(f"slu_browser_{stored.public_id}_")
    assert bytes(stored.digest) == digest(stored.browser_text)
    assert (stored.is_browser_key, stored.origins, stored.label) == (True, ["https://shop.example"], "Shop")
    entry = AuditEntry.objects.get(action="ingest_key.created")
    assert (entry.target, entry.environment) == (key.public_id, environment)
    assert entry.details == {"label": "Shop", "kind": "browser key", "origins": ["https://shop.example"]}


@pytest.mark.django_db
def test_of_a_server_key_no_text_is_kept() -> None:
    create_ingest_key(make_environment(), label="", by=None)

    assert (IngestKey.objects.get().browser_text, IngestKey.objects.get().is_browser_key) == ("", False)


@pytest.mark.django_db
def test_origins_are_changed_with_an_entry_that_says_from_what_to_what() -> None:
    key = create_browser_key(make_environment(), label="", origins=[], by=None)

    assert change_origins(key, origins=["https://shop.example"], by=None)
    assert IngestKey.objects.get().origins == ["https://shop.example"]
    assert change_origins(key, origins=[], by=None)
    assert IngestKey.objects.get().origins == []

    entries = AuditEntry.objects.filter(action="ingest_key.origins_changed", target=key.public_id).order_by("pk")
    assert [entry.details for entry in entries] == [
        {"before": "everywhere", "now": ["https://shop.example"]},
        {"before": ["https://shop.example"], "now": "everywhere"},
    ]


@pytest.mark.django_db
def test_what_changes_nothing_about_origins_is_not_audited() -> None:
    environment = make_environment()
    key = create_browser_key(environment, label="", origins=["https://shop.example"], by=None)
    revoked = create_browser_key(environment, label="", origins=[], by=None)
    revoke_ingest_key(revoked, by=None)
    create_ingest_key(environment, label="server", by=None)

    assert not change_origins(key, origins=["https://shop.example"], by=None)
    assert not change_origins(revoked, origins=["https://shop.example"], by=None)
    assert not change_origins(IngestKey.objects.get(label="server"), origins=["https://shop.example"], by=None)

    assert not AuditEntry.objects.filter(action="ingest_key.origins_changed").exists()
    assert sorted(IngestKey.objects.values_list("origins", flat=True)) == [[], [], ["https://shop.example"]]


@pytest.mark.django_db
def test_the_command_prints_the_key_alone_on_its_last_line() -> None:
    make_assistant(name="Customer Care")
    out = StringIO()

    call_command("create_ingest_key", "customer care", "Draft", "--label", "SDK", stdout=out)

    first, last = out.getvalue().splitlines()
    parsed = parse(last)
    assert first == "Ingest key of Customer Care / draft, shown only this once:"
    assert parsed is not None
    assert IngestKey.objects.get(public_id=parsed.public_id, label="SDK").is_active


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["Custmer Care", "draft"], "No assistant is named 'Custmer Care'. There are: Billing, Customer Care."),
        (["Billing", "prod"], "Billing has no environment 'prod'. There are: draft, live."),
    ],
)
def test_the_command_names_what_is_unknown_and_what_there_is(arguments: list[str], message: str) -> None:
    make_assistant(name="Customer Care")
    make_assistant(name="Billing")
    lifecycle.delete_assistant(make_assistant(name="Gone"), by=None)

    with pytest.raises(CommandError) as caught:
        call_command("create_ingest_key", *arguments)

    assert str(caught.value) == message
    assert not IngestKey.objects.exists()


@pytest.mark.django_db
def test_the_command_says_so_where_there_is_no_assistant_at_all() -> None:
    with pytest.raises(CommandError, match=r"^No assistant is named 'Customer Care'\. There are none yet\.$"):
        call_command("create_ingest_key", "Customer Care", "draft")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("origins", "places", "stored"),
    [
        ([], "everywhere", []),
        (
            ["--origin", "https://Shop.example/", "--origin", "http://localhost:3000"],
            "https://shop.example, http://localhost:3000",
            ["https://shop.example", "http://localhost:3000"],
        ),
    ],
)
def test_the_command_makes_browser_keys(origins: list[str], places: str, stored: list[str]) -> None:
    make_assistant(name="Customer Care")
    out = StringIO()

    call_command("create_ingest_key", "Customer Care", "live", "--browser", *origins, stdout=out)

    key = IngestKey.objects.get()
    assert out.getvalue().splitlines() == [
        f"Browser key of Customer Care / live, public, to be used from {places}:",
        key.browser_text,
    ]
    assert key.origins == stored


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--origin", "https://shop.example"], "Only a browser key has origins: give --browser with --origin."),
        (
            ["--browser", "--origin", "shop.example"],
            "“shop.example” does not begin with https:// (or http://). Write it like https://www.example.com.",
        ),
    ],
)
def test_the_command_refuses_origins_that_make_no_sense(arguments: list[str], message: str) -> None:
    make_assistant(name="Customer Care")

    with pytest.raises(CommandError) as caught:
        call_command("create_ingest_key", "Customer Care", "live", *arguments)

    assert str(caught.value) == message
    assert not IngestKey.objects.exists()
