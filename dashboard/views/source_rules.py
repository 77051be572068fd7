"""The rules of a source: edited in a form or as JSON, tried on the last payloads, then saved."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from assistants import catalog, sources
from assistants.models import Environment, Source
from assistants.sources import setup, standing
from assistants.sources.adapter import Adapter, Option
from assistants.sources.generic.config import IDENTIFY, TOP_LEVEL, needs_secret, parse
from assistants.sources.generic.dry_run import Payload, PayloadRun, dry_run
from assistants.sources.payloads import body_of
from dashboard.extension_forms import ChangeForm
from dashboard.rule_editor import Editor
from dashboard.rule_forms import TYPES
from dashboard.views.request import UNPROCESSABLE, SignedInRequest, environment_or_404, posted
from dashboard.views.source_page import STALE, adapter_or_404, kind_or_404, rules_option, source_frame

PAYLOADS_TRIED = 20


@dataclass(frozen=True)
class RuledSource:
    """A source by rules in an environment, and the row that says which rules, if they were ever changed."""

    environment: Environment
    adapter: Adapter
    option: Option
    row: Source | None

    @property
    def config(self) -> Any:
        return setup.options_of(self.adapter, self.row)[self.option.name]


@require_http_methods(["GET", "HEAD", "POST"])
def rules(request: SignedInRequest, public_id: str, kind: str) -> HttpResponse:
    source = _source_or_404(environment_or_404(public_id), adapter_or_404(kind))
    if request.method != "POST":
        return _page(request, source, Editor.of_config(source.config))
    editor, action = Editor.of_form(request.POST), request.POST.get("_action", "dry_run")
    if action == "dry_run":
        config = editor.config()
        return _page(request, source, editor, runs=None if config is None else _dry_run(source, config))
    if action == "save":
        return _save(request, source, editor)
    if action == "preset":
        return _page(request, source, Editor.of_config(_preset(request.POST.get("preset", kind))))
    return _page(request, source, editor.edited(action))


def _save(request: SignedInRequest, source: RuledSource, editor: Editor) -> HttpResponse:
    config, form = editor.config(), _reason_form(request, source)
    if config is None or not form.is_valid():
        return _page(request, source, editor)
    preset = source.option.default
    try:
        setup.save(
            source.environment,
            source.adapter,
            # What only looks different from the preset is the preset.
            options={source.option.name: preset if parse(config) == parse(preset) else config},
            by=request.user,
            reason=form.cleaned_data["reason"],
            seen=request.POST.get("seen", ""),
        )
    except setup.StaleSourceError:
        editor.problems = [(STALE, "")]
        return _page(request, source, editor)
    messages.success(request, "The rules are saved. They hold for what comes from now on.")
    if needs_secret(parse(config)) and not (source.row and source.row.secret):
        messages.warning(request, "Nothing can prove itself yet: enter the secret in the settings.")
    return redirect("sources:detail", source.environment.public_id, source.adapter.kind)


def _source_or_404(environment: Environment, adapter: Adapter) -> RuledSource:
    option = rules_option(adapter)
    if option is None:
        raise Http404(f"{adapter.title} has no rules.")
    return RuledSource(environment, adapter, option, setup.find(environment, adapter.kind))


def _preset(kind: str) -> Any:
    """Return the rules with which a kind begins."""
    adapter = sources.find(kind)
    option = rules_option(adapter) if adapter else None
    if option is None:
        raise Http404(f"There are no rules to begin with for {kind}.")
    return option.default


def _dry_run(source: RuledSource, config: Any) -> Sequence[tuple[int, PayloadRun]]:
    """Try a configuration on the newest payloads; each result comes with its payload's number."""
    kept = standing.newest_payloads(source.environment, source.adapter.kind).defer(None)[:PAYLOADS_TRIED]
    rows = list(kept)
    payloads = [Payload(row.received_at, row.headers, body_of(row)) for row in rows]
    runs = dry_run(config, payloads, kind=source.adapter.kind)
    return [(row.pk, run) for row, run in zip(rows, runs, strict=True)]


def _reason_form(request: SignedInRequest, source: RuledSource) -> ChangeForm:
    """Ask why for a change of rules in live; not for the first ones, and not before saving."""
    is_saved = request.POST.get("_action") == "save"
    form = ChangeForm(posted(request) if is_saved else None, environment=source.environment, stops_something=False)
    if not setup.is_set_up(source.row):
        form.fields["reason"].required = False
    return form


def _page(
    request: SignedInRequest,
    source: RuledSource,
    editor: Editor,
    *,
    runs: Sequence[tuple[int, PayloadRun]] | None = None,
) -> HttpResponse:
    form = _reason_form(request, source)
    context = {
        **source_frame(source.environment, kind_or_404(source.adapter.kind)),
        "editor": editor,
        "form": form,
        "runs": runs,
        "seen": request.POST.get("seen") or setup.fingerprint(source.row),
        "kept": standing.newest_payloads(source.environment, source.adapter.kind)[:PAYLOADS_TRIED].count(),
        "presets": [(each.kind, each.title) for each in sources.adapters() if rules_option(each)],
        "types": TYPES,
        "event_names": list(dict.fromkeys([*(entry.title for entry in catalog.entries()), IDENTIFY])),
        "field_names": _field_names(),
    }
    is_refused = request.method == "POST" and (editor.problems or form.errors)
    return render(request, "sources/rules.html", context, status=UNPROCESSABLE if is_refused else 200)


def _field_names() -> list[str]:
    """Names that a rule's field can have: those beside the properties, and the properties of the catalog's events."""
    properties = {each.name for entry in catalog.entries() for each in entry.properties}
    return [*TOP_LEVEL, *sorted(properties)]
