"""What a replay leaves behind as it settles: earlier rejections of its events resolved, and its end noted."""

from collections.abc import Sequence
from uuid import UUID

from django.utils import timezone

from integrations.models import Rejection, Replay


def resolve(lane_id: int, connection_id: UUID, positions: Sequence[int], *, is_accepted: bool) -> None:
    """Resolve what other lanes of a connection had rejected of these positions, in order; for the transaction at hand.

    An event that is refused once more has a rejection of its replay's from then on; the earlier one is history.
    """
    earlier = Rejection.objects.unresolved().filter(
        lane__connection=connection_id, position__gte=positions[0], position__lte=positions[-1]
    )
    sent = frozenset(positions)
    rows = earlier.exclude(lane=lane_id).values_list("pk", "position")
    resolved = [pk for pk, position in rows if position in sent]
    if not resolved:
        return
    resolution = Rejection.Resolution.ACCEPTED if is_accepted else Rejection.Resolution.REPEATED
    Rejection.objects.filter(pk__in=resolved).update(
        resolution=resolution, resolved_at=timezone.now(), resolved_in=Replay.objects.get(lane=lane_id)
    )


def end(lane_id: int) -> None:
    """Note that a replay has reached its end."""
    Replay.objects.filter(lane=lane_id).update(ended_at=timezone.now())
