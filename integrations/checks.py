"""System checks: that secrets can be read, that times fit together, and that whoever is to be told can be told."""

from collections.abc import Sequence
from contextlib import closing
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.db import DatabaseError
from redis import Redis
from redis.exceptions import RedisError

from assistants.encryption import parse_key
from integrations import stored_secrets

MAKE_A_KEY = "python -c 'import base64, os; print(base64.b64encode(os.urandom(32)).decode())'"
PROBLEMS_SHOWN = 10
KEEPS = "noeviction"
BROKER_TIMEOUTS = {"socket_timeout": 1, "socket_connect_timeout": 1}


def register() -> None:
    """Add these checks to Django's; called once the apps are ready."""
    checks.register(check_encryption_keys, checks.Tags.security)
    checks.register(check_lease)
    checks.register(check_stored_secrets, checks.Tags.database)
    checks.register(check_notices)
    checks.register(check_broker, checks.Tags.database)


def check_encryption_keys(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """E001: SLUICE_ENCRYPTION_KEYS holds at least one key, and each is 32 bytes in base64."""
    hint = f"Make a key with: {MAKE_A_KEY}"
    if not settings.SLUICE_ENCRYPTION_KEYS:
        return [checks.Error("SLUICE_ENCRYPTION_KEYS is empty.", hint=hint, id="sluice.E001")]
    return [
        checks.Error(f"Key {number} of SLUICE_ENCRYPTION_KEYS {problem}.", hint=hint, id="sluice.E001")
        for number, text in enumerate(settings.SLUICE_ENCRYPTION_KEYS, start=1)
        if (problem := _problem(text))
    ]


def check_lease(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """E003: a lease lasts longer than a request may, or a worker that waits for its answer loses its lane each time."""
    if settings.SLUICE_LEASE_SECONDS > settings.SLUICE_REQUEST_SECONDS:
        return []
    problem = (
        f"SLUICE_LEASE_SECONDS ({settings.SLUICE_LEASE_SECONDS:g}) is not above "
        f"SLUICE_REQUEST_SECONDS ({settings.SLUICE_REQUEST_SECONDS:g})."
    )
    hint = "Twice as long leaves room for what comes before and after the request."
    return [checks.Error(problem, hint=hint, id="sluice.E003")]


def check_stored_secrets(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[checks.CheckMessage]:
    """E002: every stored secret in use decrypts with the present keys. Runs with `migrate` and `check --database`."""
    if not databases or check_encryption_keys(None):
        return []
    try:
        problems = stored_secrets.unreadable()
    except DatabaseError:
        # This runs before migrations do, when the tables may not be there yet or not as this version needs them.
        return []
    hint = (
        "Put the key that is missing back at the end of SLUICE_ENCRYPTION_KEYS; remove a key only after "
        "`manage.py rotate_keys` has reported no secret that cannot be read. Is the key lost? "
        "`manage.py rotate_keys --forget-unreadable` lets Sluice start; the write keys are then entered anew."
    )
    return [checks.Error(problem, hint=hint, id="sluice.E002") for problem in problems[:PROBLEMS_SHOWN]]


def check_notices(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """W001: people who are to get e-mails need a server that takes them."""
    if not settings.SLUICE_NOTICE_EMAILS or settings.EMAIL_URL:
        return []
    hint = "Set EMAIL_URL, for example to smtp+tls://user:password@smtp.example.com:587."
    return [checks.Warning("SLUICE_NOTICE_EMAILS names people, but EMAIL_URL no server.", hint=hint, id="sluice.W001")]


def check_broker(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[checks.CheckMessage]:
    """E004: a Redis that carries wake-ups must not evict: it would take the lists by which Celery finds its queues.

    Runs with `migrate` and `check --database`; says nothing where the broker does not answer or does not tell.
    """
    if not databases or not settings.CELERY_BROKER_URL.startswith("redis"):
        return []
    try:
        with closing(Redis.from_url(settings.CELERY_BROKER_URL, **BROKER_TIMEOUTS)) as broker:
            policy = broker.config_get("maxmemory-policy").get("maxmemory-policy", KEEPS)
    except (RedisError, OSError, ValueError):
        return []
    if policy == KEEPS:
        return []
    problem = f"The Redis of CELERY_BROKER_URL evicts what it holds when its memory is full ({policy})."
    hint = f"Set its maxmemory-policy to {KEEPS}, or give Celery a Redis of its own."
    return [checks.Error(problem, hint=hint, id="sluice.E004")]


def _problem(text: str) -> str | None:
    try:
        parse_key(text)
    except ValueError as error:
        return str(error)
    return None
