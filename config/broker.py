"""The brokers' transports, each Kombu's own with one thing changed."""

import logging
from queue import Empty
from typing import Any

from kombu.transport import redis, sqlalchemy

logger = logging.getLogger(__name__)


class RobustChannel(redis.Channel):
    """Passes over what is no message: the worker that read it would end, and so would the one that follows."""

    def _brpop_read(self, **options: Any) -> Any:
        try:
            # Its stubs know nothing of it.
            return super()._brpop_read(**options)  # type: ignore[misc]
        except (ValueError, LookupError, TypeError, AttributeError):
            logger.exception("Something that is no message was in the queue, and is dropped.")
            raise Empty from None


class RedisTransport(redis.Transport):
    """Redis, with a channel that survives rubbish."""

    Channel = RobustChannel


class EmbeddedTransport(sqlalchemy.Transport):
    """Looks for wake-ups ten times a second, at about 2.5 % of a core.

    The interval is a class attribute because Kombu hands every transport option on to SQLAlchemy, which refuses it.
    """

    polling_interval = 0.1
