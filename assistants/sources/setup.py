"""Sources as people set them up: secret and options of each in an environment, and the environment's vocabulary."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from assistants import audit, encryption
from assistants.models import Environment, Source
from assistants.sources.adapter import Adapter, Option, OptionKind

MAX_SECRET = 1024
MAX_TEXT = 2000
MAX_LINES = 200


class SetupError(Exception):
    """What was given cannot be set up; `problems` are sentences for people, one for each thing that is wrong."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(" ".join(problems))
        self.problems = problems


class StaleSourceError(Exception):
    """Somebody else changed the source since the page was made that asks for a change."""


def find(environment: Environment, kind: str) -> Source | None:
    """Return the row of a source, which is there once it was set up or heard."""
    return Source.objects.filter(environment=environment, kind=kind).first()


def is_set_up(source: Source | None) -> bool:
    """Tell whether somebody set a source up; the row of one that was only heard has neither secret nor options."""
    return bool(source and (source.secret or source.options))


def path_of(adapter: Adapter, environment: Environment) -> str:
    """Return what a sender is configured with, behind the address of this installation and without any key."""
    return adapter.endpoint if adapter.paths else f"/sources/{adapter.kind}/{environment.public_id}"


def options_of(adapter: Adapter, source: Source | None) -> dict[str, Any]:
    """Return the options in force: those that were saved, else the adapter's own."""
    defaults = {option.name: option.default for option in adapter.options}
    return defaults | (saved_options(adapter, source) if source else {})


def saved_options(adapter: Adapter, source: Source) -> dict[str, Any]:
    """Return the options that were saved, without the adapter's own."""
    rules = {option.name for option in adapter.options if option.kind is OptionKind.RULES}
    return {
        name: json.loads(value) if name in rules and isinstance(value, str) else value
        for name, value in source.options.items()
    }


def save(
    environment: Environment,
    adapter: Adapter,
    *,
    options: Mapping[str, Any],
    secret: str | None = None,
    by: User | None,
    reason: str = "",
    seen: str | None = None,
) -> Source:
    """Set up a source: the options given, and the secret unless it is None, replace those in force.

    Says the same as before and changes nothing. Raises SetupError, and StaleSourceError where `seen` is not the
    `fingerprint` of the source as it stands.
    """
    with transaction.atomic():
        rows = Source.objects.select_for_update()
        source, is_new = rows.get_or_create(environment=environment, kind=adapter.kind)
        if seen is not None and seen != fingerprint(source):
            raise StaleSourceError
        was_set_up = is_set_up(source)
        chosen = _to_store(adapter, checked(adapter, {**options_of(adapter, source), **options}))
        changed = [name for name in (*chosen, *source.options) if source.options.get(name) != chosen.get(name)]
        changed = [*dict.fromkeys(changed), *_set_secret(source, secret)]
        source.options = chosen
        if is_new or changed:
            # Not the whole row: intake writes into it when the source was last seen.
            source.save(update_fields=["options", "secret"])
            _audit(source, adapter, "source.changed" if was_set_up else "source.added", by, reason, changed)
    return source


def remove_secret(environment: Environment, adapter: Adapter, *, by: User | None, reason: str = "") -> None:
    """Forget a source's secret; without one nothing happens."""
    with transaction.atomic():
        if Source.objects.filter(environment=environment, kind=adapter.kind).exclude(secret="").update(secret=""):
            source = Source.objects.get(environment=environment, kind=adapter.kind)
            _audit(source, adapter, "source.secret_removed", by, reason, ["secret"])


def checked(adapter: Adapter, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options, complete. Raises SetupError where one is unknown, of a wrong kind, or does not fit."""
    known = {option.name: option for option in adapter.options}
    problems = [f"There is no option “{name}”." for name in options if name not in known]
    for name, option in known.items():
        if name in options and (problem := _problem(option, options[name])):
            problems.append(f"{option.label}: {problem}")
    problems = problems or adapter.check(options)
    if problems:
        raise SetupError(problems)
    return {name: options.get(name, option.default) for name, option in known.items()}


def _to_store(adapter: Adapter, options: Mapping[str, Any]) -> dict[str, Any]:
    """Write rules as text, or people would find their fields in another order: PostgreSQL keeps none.

    Rules that are the preset's own are left out: a better preset of a later version then holds by itself.
    """
    presets = {option.name: option.default for option in adapter.options if option.kind is OptionKind.RULES}
    return {
        name: json.dumps(value, ensure_ascii=False) if name in presets else value
        for name, value in options.items()
        if name not in presets or value != presets[name]
    }


def fingerprint(source: Source | None) -> str:
    """Sum up a source's set-up, so that a form made from another one is noticed; tells nothing of the secret."""
    facts = [source.options, source.secret] if source else [{}, ""]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def choose_vocabulary(environment: Environment, vocabulary: str, *, by: User | None, reason: str = "") -> None:
    """Say whose names the events derived from now on carry."""
    before = environment.vocabulary
    with transaction.atomic():
        rows = Environment.objects.filter(pk=environment.pk).exclude(vocabulary=vocabulary)
        if rows.update(vocabulary=vocabulary):
            details = {"before": before, "after": vocabulary}
            audit.record(
                actor=by,
                action="environment.vocabulary_chosen",
                target=environment.label,
                environment=environment,
                reason=reason,
                details=details,
            )


def _set_secret(source: Source, secret: str | None) -> list[str]:
    """Encrypt a new secret into the row; the same one again is no change."""
    if secret is None or secret == _secret(source):
        return []
    if len(secret) > MAX_SECRET:
        raise SetupError([f"The secret may have at most {MAX_SECRET:,} characters."])
    source.secret = encryption.encrypt(secret, context=source.secret_context) if secret else ""
    return ["secret"]


def _secret(source: Source) -> str | None:
    """Return the secret; None for one that cannot be read any more."""
    if not source.secret:
        return ""
    try:
        return encryption.decrypt(source.secret, context=source.secret_context)
    except encryption.DecryptionError:
        return None


def _problem(option: Option, value: Any) -> str:
    match option.kind:
        case OptionKind.FLAG:
            return "" if isinstance(value, bool) else "must be true or false."
        case OptionKind.CHOICE:
            known = [choice for choice, _label in option.choices]
            return "" if value in known else f"“{value}” is none of {', '.join(known)}."
        case OptionKind.LINES:
            is_good = isinstance(value, list) and all(isinstance(line, str) for line in value)
            return "" if is_good and len(value) <= MAX_LINES else f"must be a list of at most {MAX_LINES} texts."
        case OptionKind.TEXT:
            is_good = isinstance(value, str) and len(value) <= MAX_TEXT
            return "" if is_good else f"must be a text of at most {MAX_TEXT:,} characters."
        case OptionKind.RULES:
            return "" if isinstance(value, dict) else "must be an object with verify, unwrap and rules."


def _audit(source: Source, adapter: Adapter, action: str, by: User | None, reason: str, changed: list[str]) -> None:
    audit.record(
        actor=by,
        action=action,
        target=adapter.title,
        environment=source.environment,
        reason=reason,
        details={"changed": changed},
    )
