"""Encrypted secrets: readable in their own row with a key that is configured, and nowhere else."""

import base64
import hashlib
import os

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.core.exceptions import ImproperlyConfigured
from pytest_django import Settings

from assistants.encryption import DecryptionError, decrypt, encrypt, key_id, needs_rotation, parse_key

CONTEXT = "connection:0d5c"
PLAIN = "write-key-żółć-🔑"


def make_key() -> str:
    return base64.b64encode(os.urandom(32)).decode()


@pytest.fixture
def key(settings: Settings) -> str:
    text = make_key()
    settings.SLUICE_ENCRYPTION_KEYS = [text]
    return text


@pytest.mark.parametrize("plain", ["", "abc", PLAIN, "x" * 10_000])
def test_a_token_decrypts_to_what_was_encrypted(key: str, plain: str) -> None:
    assert decrypt(encrypt(plain, context=CONTEXT), context=CONTEXT) == plain


def test_a_token_names_its_key_and_is_aes_gcm_bound_to_its_context(key: str) -> None:
    version, name, body = encrypt(PLAIN, context=CONTEXT).split(".")
    raw_key, sealed = base64.b64decode(key), base64.urlsafe_b64decode(body)

    assert version == "1"
    assert name == hashlib.sha256(raw_key).hexdigest()[:8]
    bound = f"1.{name}.{CONTEXT}".encode()
    assert AESGCM(raw_key).decrypt(sealed[:12], sealed[12:], bound) == PLAIN.encode()


def test_the_same_secret_never_gives_the_same_token_twice(key: str) -> None:
    assert len({encrypt(PLAIN, context=CONTEXT) for _ in range(100)}) == 100


def test_a_token_moved_to_another_row_does_not_decrypt(key: str) -> None:
    token = encrypt(PLAIN, context=CONTEXT)

    with pytest.raises(DecryptionError) as caught:
        decrypt(token, context="connection:ffff")

    name = key_id(base64.b64decode(key))
    assert str(caught.value) == f"The value does not decrypt with key {name}: it was changed or belongs to another row."


def test_a_token_with_any_byte_changed_does_not_decrypt(key: str) -> None:
    version, name, body = encrypt("abc", context=CONTEXT).split(".")
    sealed = base64.urlsafe_b64decode(body)
    for position in range(len(sealed)):
        changed = bytearray(sealed)
        changed[position] ^= 1
        token = f"{version}.{name}.{base64.urlsafe_b64encode(changed).decode()}"
        with pytest.raises(DecryptionError):
            decrypt(token, context=CONTEXT)


@pytest.mark.parametrize(
    "token", ["", "abc", "1.x", "1.0badc0de.!!!", "1.0badc0de.żółć", "1.0badc0de.QUJD", "2.0badc0de." + "A" * 64]
)
def test_what_is_no_token_is_refused_without_being_quoted(key: str, token: str) -> None:
    with pytest.raises(DecryptionError) as caught:
        decrypt(token, context=CONTEXT)

    assert str(caught.value).startswith("The value is not an encrypted token")


def test_the_newest_key_encrypts_and_older_ones_still_decrypt(settings: Settings) -> None:
    old, new = make_key(), make_key()
    settings.SLUICE_ENCRYPTION_KEYS = [old]
    token = encrypt(PLAIN, context=CONTEXT)
    assert not needs_rotation(token)

    settings.SLUICE_ENCRYPTION_KEYS = [new, old]

    assert decrypt(token, context=CONTEXT) == PLAIN
    assert needs_rotation(token)
    assert encrypt(PLAIN, context=CONTEXT).split(".")[1] == key_id(base64.b64decode(new))


def test_a_key_removed_too_early_is_named(settings: Settings) -> None:
    old = make_key()
    settings.SLUICE_ENCRYPTION_KEYS = [old]
    token = encrypt(PLAIN, context=CONTEXT)
    settings.SLUICE_ENCRYPTION_KEYS = [make_key()]

    with pytest.raises(DecryptionError) as caught:
        decrypt(token, context=CONTEXT)

    name = key_id(base64.b64decode(old))
    assert str(caught.value) == f"SLUICE_ENCRYPTION_KEYS does not contain the key {name}, which encrypted this value."


def test_keys_may_be_written_in_either_base64_alphabet() -> None:
    raw = bytes([0xFB, 0xFF] * 16)

    assert parse_key(base64.b64encode(raw).decode()) == raw
    assert parse_key(f" {base64.urlsafe_b64encode(raw).decode()}\n") == raw


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ([], "SLUICE_ENCRYPTION_KEYS is empty; without a key no secret can be stored or read."),
        (["c2hvcnQ="], "A key in SLUICE_ENCRYPTION_KEYS has 5 bytes, 32 are needed."),
        (["no base64!"], "A key in SLUICE_ENCRYPTION_KEYS is not valid base64."),
    ],
)
def test_keys_that_cannot_be_used_are_reported_without_being_quoted(
    settings: Settings, keys: list[str], message: str
) -> None:
    settings.SLUICE_ENCRYPTION_KEYS = keys

    with pytest.raises(ImproperlyConfigured) as caught:
        encrypt(PLAIN, context=CONTEXT)

    assert str(caught.value) == message
