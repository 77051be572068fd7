"""What the configuration of a source by rules may say, read from plain JSON, and all that can be wrong with it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from assistants.faults import excerpt
from assistants.sources.generic.expressions import BadExpression, compile_expression

MAX_BYTES = 200_000
MAX_RULES = 50
MAX_FIELDS = 50
MAX_NAME = 200
IDENTIFY = "Identify"
# Fields that stand beside the properties; every other field becomes a property, of Identify a trait.
TOP_LEVEL = ("userId", "anonymousId", "timestamp")

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_MEMBER = re.compile(r"[^=,{}]+=\{(?:signature|ts|id)\}")
_WHERE = re.compile(r" - at `(?P<key>key in )?\$(?P<path>[^`]*)`$")
_SHAPES = {
    "str": "a text",
    "int": "a number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "nothing",
}


class _Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An object in which a misspelt name is an error."""


class NoProof(_Strict, frozen=True, tag="none", tag_field="kind"):
    """Whoever knows the address may send."""


class IngestKeyProof(_Strict, frozen=True, tag="key", tag_field="kind"):
    """An ingest key of the environment, in the URL or the Authorization header."""


class HeaderProof(_Strict, frozen=True, tag="header", tag_field="kind"):
    """A header holds the secret itself."""

    header: str


class BasicProof(_Strict, frozen=True, tag="basic", tag_field="kind"):
    """Basic authorization: the secret is the password; any user will do where none is named."""

    user: str = ""


class HmacProof(_Strict, frozen=True, tag="hmac", tag_field="kind"):
    """A header holds an HMAC of `template`, in which {body}, {ts} and {id} stand for body, timestamp and ID.

    `pattern` says how the header is put together where it holds more than the signature, such as
    "t={ts},v1={signature}"; otherwise timestamp and ID come from headers of their own.
    """

    header: str
    algorithm: Literal["sha1", "sha256", "sha512"] = "sha256"
    prefix: str = ""
    template: str = "{body}"
    encoding: Literal["hex", "base64"] = "hex"
    ts_header: str = ""
    id_header: str = ""
    pattern: str = ""
    tolerance_s: float = 300.0


class StandardWebhooksProof(_Strict, frozen=True, tag="standard_webhooks", tag_field="kind"):
    """Signed as standardwebhooks.com specifies."""

    tolerance_s: float = 300.0


class JwtProof(_Strict, frozen=True, tag="jwt", tag_field="kind"):
    """A header holds a JSON Web Token signed with the secret."""

    header: str = "Authorization"
    algorithms: tuple[Literal["HS256", "HS384", "HS512"], ...] = ("HS256", "HS384", "HS512")


Proof = NoProof | IngestKeyProof | HeaderProof | BasicProof | HmacProof | StandardWebhooksProof | JwtProof


class Whole(_Strict, frozen=True, tag="none", tag_field="kind"):
    """The body is one piece."""


class JsonArray(_Strict, frozen=True, tag="array", tag_field="kind"):
    """The body is a list of pieces."""


class NdJson(_Strict, frozen=True, tag="ndjson", tag_field="kind"):
    """Each line of the body is a piece."""


class CloudEvents(_Strict, frozen=True, tag="cloudevents", tag_field="kind"):
    """CloudEvents, structured, batched or binary: which of them a request says itself."""


class AtPath(_Strict, frozen=True, tag="path", tag_field="kind"):
    """The pieces are what a JMESPath finds in the body: a list of them, or one."""

    path: str


class PubSubPush(_Strict, frozen=True, tag="pubsub", tag_field="kind"):
    """Google Pub/Sub's push wrapper around one piece."""


class Firehose(_Strict, frozen=True, tag="firehose", tag_field="kind"):
    """Amazon Data Firehose's records, of which CloudWatch log events are taken apart; it hears back what it expects."""


Wrapping = Whole | JsonArray | NdJson | CloudEvents | AtPath | PubSubPush | Firehose
FieldType = Literal["epoch_s", "epoch_ms", "iso", "text", "number"]


class Rule(_Strict, frozen=True):
    """Which pieces become a message, of which event, with which fields; all but `event` in JMESPath.

    The fields userId, anonymousId and timestamp stand beside the properties. A message that has neither of the IDs goes
    under its conversationId, if that is among the fields. `types` says of a field how its value is to be read: seconds
    or milliseconds since 1970 and ISO 8601 become a timestamp; a text or a number becomes what it says.
    """

    event: str
    when: str = ""
    fields: dict[str, str] = {}
    types: dict[str, FieldType] = {}


class Config(_Strict, frozen=True):
    """A source by rules.

    Without `verify` an ingest key is asked for. `id_header` names a header, `id` is a JMESPath to what stays the same
    when the sender repeats a piece. `echo` names a member of the body that is sent straight back, as Slack asks for.
    """

    verify: Proof = IngestKeyProof()
    unwrap: Wrapping = Whole()
    rules: tuple[Rule, ...] = ()
    id_header: str = ""
    id: str = ""
    echo: str = ""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a configuration: where, such as “rule 2, field messageId”, and what."""

    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


class BadConfig(Exception):
    """A configuration that cannot be used; carries its problems."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(str(problem) for problem in problems))
        self.problems = problems


def check(config: Any) -> list[Problem]:
    """Return everything that is wrong with a configuration given as plain JSON; an empty list says that it can be used.

    Touches neither database nor network. A configuration without rules is fine: it collects payloads for a dry run.
    """
    if not isinstance(config, Mapping):
        return [Problem("configuration", "must be an object.")]
    try:
        raw = msgspec.json.encode(config)
    except (TypeError, ValueError, OverflowError, RecursionError):
        return [Problem("configuration", "holds something that is no JSON, such as half of a surrogate pair.")]
    if b"\\u0000" in raw:
        return [Problem("configuration", "holds the NUL character, which no database takes.")]
    if len(raw) > MAX_BYTES:
        return [Problem("configuration", f"has {len(raw):,} bytes; the limit is {MAX_BYTES:,}.")]
    return list(_problems(config))


def parse(config: Any) -> Config:
    """Read a configuration given as plain JSON. Raises BadConfig with all that `check` finds."""
    problems = check(config)
    if problems:
        raise BadConfig(problems)
    return msgspec.convert(config, Config)


def needs_key(config: Config) -> bool:
    """Tell whether a sender proves itself by an ingest key, which then stands in the URL that it is given."""
    return isinstance(config.verify, IngestKeyProof)


def needs_secret(config: Config) -> bool:
    """Tell whether a sender proves itself by the secret of the source."""
    return not isinstance(config.verify, NoProof | IngestKeyProof)


def _problems(config: Mapping[str, Any]) -> Iterator[Problem]:
    known = Config.__struct_fields__
    for name in config:
        if name not in known:
            yield Problem(str(name), f"is unknown; there are {', '.join(known)}.")
    for name in ("id_header", "id", "echo"):
        if not isinstance(config.get(name, ""), str):
            yield Problem(name, "must be a text.")
    yield from _expression_problem("id", config.get("id", ""))
    yield from _proof_problems(config.get("verify", {"kind": "key"}))
    yield from _wrapping_problems(config.get("unwrap", {"kind": "none"}))
    yield from _rules_problems(config.get("rules", []))


def _proof_problems(given: Any) -> Iterator[Problem]:
    try:
        proof = msgspec.convert(given, Proof)
    except msgspec.ValidationError as error:
        yield _shape_problem("verify", error)
        return
    if isinstance(proof, HeaderProof | HmacProof | JwtProof) and not proof.header.strip():
        yield Problem("verify, header", "is empty.")
    if isinstance(proof, HmacProof):
        yield from _hmac_problems(proof)
    if isinstance(proof, HmacProof | StandardWebhooksProof) and not 0 < proof.tolerance_s <= 86_400:
        yield Problem("verify, tolerance_s", "must be seconds, more than 0 and at most 86,400.")
    if isinstance(proof, JwtProof) and not proof.algorithms:
        yield Problem("verify, algorithms", "names none.")


def _hmac_problems(proof: HmacProof) -> Iterator[Problem]:
    signed = _PLACEHOLDER.findall(proof.template)
    unknown = [name for name in signed if name not in ("body", "ts", "id")]
    if unknown:
        yield Problem("verify, template", f"knows {{body}}, {{ts}} and {{id}}, not {{{unknown[0]}}}.")
    if "body" not in signed:
        yield Problem("verify, template", "lacks {body}: the signature would hold for any content.")
    in_header = _PLACEHOLDER.findall(proof.pattern)
    members = [_MEMBER.fullmatch(member.strip()) for member in proof.pattern.split(",")]
    if proof.pattern and ("signature" not in in_header or not all(members)):
        yield Problem("verify, pattern", "must name {signature}, and may name {ts} and {id}: t={ts},v1={signature}.")
    if "ts" in signed and not proof.ts_header and "ts" not in in_header:
        yield Problem("verify, ts_header", "is missing: the template uses {ts}.")
    if "id" in signed and not proof.id_header and "id" not in in_header:
        yield Problem("verify, id_header", "is missing: the template uses {id}.")
    if "ts" not in signed and (proof.ts_header or "ts" in in_header):
        yield Problem("verify, template", "lacks {ts}: a timestamp that is not signed proves nothing.")


def _wrapping_problems(given: Any) -> Iterator[Problem]:
    try:
        wrapping = msgspec.convert(given, Wrapping)
    except msgspec.ValidationError as error:
        yield _shape_problem("unwrap", error)
        return
    if isinstance(wrapping, AtPath):
        if not wrapping.path.strip():
            yield Problem("unwrap, path", "is empty.")
        yield from _expression_problem("unwrap, path", wrapping.path)


def _rules_problems(given: Any) -> Iterator[Problem]:
    if not isinstance(given, list | tuple):
        yield Problem("rules", "must be a list.")
        return
    if len(given) > MAX_RULES:
        yield Problem("rules", f"are more than {MAX_RULES}.")
    for number, rule in enumerate(given[:MAX_RULES], 1):
        yield from _rule_problems(f"rule {number}", rule)


def _rule_problems(place: str, given: Any) -> Iterator[Problem]:
    try:
        rule = msgspec.convert(given, Rule)
    except msgspec.ValidationError as error:
        yield _shape_problem(place, error)
        return
    if not rule.event.strip() or len(rule.event) > MAX_NAME:
        yield Problem(f"{place}, event", f"must be a name of at most {MAX_NAME} characters.")
    yield from _expression_problem(f"{place}, when", rule.when)
    if len(rule.fields) > MAX_FIELDS:
        yield Problem(f"{place}, fields", f"are more than {MAX_FIELDS}.")
    for name, expression in list(rule.fields.items())[:MAX_FIELDS]:
        if not name.strip() or len(name) > MAX_NAME:
            yield Problem(f"{place}, fields", f"have a name that is empty or over {MAX_NAME} characters.")
        elif not expression.strip():
            yield Problem(f"{place}, field {name}", "has no expression.")
        yield from _expression_problem(f"{place}, field {name}", expression)
    for name in rule.types:
        if name not in rule.fields:
            yield Problem(f"{place}, types", f"speak of {excerpt(name)}, which is not among the fields.")


def _expression_problem(place: str, expression: Any) -> Iterator[Problem]:
    """Compile an expression, if it is one and not empty."""
    if not isinstance(expression, str) or not expression.strip():
        return
    try:
        compile_expression(expression)
    except BadExpression as error:
        yield Problem(place, str(error))


def _shape_problem(place: str, error: msgspec.ValidationError) -> Problem:
    """Say for people where and how a part of the configuration differs from its form."""
    text = str(error)
    where = _WHERE.search(text)
    if where:
        text = text[: where.start()]
        inner = re.sub(r"\[[^\]]*\]", "", where["path"]).strip(".").replace(".", ", ")
        place = f"{place}, {inner}" if inner else place
    for shape, words in _SHAPES.items():
        text = text.replace(f"`{shape}`", words)
    return Problem(place, f"{text[0].lower()}{text[1:]}.".replace("`", "“", 1).replace("`", "”", 1))
