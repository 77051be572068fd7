"""Whose names the events derived in an environment carry: what each choice means, and choosing."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from assistants import sources
from assistants.models import Environment
from assistants.sources import setup, vocabulary
from dashboard.source_forms import VocabularyForm
from dashboard.views.request import SignedInRequest, environment_or_404, posted, render_form
from dashboard.views.source_page import rules_option, source_frame


@require_http_methods(["GET", "HEAD", "POST"])
def choose(request: SignedInRequest, public_id: str) -> HttpResponse:
    environment = environment_or_404(public_id)
    form = VocabularyForm(posted(request), environment=environment)
    if form.is_valid():
        chosen = form.cleaned_data
        setup.choose_vocabulary(environment, chosen["vocabulary"], by=request.user, reason=chosen["reason"])
        messages.success(request, "Events that are derived from now on carry the names you chose.")
        return redirect("sources:list", environment.public_id)
    return render_form(
        request,
        "sources/vocabulary.html",
        form,
        names=vocabulary.names(),
        suited=[
            (adapter.title, Environment.Vocabulary(adapter.vocabulary).label)
            for adapter in sources.adapters()
            if rules_option(adapter) is None
        ],
        **source_frame(environment),
    )
