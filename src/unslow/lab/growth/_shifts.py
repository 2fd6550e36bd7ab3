"""How the values of a class become others, far enough from all that are there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from unslow.lab.growth._classes import SHORTEST_TEXT
from unslow.lab.growth.catalogue import Column, Kind

HASH = 32  # characters of an MD5


@dataclass(frozen=True)
class Shift:
    """`stride` separates the copies: a number, seconds or days. `styles` of texts are tried in
    this order until the checks are content."""

    kind: Kind
    stride: int = 0
    styles: tuple[str, ...] = ()


@dataclass(frozen=True)
class Texts:
    """What the texts of a class have in common."""

    digits: bool = False
    hexadecimal: bool = False
    uuids: bool = False
    addresses: bool = False
    longest: int = 0
    highest: int = 0
    room: int | None = None  # the shortest length of its columns


Row = Sequence[int | None]


def texts(rows: Sequence[Row], columns: Sequence[Column]) -> Texts:
    """From what was asked of each column: three patterns, an @, the longest, the highest number."""
    lengths = [column.length for column in columns if column.length is not None]
    digits = bool(rows) and all(row[0] for row in rows)
    return Texts(
        digits=digits,
        hexadecimal=bool(rows) and all(row[1] for row in rows),
        uuids=bool(rows) and all(row[2] for row in rows),
        addresses=bool(rows) and all(row[3] for row in rows),
        longest=max((row[4] or 0 for row in rows), default=0),
        highest=int(max((row[5] or 0 for row in rows), default=0)) if digits else 0,
        room=min(lengths, default=None),
    )


Shifts = Mapping[tuple[str, str], Shift]


def styles(texts: Texts, highest_copy: int, factor: int) -> tuple[str, ...]:
    """The ways to make other texts that fit, the most plausible first."""
    room = texts.room if texts.room is not None else 10**9
    mark = len(str(highest_copy))
    top = texts.highest + (factor - 1) * (texts.highest + 1)
    found = {
        "uuid": texts.uuids,
        "hexadecimal": texts.hexadecimal and not texts.digits,
        "digits": texts.digits and max(len(str(top)), texts.longest) <= room,
        "before": texts.addresses and texts.longest + mark + 2 <= room,
        "after": texts.longest + mark + 1 <= room,
        "number": texts.longest + 4 <= room,
        "hash": room >= SHORTEST_TEXT,
    }
    return tuple(name for name, fits in found.items() if fits)


def postgresql(shift: Shift, column: Column, value: str, style: int = 0) -> str:
    """The expression of the copy's value; `copies` has its number in `k`, unique as `n`."""
    match shift.kind:
        case "integer" | "number":
            new = f"{value} + copies.k * {shift.stride}::numeric"
        case "time":
            new = f"{value} - copies.k * interval '{shift.stride} seconds'"
        case "date":
            new = f"{value} - (copies.k * {shift.stride})::int"
        case "uuid":
            new = f"md5({value}::text || '/' || copies.n)::uuid"
        case "bytes":
            new = f"{value} || int4send(copies.n::int)"
        case "range":
            new = _range(shift, column, value)
        case "text":
            new = _text(shift, column, f"{value}::text", style)
        case _:
            return value
    return f"({new})::{column.type}"


def _text(shift: Shift, column: Column, value: str, style: int) -> str:
    match shift.styles[min(style, len(shift.styles) - 1)]:
        case "uuid":
            return f"md5({value} || '/' || copies.n)::uuid"
        case "hexadecimal":
            return f"left(md5({value} || '/' || copies.n), length({value}))"
        case "digits":
            number = f"({value}::numeric + copies.k * {shift.stride}::numeric)::text"
            return f"lpad({number}, greatest(length({value}), length({number})), '0')"
        case "before":
            return f"'x' || copies.n || '-' || {value}"
        case "after":
            return f"{value} || '-' || copies.n"
        case "number":
            return f"{value} || lpad(copies.n::text, 4, '0')"
        case _:
            room = min(HASH, column.length or HASH)
            return f"left(md5({value} || '/' || copies.n), {room})"


def _range(shift: Shift, column: Column, value: str) -> str:
    step = f"copies.k * {shift.stride}"
    if column.element == "time":
        step = f"copies.k * interval '{shift.stride} seconds'"
    elif column.element in ("date", "integer"):
        step = f"({step})::int"
    ends = (
        f"(CASE WHEN lower_inc({value}) THEN '[' ELSE '(' END) || "
        f"(CASE WHEN upper_inc({value}) THEN ']' ELSE ')' END)"
    )
    moved = f"{column.type}(lower({value}) - {step}, upper({value}) - {step}, {ends})"
    return f"CASE WHEN isempty({value}) THEN {value} ELSE {moved} END"


def sqlite(shift: Shift, column: Column, value: str, style: int = 0) -> str:
    """The same for SQLite, which casts nothing; `md5` is a function that the store has added."""
    if shift.kind in ("integer", "number"):
        return f"{value} + copies.k * {shift.stride}"
    if shift.kind != "text":
        return value
    hashed = f"md5({value} || '/' || copies.n)"
    match shift.styles[min(style, len(shift.styles) - 1)]:
        case "uuid":
            parts = ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))
            return " || '-' || ".join(f"substr({hashed}, {at}, {many})" for at, many in parts)
        case "hexadecimal":
            return f"substr({hashed}, 1, length({value}))"
        case "digits":
            number = f"(CAST({value} AS INTEGER) + copies.k * {shift.stride})"
            return f"printf('%0*d', length({value}), {number})"
        case "before":
            return f"'x' || copies.n || '-' || {value}"
        case "after":
            return f"{value} || '-' || copies.n"
        case "number":
            return f"{value} || printf('%04d', copies.n)"
        case _:
            return f"substr({hashed}, 1, {min(HASH, column.length or HASH)})"
