"""The sources of an environment: which there are, and one of them with all that is needed to connect it."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from assistants import keys
from assistants.models import Environment, Source
from assistants.sources import setup, standing
from assistants.sources.adapter import Adapter
from assistants.sources.generic.config import BadConfig, needs_key, needs_secret, parse
from assistants.sources.retention import PAYLOAD_DAYS, PAYLOADS_KEPT
from dashboard.extension_forms import ChangeForm
from dashboard.rule_forms import PROOFS, WRAPPINGS
from dashboard.source_forms import SourceForm, option_initial
from dashboard.views.request import SignedInRequest, environment_or_404, posted, render_form
from dashboard.views.source_page import (
    STALE,
    Kind,
    adapter_or_404,
    address_of,
    all_kinds,
    kind_or_404,
    rules_option,
    shown,
    source_frame,
)

PAYLOADS_SHOWN = 20
# Stands where a key goes as long as none was made just now.
KEY_PLACEHOLDER = "YOUR_INGEST_KEY"
BASIC_CREDENTIALS = "sluice:YOUR_PASSWORD"


@require_safe
def sources(request: SignedInRequest, public_id: str) -> HttpResponse:
    environment = environment_or_404(public_id)
    everything = shown(environment, all_kinds())
    frame = source_frame(environment)
    context = {
        **frame,
        "trail": frame["trail"][:-1],
        "in_use": [each for each in everything if each.standing.is_in_use],
        "others": [each for each in everything if not each.standing.is_in_use],
    }
    return render(request, "sources/list.html", context)


@require_safe
def detail(request: SignedInRequest, public_id: str, kind: str) -> HttpResponse:
    environment, its_kind = environment_or_404(public_id), kind_or_404(kind)
    form = _form(environment, its_kind.adapter) if its_kind.adapter else None
    return render(request, "sources/detail.html", {"form": form, **_page(environment, its_kind)})


@sensitive_post_parameters("secret")
@require_POST
def save(request: SignedInRequest, public_id: str, kind: str) -> HttpResponse:
    environment, adapter = environment_or_404(public_id), adapter_or_404(kind)
    form = _form(environment, adapter, request.POST)
    if form.is_valid():
        try:
            setup.save(
                environment,
                adapter,
                options=form.options,
                secret=form.new_secret,
                by=request.user,
                reason=form.given_reason,
                seen=form.cleaned_data["seen"],
            )
        except setup.SetupError as error:
            form.add_error(None, error.problems)
        except setup.StaleSourceError:
            form.add_error(None, STALE)
        else:
            messages.success(request, f"{adapter.title} is set up for {environment.label}. It holds at once.")
            return redirect("sources:detail", environment.public_id, kind)
    return render_form(request, "sources/detail.html", form, **_page(environment, kind_or_404(kind)))


@sensitive_variables("key")
@require_POST
def create_key(request: SignedInRequest, public_id: str, kind: str) -> HttpResponse:
    """Answer with the key in the page, put into all that is to be pasted: behind a redirect it could not be shown."""
    environment, its_kind = environment_or_404(public_id), kind_or_404(kind)
    key = keys.create_ingest_key(environment, label=its_kind.title, by=request.user)
    form = _form(environment, its_kind.adapter) if its_kind.adapter else None
    return render(request, "sources/detail.html", {"form": form, **_page(environment, its_kind, new_key=key)})


@require_http_methods(["GET", "HEAD", "POST"])
def remove_secret(request: SignedInRequest, public_id: str, kind: str) -> HttpResponse:
    environment, adapter = environment_or_404(public_id), adapter_or_404(kind)
    form = ChangeForm(posted(request), environment=environment, stops_something=True)
    if form.is_valid():
        setup.remove_secret(environment, adapter, by=request.user, reason=form.cleaned_data["reason"])
        messages.success(request, f"The secret of {adapter.title} is removed.")
        return redirect("sources:detail", environment.public_id, kind)
    frame = source_frame(environment, kind_or_404(kind))
    return render_form(request, "sources/remove_secret.html", form, adapter=adapter, **frame)


def _form(environment: Environment, adapter: Adapter, *args: Any) -> SourceForm:
    source = setup.find(environment, adapter.kind)
    initial = {**option_initial(setup.options_of(adapter, source)), "seen": setup.fingerprint(source)}
    is_change = setup.is_set_up(source)
    return SourceForm(*args, adapter=adapter, environment=environment, is_change=is_change, initial=initial)


def _page(environment: Environment, kind: Kind, *, new_key: str = "") -> dict[str, Any]:
    (its,) = shown(environment, [kind])
    frame = source_frame(environment, kind)
    address = address_of(kind.adapter, environment) if kind.adapter else settings.SLUICE_BASE_URL
    key = new_key or KEY_PLACEHOLDER
    return {
        **frame,
        "trail": frame["trail"][:-1],
        "shown": its,
        "standing": its.standing,
        "rules": _rules(kind.adapter, its.standing.source) if kind.adapter else None,
        "base_url": settings.SLUICE_BASE_URL,
        "address": address,
        "keyed_address": f"{address}/{key}",
        "address_with_password": address.replace("://", f"://{BASIC_CREDENTIALS}@", 1),
        "key": key,
        "new_key": new_key,
        "active_keys": standing.active_keys(environment),
        "guide": [f"sources/guides/{kind.kind}.html", "sources/guides/any.html"],
        "payloads": standing.newest_payloads(environment, kind.kind)[:PAYLOADS_SHOWN],
        "payloads_kept": PAYLOADS_KEPT,
        "payload_days": PAYLOAD_DAYS,
    }


def _rules(adapter: Adapter, source: Source | None) -> dict[str, Any] | None:
    """Sum up the rules of a source that has some: what proves a request, what it holds, which events become of it."""
    option = rules_option(adapter)
    if option is None:
        return None
    given = setup.options_of(adapter, source)[option.name]
    try:
        config = parse(given)
    except BadConfig as error:
        return {"problem": str(error)}
    proof, wrapping = (part.__struct_config__.tag for part in (config.verify, config.unwrap))
    return {
        "proof": dict(PROOFS)[str(proof)],
        "proof_kind": proof,
        "wrapping": dict(WRAPPINGS)[str(wrapping)],
        "needs_key": needs_key(config),
        "needs_secret": needs_secret(config),
        "is_preset": given == option.default,
        "events": [rule.event for rule in config.rules],
    }
