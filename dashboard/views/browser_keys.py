"""One browser key: its text, from where it may be used, and how a page uses it."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_http_methods

from assistants import keys
from assistants.models import IngestKey
from dashboard.assistant_forms import OriginsForm
from dashboard.views.request import SignedInRequest, environment_or_404, posted, render_form
from dashboard.views.snippets import page_snippets


@require_http_methods(["GET", "HEAD", "POST"])
def detail(request: SignedInRequest, public_id: str, key_id: str) -> HttpResponse:
    environment = environment_or_404(public_id)
    browser_keys = IngestKey.objects.select_related("environment__assistant").exclude(browser_text="")
    key = get_object_or_404(browser_keys, environment=environment, public_id=key_id)
    form = OriginsForm(posted(request), initial={"origins": "\n".join(key.origins)})
    if form.is_valid():
        _save(request, key, form.cleaned_data["origins"])
        return redirect("environments:browser_key", environment.public_id, key.public_id)
    return render_form(
        request,
        "environments/browser_key.html",
        form,
        environment=environment,
        key=key,
        page_snippets=page_snippets(key.browser_text),
    )


def _save(request: SignedInRequest, key: IngestKey, origins: list[str]) -> None:
    if keys.change_origins(key, origins=origins, by=request.user):
        told = f"from {len(origins)} origins" if len(origins) > 1 else f"from {origins[0]}" if origins else "everywhere"
        messages.success(request, f"The key may now be used {told}. It holds within two seconds.")
