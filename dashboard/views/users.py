"""The Users page, for admins: who may sign in, and as what."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dashboard import people
from dashboard.account_forms import InvitationForm
from dashboard.views.request import SignedInRequest, render_form

P = ParamSpec("P")
AdminView = Callable[Concatenate[SignedInRequest, P], HttpResponse]

STATUSES = {
    "active": ("success", "Active"),
    "invited": ("waiting", "Invited"),
    "disabled": ("off", "Disabled"),
}


def admins_only(view: AdminView[P]) -> AdminView[P]:
    @wraps(view)
    def guarded(request: SignedInRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if not request.user.is_staff:
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return guarded


@admins_only
@require_safe
def everybody(request: SignedInRequest) -> HttpResponse:
    rows = [
        {"person": person, "status": STATUSES[people.status_of(person)], "is_self": person == request.user}
        for person in User.objects.order_by("username")
    ]
    return render(request, "users/list.html", {"rows": rows})


@admins_only
@require_http_methods(["GET", "POST"])
def invite(request: SignedInRequest) -> HttpResponse:
    form = InvitationForm(request.POST or None)
    if not form.is_valid():
        return render_form(request, "users/invite.html", form, trail=_trail())
    try:
        person = people.invite(form.cleaned_data["email"], is_admin=form.is_admin, by=request.user)
    except people.PeopleError as error:
        form.add_error("email", str(error))
        return render_form(request, "users/invite.html", form, trail=_trail())
    return _show_link(request, person)


@admins_only
@require_POST
def link(request: SignedInRequest, person_id: int) -> HttpResponse:
    return _show_link(request, get_object_or_404(User, pk=person_id))


@admins_only
@require_http_methods(["GET", "POST"])
def disable(request: SignedInRequest, person_id: int) -> HttpResponse:
    person = get_object_or_404(User, pk=person_id)
    if request.method == "GET":
        return render(request, "users/disable.html", {"person": person, "trail": _trail()})
    try:
        people.disable(person, by=request.user)
    except people.PeopleError as error:
        return _refused(request, error)
    messages.success(request, f"{person.username} is disabled. All their sessions have ended.")
    return redirect("users:list")


@admins_only
@require_POST
def enable(request: SignedInRequest, person_id: int) -> HttpResponse:
    person = get_object_or_404(User, pk=person_id)
    people.enable(person, by=request.user)
    return _show_link(request, person)


@admins_only
@require_POST
def role(request: SignedInRequest, person_id: int) -> HttpResponse:
    person = get_object_or_404(User, pk=person_id)
    is_admin = request.POST.get("role") == InvitationForm.ADMIN
    try:
        people.change_role(person, is_admin=is_admin, by=request.user)
    except people.PeopleError as error:
        return _refused(request, error)
    messages.success(request, f"{person.username} is now {'an admin' if is_admin else 'a member'}.")
    return redirect("home" if person == request.user else "users:list")


def _show_link(request: SignedInRequest, person: User) -> HttpResponse:
    """Answer with the link itself: it is stored nowhere, so no later page could show it."""
    try:
        made = people.one_time_link(person, by=request.user)
    except people.PeopleError as error:
        return _refused(request, error)
    return render(request, "users/link.html", {"person": person, "link": made, "trail": _trail()})


def _trail() -> list[tuple[str, str]]:
    return [("Users", reverse("users:list"))]


def _refused(request: SignedInRequest, error: people.PeopleError) -> HttpResponse:
    messages.error(request, str(error))
    return redirect("users:list")
