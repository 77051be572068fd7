"""Take a body apart into pieces of JSON, each read on its own: a bad one does not spoil its neighbours."""

from typing import Any

import msgspec
from msgspec import Raw

from assistants.faults import Refused, mark_lone_surrogates, read_json
from assistants.intake.answers import Unreadable

# As many as Segment's own route takes in one request.
MAX_PIECES = 2_500

_raw_list = msgspec.json.Decoder(list[Raw])


class Piece(msgspec.Struct, frozen=True, gc=False):
    """One thing that a request tells of: a JSON value, its bytes, and what the wrapping said of it (or nothing)."""

    value: Any
    raw: bytes
    id: str = ""
    at: str = ""


class BadPiece(msgspec.Struct, frozen=True, gc=False):
    """A piece that cannot be read, and why."""

    reason: Refused
    raw: bytes


def check_text(body: bytes) -> None:
    """Return if a body can be JSON at all: not empty, and UTF-8. Raises Unreadable."""
    if not body.strip():
        raise Unreadable(400, "invalid_request", "The body is empty.")
    try:
        body.decode()
    except UnicodeDecodeError as error:
        raise Unreadable(400, "invalid_request", f"The body is not UTF-8: byte {error.start} is wrong.") from None


def read_piece(raw: bytes, *, id_: str = "", at: str = "") -> Piece | BadPiece:
    """Read one piece."""
    value = read_json(raw)
    return BadPiece(value, raw) if isinstance(value, Refused) else Piece(value, raw, id_, at)


def whole(body: bytes) -> Piece | BadPiece:
    """Return a body as one piece. Raises Unreadable where it is no JSON; then there is nothing to look into."""
    piece = read_piece(body.strip())
    if isinstance(piece, BadPiece) and piece.reason.code == "invalid_json":
        raise Unreadable(400, "invalid_request", _of_body(piece))
    return piece


def value_of(body: bytes) -> Any:
    """Return a body's JSON value. Raises Unreadable where it cannot be read, for whatever reason."""
    piece = whole(body)
    if isinstance(piece, BadPiece):
        raise Unreadable(400, piece.reason.code, _of_body(piece))
    return piece.value


def items(body: bytes) -> list[Piece | BadPiece]:
    """Return the items of a list; a lone object counts as a list of one."""
    if not body.lstrip().startswith(b"["):
        return [whole(body)]
    try:
        return [read_piece(bytes(raw)) for raw in _raw_items(body)]
    except (msgspec.DecodeError, RecursionError):
        return [whole(body)]


def lines(body: bytes) -> list[Piece | BadPiece]:
    """Return the lines of NDJSON."""
    return [read_piece(line) for line in body.split(b"\n") if line.strip()]


def any_form(body: bytes) -> list[Piece | BadPiece]:
    """Return the pieces of a list, of NDJSON, or the one that the body is, whichever it looks like."""
    if body.lstrip().startswith(b"["):
        return items(body)
    piece = read_piece(body.strip())
    if isinstance(piece, BadPiece) and piece.reason.code == "invalid_json" and b"\n" in body.strip():
        return lines(body)
    return [whole(body)]


def within_limit(pieces: list[Piece | BadPiece]) -> list[Piece | BadPiece]:
    """Refuse the pieces that are more than one request may hold, each of them."""
    reason = Refused("too_many_pieces", f"A request may hold {MAX_PIECES:,} pieces; this one is beyond that.")
    return pieces[:MAX_PIECES] + [BadPiece(reason, piece.raw) for piece in pieces[MAX_PIECES:]]


def _raw_items(body: bytes) -> list[Raw]:
    """Return the items of a list; half of a surrogate pair is the fault of one of them, not of the list."""
    try:
        return _raw_list.decode(body)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        return _raw_list.decode(mark_lone_surrogates(body))


def _of_body(piece: BadPiece) -> str:
    return piece.reason.message.replace("The item", "The body", 1)
