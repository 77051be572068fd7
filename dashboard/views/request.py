"""What a request is to the pages for people: who asks, what an address names, how a form that is wrong is answered."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, render
from django_htmx.middleware import HtmxDetails

from assistants.models import Assistant, Environment

UNPROCESSABLE = 422


class SignedInRequest(HttpRequest):
    """A request of a signed-in person, which htmx may have sent."""

    user: User
    htmx: HtmxDetails


def assistant_or_404(assistant_id: int) -> Assistant:
    return get_object_or_404(Assistant.objects.present(), pk=assistant_id)


def environment_or_404(public_id: str) -> Environment:
    environments = Environment.objects.present().select_related("assistant")
    return get_object_or_404(environments, public_id=public_id)


def further_environment_or_404(public_id: str) -> Environment:
    """Draft and live belong to their assistant for as long as it is there; only further ones change."""
    environments = Environment.objects.present().select_related("assistant")
    return get_object_or_404(environments, public_id=public_id, kind=Environment.Kind.OTHER)


def posted(request: HttpRequest) -> QueryDict | None:
    """Return what a form was sent with, and None where it is only asked for; an empty POST is sent all the same."""
    return request.POST if request.method == "POST" else None


def render_form(request: HttpRequest, template: str, form: forms.BaseForm, **context: Any) -> HttpResponse:
    """Show a page with a form; with status 422 where what was sent has errors."""
    status = UNPROCESSABLE if form.errors else 200
    return render(request, template, {"form": form, **context}, status=status)


@contextmanager
def name_is_free(form: forms.BaseForm) -> Iterator[None]:
    """Put it at the field where somebody takes the same name between the form's look and the write."""
    try:
        yield
    except IntegrityError:
        form.add_error("name", "Somebody has taken this name a moment ago. Choose another one.")
