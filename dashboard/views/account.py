"""One's own account: signing in and out, one-time links, the password, the theme."""

import logging
import math
from typing import Any

from axes.handlers.proxy import AxesProxyHandler
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import AuthenticationForm, SetPasswordForm
from django.contrib.auth.models import User
from django.contrib.auth.views import LoginView, PasswordResetConfirmView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_POST

from assistants import audit
from assistants.addresses import request_address
from dashboard.account_forms import NewPasswordForm, PasswordChangeForm, SignInForm
from dashboard.throttle import ThrottledRequest
from dashboard.views.request import UNPROCESSABLE, SignedInRequest, render_form

logger = logging.getLogger(__name__)

GONE = 410
TOO_MANY_REQUESTS = 429
THEMES = {"light", "dark"}
THEME_SECONDS = 365 * 24 * 3600


class SignIn(LoginView):
    """Signs in with e-mail address and password; the throttle answers instead once too many were wrong."""

    form_class = SignInForm
    template_name = "account/sign_in.html"
    redirect_authenticated_user = True

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        logger.info("User %s signed in from %s", form.get_user().pk, request_address(self.request))
        return super().form_valid(form)

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        return self.render_to_response(self.get_context_data(form=form), status=UNPROCESSABLE)


def locked_out(request: ThrottledRequest, *_replaced: Any) -> HttpResponse:
    """Answer instead of the page that was asked for, as long as the throttle keeps sign-in closed."""
    closed_for = AxesProxyHandler.get_implementation().closed_for(request, request.axes_credentials)
    seconds = math.ceil(closed_for.total_seconds())
    logger.warning("Sign-in closed for %s after too many wrong passwords", request.axes_ip_address)
    context = {"minutes": math.ceil(seconds / 60)}
    response = render(request, "account/locked_out.html", context, status=TOO_MANY_REQUESTS)
    response.headers["Retry-After"] = str(seconds)
    return response


class Welcome(PasswordResetConfirmView):
    """Takes a one-time link: the person sets a password and is signed in."""

    form_class = NewPasswordForm
    template_name = "account/welcome.html"
    success_url = reverse_lazy("home")
    post_reset_login = True
    post_reset_login_backend = "django.contrib.auth.backends.ModelBackend"

    def get_user(self, uidb64: str) -> User | None:
        user = super().get_user(uidb64)
        return user if user is not None and user.is_active else None

    def form_valid(self, form: "SetPasswordForm[User]") -> HttpResponse:
        response = super().form_valid(form)
        audit.record(actor=form.user, action="person.password_set", target=form.user.username)
        messages.success(self.request, "Your password is set and you are signed in.")
        return response

    def form_invalid(self, form: "SetPasswordForm[User]") -> HttpResponse:
        return self.render_to_response(self.get_context_data(form=form), status=UNPROCESSABLE)

    def render_to_response(self, context: dict[str, Any], **response_kwargs: Any) -> HttpResponse:
        if not self.validlink:
            response_kwargs["status"] = GONE
        return super().render_to_response(context, **response_kwargs)


@require_http_methods(["GET", "POST"])
def password(request: SignedInRequest) -> HttpResponse:
    form = PasswordChangeForm(request, request.user, request.POST or None)
    if not form.is_valid():
        return render_form(request, "account/password.html", form)
    form.save()
    update_session_auth_hash(request, request.user)
    audit.record(actor=request.user, action="person.password_changed", target=request.user.username)
    messages.success(request, "Your password is changed. Your other sessions have ended.")
    return redirect("account:password")


@login_not_required
@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Keep the chosen theme in a cookie; anything but light and dark means the system's own."""
    response = redirect(_local(request, request.POST.get("next", "")))
    chosen = request.POST.get("theme")
    if chosen in THEMES:
        response.set_cookie(
            "theme", chosen, max_age=THEME_SECONDS, samesite="Lax", httponly=True, secure=request.is_secure()
        )
    else:
        response.delete_cookie("theme", samesite="Lax")
    return response


def _local(request: HttpRequest, url: str) -> str:
    """Return `url` if it leads to a page of ours, else the home page."""
    if url_has_allowed_host_and_scheme(url, allowed_hosts={request.get_host()}, require_https=request.is_secure()):
        return url
    return "/"
