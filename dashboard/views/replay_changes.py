"""What people do to a replay that is under way: let it rest, go on, or end it."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from dashboard.extension_forms import ChangeForm
from dashboard.views.connection_page import connection_frame, connection_or_404
from dashboard.views.replays import replay_or_404, trail_to_replays
from dashboard.views.request import SignedInRequest, posted, render_form
from integrations import replay

ENDED = "Nothing was changed: the replay has ended by now, or somebody else was faster."


@dataclass(frozen=True)
class Change:
    """A change of a replay: its words."""

    title: str
    text: str
    button: str
    done: str
    is_danger: bool = False


PAUSE = Change(
    title="Pause the replay",
    text="It rests where it is until somebody resumes it. Live events go on. The log keeps what the replay has still "
    "to send, however long it rests.",
    button="Pause",
    done="The replay is paused.",
)
RESUME = Change(
    title="Resume the replay",
    text="It goes on where it stopped.",
    button="Resume",
    done="The replay goes on where it stopped.",
)
STOP = Change(
    title="Stop the replay",
    text="It ends where it is, for good. What it has sent stays sent. Rejected events that it did not come to can be "
    "replayed anew.",
    button="Stop",
    done="The replay is stopped.",
    is_danger=True,
)


@require_http_methods(["GET", "HEAD", "POST"])
def pause(request: SignedInRequest, connection_id: UUID, replay_id: UUID) -> HttpResponse:
    return _change(request, connection_id, replay_id, PAUSE, replay.pause)


@require_http_methods(["GET", "HEAD", "POST"])
def resume(request: SignedInRequest, connection_id: UUID, replay_id: UUID) -> HttpResponse:
    return _change(request, connection_id, replay_id, RESUME, replay.resume)


@require_http_methods(["GET", "HEAD", "POST"])
def stop(request: SignedInRequest, connection_id: UUID, replay_id: UUID) -> HttpResponse:
    return _change(request, connection_id, replay_id, STOP, replay.stop)


def _change(
    request: SignedInRequest, connection_id: UUID, replay_id: UUID, change: Change, act: Callable[..., bool]
) -> HttpResponse:
    connection = connection_or_404(connection_id)
    changed = replay_or_404(connection, replay_id)
    form = ChangeForm(posted(request), environment=connection.environment, stops_something=False)
    if not form.is_valid():
        url = reverse("connections:replay", args=[connection.pk, changed.pk])
        frame = {
            **connection_frame(connection),
            "trail": [*trail_to_replays(connection), (f"Replay of {changed.moment}", url)],
        }
        return render_form(request, "replays/change.html", form, **frame, change=change, replay=changed)
    if act(changed, by=request.user, reason=form.cleaned_data["reason"]):
        messages.success(request, change.done)
    else:
        messages.error(request, ENDED)
    return redirect("connections:replay", connection.pk, changed.pk)
