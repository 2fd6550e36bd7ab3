"""Writes values as PostgreSQL's COPY reads them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
LINES_PER_BLOCK = 500


def blocks(rows: Iterable[Sequence[object]]) -> Iterator[bytes]:
    """The rows in COPY's text format, some lines at a time."""
    lines: list[str] = []
    for row in rows:
        lines.append("\t".join([_cell(value) for value in row]))
        if len(lines) == LINES_PER_BLOCK:
            yield ("\n".join(lines) + "\n").encode()
            lines.clear()
    if lines:
        yield ("\n".join(lines) + "\n").encode()


def text(value: object) -> str:
    """A value, not null, as PostgreSQL reads it."""
    return WRITERS[type(value)](value)


def _cell(value: object) -> str:
    if value is None:
        return "\\N"
    return WRITERS[type(value)](value).translate(ESCAPES)


def _array(values: list[object]) -> str:
    return "{" + ",".join(_element(one) for one in values) + "}"


def _element(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, list):
        return _array(value)
    quoted = text(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}"'


def _interval(value: timedelta) -> str:
    return f"{value.total_seconds():f} seconds"


WRITERS: dict[type, Callable[..., str]] = {
    str: str,
    bool: lambda value: "t" if value else "f",
    int: str,
    float: repr,
    Decimal: lambda value: format(value, "f"),
    bytes: lambda value: "\\x" + value.hex(),
    datetime: datetime.isoformat,
    date: date.isoformat,
    time: time.isoformat,
    timedelta: _interval,
    UUID: str,
    list: _array,
}
