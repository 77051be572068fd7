"""How a source is set up in an environment: looked up rarely, remembered for seconds."""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from django.db import close_old_connections, connection

from assistants import encryption
from assistants.models import Environment
from assistants.sources import setup as stored
from assistants.sources.adapter import Adapter, AssistantIdentity, Setup

logger = logging.getLogger(__name__)

# A change works within this time; an address that leads nowhere costs the database one look-up in it.
REMEMBERED_SECONDS = 2.0
REMEMBERED_SETUPS = 10_000


class SecretUnreadable(Exception):
    """The source has a secret that cannot be decrypted, so nothing that comes can be verified."""


_Found = Setup | SecretUnreadable | None


class Setups:
    """The set-ups used lately by this process; `clock` tells seconds that only grow."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, *, capacity: int = REMEMBERED_SETUPS) -> None:
        self._clock = clock
        self._capacity = capacity
        self._remembered: OrderedDict[tuple[str, str | int], tuple[float, _Found]] = OrderedDict()
        # One thread: Django's connections belong to threads, and the event loop must not wait for a database.
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="setups")

    async def find(self, adapter: Adapter, environment: str | int) -> Setup | None:
        """Return how a source is set up in an environment, named by its public ID or its number; None without one.

        Raises SecretUnreadable, or the database's errors.
        """
        place = (adapter.kind, environment)
        now = self._clock()
        remembered = self._remembered.get(place)
        if remembered and remembered[0] > now:
            return _unless_unreadable(remembered[1])
        found = await asyncio.get_running_loop().run_in_executor(self._executor, _look_up, adapter, environment)
        self._remembered[place] = (now + REMEMBERED_SECONDS, found)
        if len(self._remembered) > self._capacity:
            self._remembered.popitem(last=False)
        return _unless_unreadable(found)

    def close(self) -> None:
        """End the thread that asks the database."""
        self._executor.shutdown()


def look_up(adapter: Adapter, environment: str | int, *, with_secret: bool = True) -> Setup | None:
    """Read how a source is set up in an environment, named by its public ID or its number; None without one.

    A source that nobody set up has no secret and the adapter's own options. What is verified already needs no secret.
    Raises SecretUnreadable.
    """
    named = {"public_id": environment} if isinstance(environment, str) else {"pk": environment}
    row = Environment.objects.present().select_related("assistant").filter(**named).first()
    if row is None:
        return None
    source = stored.find(row, adapter.kind)
    secret = _decrypt(source.secret, source.secret_context) if with_secret and source and source.secret else ""
    assistant = row.assistant
    return Setup(
        environment_id=row.pk,
        environment_name=row.name,
        assistant=AssistantIdentity(
            name=assistant.name,
            language=assistant.language,
            account_id=assistant.account_id,
            service_instance=assistant.service_instance,
            vendor_assistant_id=assistant.vendor_assistant_id,
        ),
        secret=secret,
        options=stored.options_of(adapter, source),
        vocabulary=row.vocabulary,
    )


def _look_up(adapter: Adapter, environment: str | int) -> _Found:
    close_old_connections()
    try:
        return look_up(adapter, environment)
    except SecretUnreadable as error:
        return error
    finally:
        connection.close()


def _unless_unreadable(found: _Found) -> Setup | None:
    if isinstance(found, SecretUnreadable):
        raise found
    return found


def _decrypt(token: str, context: str) -> str:
    try:
        return encryption.decrypt(token, context=context)
    except encryption.DecryptionError as error:
        logger.error("The secret of %s cannot be read: %s", context, error)
        raise SecretUnreadable from None
