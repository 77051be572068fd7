"""The file of the declarative set-up: YAML read into plans, with the line named wherever something is wrong."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml
from django.conf import settings

from assistants import catalog
from assistants.lifecycle import SETTINGS
from integrations.compose import Key
from integrations.egress import check_endpoint_url
from integrations.segment.regions import CUSTOM, REGIONS, SANDBOX

ALL = "all"
# The sandbox takes any key; a file need not make one up.
SANDBOX_KEY = "sandbox"
OPTIONS = ("anonymous_sessions",)


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
class EnvironmentPlan:
    """What a file says of one environment."""

    name: str
    segment: SegmentPlan | None


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
            return EnvironmentPlan(name, None)
        members = self.mapping(node, f"environment {name}", {"segment", "sources"})
        for kind, source in self._named(members.get("sources"), "sources").items():
            raise FileError(_line(source), f"there is no source “{kind}” that needs a set-up")
        segment = members.get("segment")
        return EnvironmentPlan(name, None if segment is None or _is_null(segment) else self.segment(segment))

    def segment(self, node: yaml.Node) -> SegmentPlan:
        members = self.mapping(node, "segment", {"write_key", "region", "source_name", "events", *OPTIONS})
        destination = self._destination(members.get("region"))
        return SegmentPlan(
            line=_line(node),
            write_key=self._write_key(node, members.get("write_key"), destination),
            settings=destination,
            source_name=self.text(members["source_name"], "source_name") if "source_name" in members else None,
            selection=self._selection(node, members.get("events")),
            options={name: self._boolean(members[name], name) for name in OPTIONS if name in members},
        )

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
