"""The form of how a source by rules verifies and unwraps a request, and what else holds for all of its rules."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, get_args

import msgspec
from django import forms

from assistants.sources.generic.config import HmacProof, Problem, Proof, Wrapping

PROOFS = [
    ("key", "An ingest key, in the address or the Authorization header"),
    ("hmac", "A signature in a header (HMAC)"),
    ("standard_webhooks", "A signature as Standard Webhooks specifies it"),
    ("jwt", "A JSON Web Token (HS256, HS384 or HS512)"),
    ("header", "A header that holds the secret itself"),
    ("basic", "Basic authorization, with the secret as password"),
    ("none", "Nothing: whoever knows the address may send"),
]
WRAPPINGS = [
    ("none", "Nothing: a request is one piece"),
    ("array", "A JSON array: each item is a piece"),
    ("ndjson", "NDJSON: each line is a piece"),
    ("path", "A list inside the body, at a path"),
    ("cloudevents", "CloudEvents: structured, batched or binary"),
    ("pubsub", "Google Pub/Sub push"),
    ("firehose", "Amazon Data Firehose, with CloudWatch logs"),
]
TYPES = [
    ("", "As it is"),
    ("text", "Text"),
    ("number", "Number"),
    ("iso", "Time, ISO 8601"),
    ("epoch_s", "Time, seconds since 1970"),
    ("epoch_ms", "Time, milliseconds since 1970"),
]
TOP = ("id_header", "id", "echo")


def _text(label: str, help_text: str = "", **attributes: str) -> forms.CharField:
    widget = forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "class": "mono", **attributes})
    return forms.CharField(label=label, help_text=help_text, required=False, strip=True, widget=widget)


def _choice(label: str, values: tuple[str, ...]) -> forms.ChoiceField:
    return forms.ChoiceField(label=label, required=False, choices=[(value, value) for value in values])


# Each kind of proof and of wrapping that has further fields: in the form they are named <part>_<kind>_<field>.
_FURTHER: dict[str, dict[str, forms.Field]] = {
    "verify_header": {"header": _text("Header", "Its name, such as X-API-Key.")},
    "verify_basic": {"user": _text("User", "Leave it empty to let any user name do.")},
    "verify_hmac": {
        "header": _text("Header with the signature", "Its name, such as X-Hub-Signature."),
        "algorithm": _choice("Algorithm", get_args(HmacProof.__annotations__["algorithm"])),
        "encoding": _choice("Written as", get_args(HmacProof.__annotations__["encoding"])),
        "prefix": _text("Prefix", "What stands before the signature in the header, such as sha256=."),
        "template": _text("What is signed", "{body}, {ts} and {id} stand for body, timestamp and ID."),
        "ts_header": _text("Header with the timestamp", "Where the template uses {ts}."),
        "id_header": _text("Header with the ID", "Where the template uses {id}."),
        "pattern": _text(
            "Form of the header", "Where it holds more than the signature, such as t={ts},v1={signature}."
        ),
        "tolerance_s": _text("Tolerance in seconds", "How old a signed timestamp may be."),
    },
    "verify_standard_webhooks": {"tolerance_s": _text("Tolerance in seconds", "How old a signed timestamp may be.")},
    "verify_jwt": {
        "header": _text("Header", "Where the token is."),
        "algorithms": forms.MultipleChoiceField(
            label="Algorithms",
            required=False,
            choices=[(name, name) for name in ("HS256", "HS384", "HS512")],
            widget=forms.CheckboxSelectMultiple,
        ),
    },
    "unwrap_path": {"path": _text("Path", "JMESPath, such as events[*].")},
}
# What holds where a configuration says nothing: None where it must say something.
_DEFAULTS: dict[str, dict[str, Any]] = {
    f"{part}_{struct.__struct_config__.tag}": {
        each.name: None if each.default is msgspec.NODEFAULT else msgspec.json.decode(msgspec.json.encode(each.default))
        for each in msgspec.structs.fields(struct)
    }
    for part, structs in (("verify", get_args(Proof)), ("unwrap", get_args(Wrapping)))
    for struct in structs
}


class EnvelopeForm(forms.Form):
    """How requests prove themselves, what they are unwrapped from, and by what a repeat is told.

    Takes every text: what is wrong with a configuration is said by its own check, and noted here.
    """

    verify = forms.ChoiceField(label="How a request proves who sent it", choices=PROOFS, widget=forms.RadioSelect)
    unwrap = forms.ChoiceField(label="What a request holds", choices=WRAPPINGS, widget=forms.RadioSelect)
    id_header = _text("Header with an ID", "A header that stays the same when the sender repeats a request.")
    id = _text("ID of a piece", "JMESPath to what stays the same when the sender repeats a piece.")
    echo = _text("Member to echo", "A member of the body that is sent straight back, such as challenge for Slack.")
    use_required_attribute = False

    def __init__(self, sent: Mapping[str, Any]) -> None:
        super().__init__(sent)
        for kind, further in _FURTHER.items():
            for name, field in further.items():
                self.fields[f"{kind}_{name}"] = deepcopy(field)

    @classmethod
    def of_config(cls, config: Mapping[str, Any]) -> "EnvelopeForm":
        """Read a configuration; what it leaves out has the values that hold then."""
        values: dict[str, Any] = {name: config.get(name, "") for name in TOP}
        for part, default in (("verify", "key"), ("unwrap", "none")):
            given = config.get(part, {"kind": default})
            values[part] = given["kind"]
            for kind, further in _further_of(part).items():
                told = given if kind == f"{part}_{given['kind']}" else {}
                values |= {f"{kind}_{name}": _shown(told.get(name, _DEFAULTS[kind][name])) for name in further}
        return cls(values)

    def config(self) -> dict[str, Any]:
        """Write this part of the configuration, without what holds anyway."""
        self.full_clean()
        parts = {part: self._part(part) for part in ("verify", "unwrap")}
        return parts | {name: self.cleaned_data[name] for name in TOP if self.cleaned_data.get(name)}

    def entered_wrongly(self) -> list[tuple[str, str, str]]:
        """Return label, error and element of each field whose value nobody could have chosen."""
        return [(str(field.label), str(error), _element(field)) for field in self for error in field.errors]

    def note(self, problem: Problem) -> str:
        """Keep what is wrong at the field that it is about, and return the field's element; "" if there is none."""
        part, _, name = problem.place.partition(", ")
        candidates = (f"{part}_{self.cleaned_data.get(part)}_{name.split(', ')[0]}", part)
        field = next((each for each in candidates if each in self.fields), None)
        self.add_error(field, problem.message if field else str(problem))
        return _element(self[field]) if field else ""

    @property
    def has_more(self) -> bool:
        """Whether anything stands in the fields that are folded away at first."""
        return any(self[name].value() or self[name].errors for name in TOP)

    @property
    def verify_further(self) -> list[tuple[str, list[forms.BoundField]]]:
        """The further fields of each kind of proof that has some."""
        return self._further("verify")

    @property
    def unwrap_further(self) -> list[tuple[str, list[forms.BoundField]]]:
        """The further fields of each kind of wrapping that has some."""
        return self._further("unwrap")

    def _further(self, part: str) -> list[tuple[str, list[forms.BoundField]]]:
        return [(kind, [self[f"{kind}_{name}"] for name in further]) for kind, further in _further_of(part).items()]

    def _part(self, part: str) -> dict[str, Any]:
        chosen = self.cleaned_data.get(part, "")
        kind = f"{part}_{chosen}"
        entered = {name: self.cleaned_data.get(f"{kind}_{name}", "") for name in _FURTHER.get(kind, {})}
        if "tolerance_s" in entered:
            entered["tolerance_s"] = _number(entered["tolerance_s"])
        told = {name: value for name, value in entered.items() if value != _DEFAULTS[kind][name]}
        return {"kind": chosen, **told}


def _further_of(part: str) -> dict[str, dict[str, forms.Field]]:
    return {kind: further for kind, further in _FURTHER.items() if kind.startswith(f"{part}_")}


def _element(field: forms.BoundField) -> str:
    return field.id_for_label or f"{field.auto_id}_0"


def _shown(value: Any) -> Any:
    """Write a number as people do: 300, not 300.0."""
    return f"{value:g}" if isinstance(value, float | int) else value


def _number(text: str) -> float | str:
    """Read a number; what is none stays as it was typed, for the check to say so."""
    try:
        return float(text)
    except ValueError:
        return text
