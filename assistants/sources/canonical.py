"""IDs from content: the same for equal JSON, however it was printed."""

import hashlib
from typing import Any

import msgspec

_encoder = msgspec.json.Encoder(order="sorted")
DIGITS = 32
# Nearly all members are of these types, and stay as they are.
_EXACT = frozenset({str, int, bool, type(None)})


def digest(value: Any) -> str:
    """Return 32 hexadecimal digits that stand for a JSON value.

    The order of members and the way in which numbers are written make no difference: on its way through brokers and
    log shippers a float is printed again and again, by programs with different habits.
    """
    return hashlib.sha256(_encoder.encode(_exact(value))).hexdigest()[:DIGITS]


def _exact(value: Any) -> Any:
    if isinstance(value, float):
        return int(value) if value.is_integer() else value.hex()
    if isinstance(value, dict):
        return {name: member if type(member) in _EXACT else _exact(member) for name, member in value.items()}
    if isinstance(value, list):
        return [member if type(member) in _EXACT else _exact(member) for member in value]
    return value
