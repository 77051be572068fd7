"""Embedded mode's broker: Kombu's SQLAlchemy transport, asked more often than once a second."""

from kombu.transport.sqlalchemy import Transport


class EmbeddedTransport(Transport):
    """Looks for wake-ups ten times a second, at about 2.5 % of a core.

    The interval is a class attribute because Kombu hands every transport option on to SQLAlchemy, which refuses it.
    """

    polling_interval = 0.1
