"""The file of the declarative set-up: YAML read into plans, with the line named wherever something is wrong."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml
from django.conf import settings

from assistants import catalog, sources
from assistants.lifecycle import SETTINGS
from assistants.models import Environment
from assistants.sources.adapter import Adapter, Option, OptionKind
from integrations.compose import Key
from integrations.egress import check_endpoint_url
from integrations.options import NAMES as SEGMENT_OPTIONS
from integrations.options import ONCE
from integrations.segment.regions import CUSTOM, REGIONS, SANDBOX

ALL = "all"
# The sandbox takes any key; a file need not make one up.
SANDBOX_KEY = "sandbox"
# Stood beside the other members before there were more options, and is still taken there.
FLAT_OPTIONS = ("anonymous_sessions",)
VOCABULARIES: list[str] = Environment.Vocabulary.values


class FileError(Exception):
    """The file says something that cannot be done; the message begins with the line."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(f"line {line}: {message}")


@dataclass(frozen=True)
class SegmentPlan:
    """What a file says of one environment's connection."""

    line: int
    write_key: str
    settings: dict[str, Any]
    source_name: str | None
    selection: list[Key]
    options: dict[str, Any]


@dataclass(frozen=True)
class SourcePlan:
    """What a file says of one source; without a secret the present one stays, and so do options that are not named."""

    line: int
    adapter: Adapter
    secret: str | None
    options: dict[str, Any]


@dataclass(frozen=True)
class EnvironmentPlan:
    """What a file says of one environment."""

    name: str
    segment: SegmentPlan | None = None
    sources: tuple[SourcePlan, ...] = ()
    vocabulary: str | None = None


@dataclass(frozen=True)
class AssistantPlan:
    """What a file says of one assistant; `settings` holds only what it names."""

    name: str
    settings: dict[str, str]
    environments: list[EnvironmentPlan]


def read_file(text: str, *, environ: Mapping[str, str] = os.environ) -> list[AssistantPlan]:
    """Read the YAML text; `{env: NAME}` takes a value from `environ`. Raises FileError."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise FileError(line, f"this is not YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise FileError(1, f"this is not YAML: {error}") from None
    if root is None:
        raise FileError(1, "the file is empty")
    reader = _Reader(environ)
    members = reader.mapping(root, "the file", {"assistants"})
    if "assistants" not in members:
        raise FileError(1, "the file has no “assistants”")
    return [reader.assistant(node) for node in reader.sequence(members["assistants"], "assistants")]


class _Reader:
    """Walks YAML nodes, which know their lines, into plans."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ

    def assistant(self, node: yaml.Node) -> AssistantPlan:
        members = self.mapping(node, "an assistant", {*SETTINGS, "environments"})
        if "name" not in members:
            raise FileError(_line(node), "an assistant needs a name")
        texts = {name: self.text(members[name], name) for name in SETTINGS if name in members}
        name = texts.pop("name").strip()
        if not name or len(name) > 100:
            raise FileError(_line(members["name"]), "the name must have 1 to 100 characters")
        environments = self._named(members.get("environments"), "environments")
        return AssistantPlan(name, texts, [self.environment(each, node) for each, node in environments.items()])

    def environment(self, name: str, node: yaml.Node) -> EnvironmentPlan:
        if not re.fullmatch(r"[-\w]{1,50}", name, re.ASCII):
            raise FileError(_line(node), f"“{name}” is no name for an environment: use letters, digits, - and _")
        if _is_null(node):
            return EnvironmentPlan(name)
        members = self.mapping(node, f"environment {name}", {"segment", "sources", "vocabulary"})
        segment, vocabulary = members.get("segment"), members.get("vocabulary")
        named = self._named(members.get("sources"), "sources")
        return EnvironmentPlan(
            name,
            segment=None if segment is None or _is_null(segment) else self.segment(segment),
            sources=tuple(self.source(kind, each) for kind, each in named.items()),
            vocabulary=None if vocabulary is None else self._choice(vocabulary, "vocabulary", VOCABULARIES),
        )

    def source(self, kind: str, node: yaml.Node) -> SourcePlan:
        adapter = sources.find(kind)
        if adapter is None:
            known = ", ".join(adapter.kind for adapter in sources.adapters())
            raise FileError(_line(node), f"there is no source “{kind}”; known are {known}")
        options = {option.name: option for option in adapter.options}
        members = self.mapping(node, f"source {kind}", {*options, *(["secret"] if adapter.secret_label else [])})
        secret = members.pop("secret", None)
        return SourcePlan(
            line=_line(node),
            adapter=adapter,
            secret=None if secret is None else self.text(secret, "secret"),
            options={name: self._option(member, options[name]) for name, member in members.items()},
        )

    def _option(self, node: yaml.Node, option: Option) -> Any:
        match option.kind:
            case OptionKind.FLAG:
                return self._boolean(node, option.name)
            case OptionKind.LINES:
                return [self.text(line, option.name) for line in self.sequence(node, option.name)]
            case OptionKind.CHOICE:
                return self._choice(node, option.name, [choice for choice, _label in option.choices])
            case OptionKind.TEXT:
                return self.text(node, option.name)
            case OptionKind.RULES:
                return self._plain(node, option.name)

    def _plain(self, node: yaml.Node, what: str) -> Any:
        """Read a part of the file as plain data, whose form is for others to check."""
        try:
            return yaml.constructor.SafeConstructor().construct_document(node)
        except yaml.YAMLError as error:
            raise FileError(_line(node), f"“{what}” cannot be read: {error}") from None

    def _choice(self, node: yaml.Node, what: str, known: Sequence[str]) -> str:
        text = self.text(node, what)
        if text not in known:
            raise FileError(_line(node), f"“{what}” must be one of {', '.join(known)}")
        return text

    def segment(self, node: yaml.Node) -> SegmentPlan:
        known = {"write_key", "region", "source_name", "events", "options", *FLAT_OPTIONS}
        members = self.mapping(node, "segment", known)
        destination = self._destination(members.get("region"))
        return SegmentPlan(
            line=_line(node),
            write_key=self._write_key(node, members.get("write_key"), destination),
            settings=destination,
            source_name=self.text(members["source_name"], "source_name") if "source_name" in members else None,
            selection=self._selection(node, members.get("events")),
            options=self._segment_options(members),
        )

    def _segment_options(self, members: Mapping[str, yaml.Node]) -> dict[str, Any]:
        flat = {name: members[name] for name in FLAT_OPTIONS if name in members}
        node = members.get("options")
        nested = {} if node is None or _is_null(node) else self.mapping(node, "options", {*SEGMENT_OPTIONS, ONCE})
        named_once = nested.pop(ONCE, None)
        options: dict[str, Any] = {name: self._boolean(member, name) for name, member in {**flat, **nested}.items()}
        if named_once is not None:
            options[ONCE] = [list(self._event(each)) for each in self.sequence(named_once, ONCE)]
        return options

    def mapping(self, node: yaml.Node, what: str, known: set[str]) -> dict[str, yaml.Node]:
        members = self._named(node, what)
        for name, member in members.items():
            if name not in known:
                raise FileError(_line(member), f"{what} has no “{name}”; known are {', '.join(sorted(known))}")
        return members

    def sequence(self, node: yaml.Node, what: str) -> list[yaml.Node]:
        if not isinstance(node, yaml.SequenceNode):
            raise FileError(_line(node), f"“{what}” must be a list")
        return list(node.value)

    def text(self, node: yaml.Node, what: str) -> str:
        """Read a text, or the variable that `{env: NAME}` names."""
        if isinstance(node, yaml.MappingNode):
            variable = self.text(self.mapping(node, what, {"env"}).get("env", node.value[0][0]), "env")
            if not self.environ.get(variable):
                raise FileError(_line(node), f"the environment variable {variable} is not set")
            return self.environ[variable]
        if not isinstance(node, yaml.ScalarNode) or _is_null(node):
            raise FileError(_line(node), f"“{what}” must be a text")
        return str(node.value)

    def _named(self, node: yaml.Node | None, what: str) -> dict[str, yaml.Node]:
        if node is None or _is_null(node):
            return {}
        if not isinstance(node, yaml.MappingNode):
            raise FileError(_line(node), f"{what} must be a mapping of names")
        members: dict[str, yaml.Node] = {}
        for key, value in node.value:
            if key.value in members:
                raise FileError(_line(key), f"“{key.value}” is there twice")
            members[str(key.value)] = value
        return members

    def _write_key(self, node: yaml.Node, member: yaml.Node | None, destination: dict[str, Any]) -> str:
        if member is None:
            if destination["region"] == SANDBOX:
                return SANDBOX_KEY
            raise FileError(_line(node), "segment needs a write_key")
        key = self.text(member, "write_key").strip()
        if not key or re.search(r"\s", key):
            raise FileError(_line(member), "write_key must not be empty or contain spaces")
        return key

    def _destination(self, member: yaml.Node | None) -> dict[str, Any]:
        if member is None:
            return {"region": "us"}
        region = self.text(member, "region").strip()
        if region in REGIONS and region != CUSTOM:
            return {"region": region}
        if "://" not in region:
            known = ", ".join(code for code in REGIONS if code != CUSTOM)
            raise FileError(_line(member), f"“{region}” is no region; known are {known}, or a URL")
        if not settings.SLUICE_ALLOW_CUSTOM_ENDPOINTS:
            raise FileError(_line(member), "own URLs are switched off (SLUICE_ALLOW_CUSTOM_ENDPOINTS)")
        problem = check_endpoint_url(region, allow_private=settings.SLUICE_ALLOW_PRIVATE_ENDPOINTS)
        if problem:
            raise FileError(_line(member), problem)
        return {"region": CUSTOM, "endpoint": region.rstrip("/")}

    def _selection(self, node: yaml.Node, member: yaml.Node | None) -> list[Key]:
        if member is None:
            raise FileError(_line(node), f"segment needs events: a list, or {ALL}")
        if isinstance(member, yaml.ScalarNode) and member.value == ALL:
            return [entry.key for entry in catalog.entries() if entry.type == "track"]
        keys = [self._event(each) for each in self.sequence(member, "events")]
        if not keys:
            raise FileError(_line(member), "select at least one event")
        return keys

    def _event(self, node: yaml.Node) -> Key:
        name = self.text(node, "an event").strip()
        known = {entry.title.lower(): entry.key for entry in (*catalog.plain_calls().entries, *catalog.entries())}
        key = known.get(name.lower())
        if key is None:
            raise FileError(_line(node), f"the catalog has no event “{name}”")
        return key

    def _boolean(self, node: yaml.Node, what: str) -> bool:
        values: dict[str, bool] = {"true": True, "false": False}
        text = self.text(node, what).lower()
        if text not in values:
            raise FileError(_line(node), f"“{what}” must be true or false")
        return values[text]


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _is_null(node: yaml.Node) -> bool:
    return node.tag == "tag:yaml.org,2002:null"
