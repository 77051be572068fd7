"""Middleware that guards every page: sign-in by default, limits of a session, and headers that bind the browser."""

import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from asgiref.sync import iscoroutinefunction
from django.contrib.auth import logout
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware
from django.utils.deprecation import MiddlewareMixin
from django_htmx.http import HttpResponseClientRedirect

View = Callable[..., HttpResponseBase]

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
PERMISSIONS_POLICY = "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()"

# Each note of activity is a write to the database.
ACTIVITY_NOTED_SECONDS = 600
SESSION_SECONDS = 7 * 24 * 3600


@sync_and_async_middleware
def security_headers(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Say what the browser may do with a page, and that nobody may keep a copy of it.

    Knows both worlds: one middleware that does not would cost every request a change of thread.
    """
    if iscoroutinefunction(get_response):
        return _security_headers_async(get_response)

    def middleware(request: HttpRequest) -> HttpResponseBase:
        return _bound(get_response(request))

    return middleware


def _security_headers_async(
    get_response: Callable[[HttpRequest], Awaitable[HttpResponseBase]],
) -> Callable[[HttpRequest], Awaitable[HttpResponseBase]]:
    async def middleware(request: HttpRequest) -> HttpResponseBase:
        return _bound(await get_response(request))

    return middleware


def _bound(response: HttpResponseBase) -> HttpResponseBase:
    response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
    response.headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
    # Static files bring a Cache-Control of their own.
    response.headers.setdefault("Cache-Control", "no-store")
    return response


class SignInRequiredMiddleware(MiddlewareMixin):
    """Lets only people who are signed in see a page, except views marked `login_not_required`.

    A session ends 12 hours after its last page (SESSION_COOKIE_AGE) and seven days after sign-in. Fragments that a page
    fetches by itself are no sign of a person and put off nothing.
    """

    def process_view(
        self, request: HttpRequest, view: View, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> HttpResponseBase | None:
        # Asked before the user is: health checks must answer without a database.
        if not getattr(view, "login_required", True):
            return None
        if request.user.is_authenticated:
            _limit_session(request, now=int(time.time()))
        return None if request.user.is_authenticated else _to_sign_in(request)


def _to_sign_in(request: HttpRequest) -> HttpResponseBase:
    """Send people to the sign-in page, and from there back to the page they were on.

    htmx would show that page in place of a fragment, so it is told to go there with the whole window.
    """
    redirect = redirect_to_login(_page_of(request))
    return HttpResponseClientRedirect(redirect.url) if _is_fragment(request) else redirect


def _page_of(request: HttpRequest) -> str:
    """Return the path of the page a person sees: this one, or the one that fetched a fragment or held a form."""
    if request.method in {"GET", "HEAD"} and not _is_fragment(request):
        return request.get_full_path()
    try:
        page = urlsplit(request.headers.get("HX-Current-URL") or request.headers.get("Referer") or "/")
    except ValueError:
        return "/"
    return f"{page.path}?{page.query}" if page.query else page.path


def _limit_session(request: HttpRequest, now: int) -> None:
    session = request.session
    if now - session.setdefault("began_at", now) >= SESSION_SECONDS:
        logout(request)
    elif not _is_fragment(request) and now - session.get("active_at", 0) >= ACTIVITY_NOTED_SECONDS:
        session["active_at"] = now


def _is_fragment(request: HttpRequest) -> bool:
    return "HX-Request" in request.headers
