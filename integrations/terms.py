"""The terms on which a lane delivers at its cursor: where to, with which key, what, and up to which position."""

import uuid
from dataclasses import dataclass, field
from typing import Any

from assistants import encryption
from integrations.compose import Terms
from integrations.leases import Lease
from integrations.models import Connection, ConnectionVersion, Lane, LaneVersion
from integrations.segment.regions import CUSTOM, SANDBOX, base_url


@dataclass(frozen=True)
class TermsInForce:
    """One version of a connection as it holds behind a lane's cursor, up to `last_position` (None: without end)."""

    connection_id: uuid.UUID
    version_id: int
    terms: Terms
    base_url: str
    write_key: str = field(repr=False)
    is_active: bool
    is_paced: bool
    last_position: int | None


def load_terms(lease: Lease) -> TermsInForce:
    """Read what holds behind the lease's cursor now, and note in the lease as of when.

    Raises encryption.DecryptionError where the write key cannot be read with the present keys.
    """
    lane = Lane.objects.select_related("connection").get(pk=lease.lane_id)
    lease.terms_seq = lane.terms_seq
    connection = lane.connection
    if connection is None:
        raise ValueError(f"Lane {lane.pk} has no connection.")
    versions = LaneVersion.objects.filter(lane=lane).select_related("version")
    current = versions.filter(from_position__lte=lease.cursor + 1).order_by("-from_position").first()
    if current is None:
        raise ValueError(f"Lane {lane.pk} has no version at position {lease.cursor + 1}.")
    following = versions.filter(from_position__gt=lease.cursor + 1).order_by("from_position").first()
    ends = [end for end in (lease.end, following and following.from_position - 1) if end is not None]
    return TermsInForce(
        connection_id=connection.pk,
        version_id=current.version_id,
        terms=compose_terms(connection, current.version),
        base_url=base_url(connection.settings),
        write_key=encryption.decrypt(connection.write_key, context=connection.secret_context),
        is_active=connection.status == Connection.Status.ACTIVE and connection.removed_at is None,
        is_paced=connection.settings["region"] not in (CUSTOM, SANDBOX),
        last_position=min(ends, default=None),
    )


def compose_terms(connection: Connection, version: ConnectionVersion) -> Terms:
    """Return what compose needs to know of a version."""
    options: dict[str, Any] = version.options
    return Terms(
        namespace=connection.pk,
        selection=frozenset((type_, name) for type_, name in version.selection),
        anonymous_sessions=bool(options.get("anonymous_sessions")),
    )
