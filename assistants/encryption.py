"""Encryption of secrets that must be readable again: write keys and webhook secrets.

A token reads `1.<key id>.<nonce and ciphertext>`. AES-256-GCM authenticates the context as associated data, so a token
copied to another row does not decrypt there. Random nonces of 96 bits are safe for some four billion tokens per key,
far above what an installation ever stores.
"""

import base64
import binascii
import hashlib
import os
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

FORMAT = "1"
KEY_BYTES = 32
NONCE_BYTES = 12


class DecryptionError(Exception):
    """A stored token cannot be read; the message names the key by its id and holds no secret."""


def key_id(key: bytes) -> str:
    """Return the public name of an encryption key: the first 8 hex digits of its SHA-256."""
    return hashlib.sha256(key).hexdigest()[:8]


def parse_key(text: str) -> bytes:
    """Return the 32 bytes of a key in base64, plain or URL-safe; raise ValueError without quoting it."""
    try:
        key = base64.b64decode(text.strip().replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("is not valid base64") from None
    if len(key) != KEY_BYTES:
        raise ValueError(f"has {len(key)} bytes, {KEY_BYTES} are needed")
    return key


def encrypt(plain: str, *, context: str) -> str:
    """Return a token for `plain` under the newest key, readable only with the same `context`."""
    newest, cipher = next(iter(_ciphers().items()))
    nonce = os.urandom(NONCE_BYTES)
    sealed = nonce + cipher.encrypt(nonce, plain.encode(), _bound(newest, context))
    return f"{FORMAT}.{newest}.{base64.urlsafe_b64encode(sealed).decode()}"


def decrypt(token: str, *, context: str) -> str:
    """Return what `encrypt` was given.

    Raises DecryptionError where the token is none of ours, its key is not configured, or it was made for another
    context or changed since.
    """
    name, sealed = _split(token)
    cipher = _ciphers().get(name)
    if cipher is None:
        raise DecryptionError(f"SLUICE_ENCRYPTION_KEYS does not contain the key {name}, which encrypted this value.")
    try:
        return cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], _bound(name, context)).decode()
    except InvalidTag:
        raise DecryptionError(
            f"The value does not decrypt with key {name}: it was changed or belongs to another row."
        ) from None


def needs_rotation(token: str) -> bool:
    """Tell whether `token` was made with another key than the newest one."""
    return _split(token)[0] != next(iter(_ciphers()))


def _split(token: str) -> tuple[str, bytes]:
    try:
        version, name, body = token.split(".")
        sealed = base64.b64decode(body, altchars=b"-_", validate=True)
    except ValueError:
        raise DecryptionError("The value is not an encrypted token.") from None
    if version != FORMAT or len(sealed) <= NONCE_BYTES:
        raise DecryptionError("The value is not an encrypted token of a format known here.")
    return name, sealed


def _bound(name: str, context: str) -> bytes:
    return f"{FORMAT}.{name}.{context}".encode()


def _ciphers() -> dict[str, AESGCM]:
    return _ciphers_of(tuple(settings.SLUICE_ENCRYPTION_KEYS))


@lru_cache(maxsize=4)
def _ciphers_of(texts: tuple[str, ...]) -> dict[str, AESGCM]:
    """Return the ciphers by key id, in the order of the setting: newest first."""
    if not texts:
        raise ImproperlyConfigured("SLUICE_ENCRYPTION_KEYS is empty; without a key no secret can be stored or read.")
    try:
        keys = [parse_key(text) for text in texts]
    except ValueError as error:
        raise ImproperlyConfigured(f"A key in SLUICE_ENCRYPTION_KEYS {error}.") from None
    return {key_id(key): AESGCM(key) for key in keys}
