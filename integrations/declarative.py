"""Declarative set-up: a YAML file says what should stand; applying it makes it so, as often as one likes."""

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from assistants import catalog, encryption, lifecycle, sources
from assistants.models import Assistant, Environment, Source
from assistants.sources import setup
from integrations import connections
from integrations.compose import Key
from integrations.declarative_file import AssistantPlan, EnvironmentPlan, FileError, SegmentPlan, SourcePlan
from integrations.models import Connection
from integrations.options import ONCE
from integrations.segment.regions import CUSTOM

REASON = "Applied from a file"


@dataclass(frozen=True)
class _Wanted:
    """An environment of the file with the row that stands for it."""

    plan: EnvironmentPlan
    environment: Environment


def apply(plans: list[AssistantPlan], *, by: User | None = None) -> dict[str, Any]:
    """Create or change what the plans name, leave everything else alone, and return what stands afterwards.

    All or nothing. Raises FileError, naming the line, where live would be connected before draft.
    """
    with transaction.atomic():
        return {"assistants": [_apply_assistant(plan, by) for plan in plans]}


def export() -> dict[str, Any]:
    """Return what stands, in the shape of the file; write keys by the names of variables that are to hold them."""
    assistants = Assistant.objects.present().prefetch_related("environments")
    return {"assistants": [_exported_assistant(assistant) for assistant in assistants]}


def _apply_assistant(plan: AssistantPlan, by: User | None) -> dict[str, Any]:
    assistant = Assistant.objects.present().filter(name__iexact=plan.name).first()
    if assistant is None:
        assistant = lifecycle.create_assistant(name=plan.name, by=by, **plan.settings)
    else:
        lifecycle.change_assistant(assistant, by=by, **plan.settings)
    wanted = [_Wanted(each, _environment(assistant, each.name, by)) for each in plan.environments]
    # Draft first, whatever the order in the file: the others depend on it.
    wanted.sort(key=lambda each: each.environment.kind != Environment.Kind.DRAFT)
    for each in wanted:
        if each.plan.segment is not None:
            _apply_segment(each.environment, each.plan.segment, by)
        for source in each.plan.sources:
            _apply_source(each.environment, source, by)
        if each.plan.vocabulary is not None:
            setup.choose_vocabulary(each.environment, each.plan.vocabulary, by=by, reason=REASON)
    return {"name": assistant.name, "environments": {each.plan.name: _standing(each.environment) for each in wanted}}


def _environment(assistant: Assistant, name: str, by: User | None) -> Environment:
    environment = Environment.objects.present().filter(assistant=assistant, name=name).first()
    return environment or lifecycle.add_environment(assistant, name=name, by=by)


def _apply_segment(environment: Environment, plan: SegmentPlan, by: User | None) -> None:
    connection = _connection(environment)
    if connection is None:
        _require_draft(environment, plan)
        connections.connect(
            environment,
            settings=plan.settings,
            source_name=plan.source_name or "",
            write_key=plan.write_key,
            selection=plan.selection,
            by=by,
            options=plan.options,
            reason=REASON,
        )
        return
    has_new_key = not _has_key(connection, plan.write_key)
    source_name = connection.source_name if plan.source_name is None else plan.source_name
    if has_new_key or plan.settings != connection.settings or source_name != connection.source_name:
        connections.change_destination(
            connection,
            settings=plan.settings,
            source_name=source_name,
            write_key=plan.write_key if has_new_key else None,
            by=by,
            reason=REASON,
        )
    options = connections.version_in_force(connection).options | plan.options
    connections.select_events(connection, plan.selection, by=by, options=options, reason=REASON)


def _apply_source(environment: Environment, plan: SourcePlan, by: User | None) -> None:
    try:
        setup.save(environment, plan.adapter, options=plan.options, secret=plan.secret, by=by, reason=REASON)
    except setup.SetupError as error:
        raise FileError(plan.line, f"source {plan.adapter.kind}: {error}") from None


def _has_key(connection: Connection, write_key: str) -> bool:
    """Say whether the connection sends with this key; one whose key cannot be read does not."""
    try:
        return encryption.decrypt(connection.write_key, context=connection.secret_context) == write_key
    except encryption.DecryptionError:
        return False


def _require_draft(environment: Environment, plan: SegmentPlan) -> None:
    if environment.kind == Environment.Kind.DRAFT:
        return
    drafts = Environment.objects.filter(assistant=environment.assistant, kind=Environment.Kind.DRAFT)
    if not Connection.objects.present().filter(environment__in=drafts).exists():
        raise FileError(
            plan.line,
            f"{environment.name} of “{environment.assistant.name}” cannot be connected before draft: "
            "add a segment section to draft.",
        )


def _connection(environment: Environment) -> Connection | None:
    return Connection.objects.present().filter(environment=environment, extension=connections.SEGMENT).first()


def _standing(environment: Environment) -> dict[str, Any]:
    connection = _connection(environment)
    standing: dict[str, Any] = {
        "public_id": environment.public_id,
        "source_urls": {
            adapter.kind: path for adapter in sources.adapters() if (path := setup.path_of(adapter, environment))
        },
    }
    if connection is not None:
        standing["segment"] = {
            "status": connection.status,
            "version": connections.version_in_force(connection).number,
        }
    return standing


def _exported_assistant(assistant: Assistant) -> dict[str, Any]:
    exported: dict[str, Any] = {"name": assistant.name}
    exported |= {name: getattr(assistant, name) for name in lifecycle.SETTINGS[1:] if getattr(assistant, name)}
    exported["environments"] = {
        environment.name: _exported_environment(environment)
        for environment in assistant.environments.all()
        if environment.deleted_at is None
    }
    return exported


def _exported_environment(environment: Environment) -> dict[str, Any]:
    exported: dict[str, Any] = {}
    if connection := _connection(environment):
        exported["segment"] = _exported_segment(connection)
    if its_sources := _exported_sources(environment):
        exported["sources"] = its_sources
    if environment.vocabulary != Environment.Vocabulary.NATIVE:
        exported["vocabulary"] = environment.vocabulary
    return exported


def _exported_segment(connection: Connection) -> dict[str, Any]:
    settings, version = connection.settings, connections.version_in_force(connection)
    segment: dict[str, Any] = {
        "write_key": {"env": _variable("SEGMENT_KEY", connection.environment)},
        "region": settings["endpoint"] if settings["region"] == CUSTOM else settings["region"],
        "events": [_title((type_, name)) for type_, name in version.selection],
    }
    if connection.source_name:
        segment["source_name"] = connection.source_name
    if version.options:
        segment["options"] = _exported_options(version.options)
    return segment


def _exported_options(options: dict[str, Any]) -> dict[str, Any]:
    if ONCE not in options:
        return options
    return {**options, ONCE: [_title((type_, name)) for type_, name in options[ONCE]]}


def _exported_sources(environment: Environment) -> dict[str, Any]:
    """The sources that were set up; one that was only heard has nothing to export."""
    exported = {}
    for row in Source.objects.filter(environment=environment):
        adapter = sources.find(row.kind)
        if adapter and setup.is_set_up(row):
            secret = {"secret": {"env": _variable(f"{row.kind}_SECRET", environment)}} if row.secret else {}
            exported[row.kind] = secret | setup.saved_options(adapter, row)
    return exported


def _variable(purpose: str, environment: Environment) -> str:
    """Suggest a variable's name for a secret: no file ever holds the secret itself."""
    words = f"{purpose}_{environment.assistant.name}_{environment.name}"
    return "".join(char if char.isascii() and char.isalnum() else "_" for char in words).upper()


def _title(key: Key) -> str:
    entry = catalog.find(*key)
    return entry.title if entry else key[1]
