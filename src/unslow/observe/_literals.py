"""Writes a statement's parameters as PostgreSQL literals, so that its plan can be asked for."""

import datetime
import decimal
import re
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any

LONGEST = 10_000  # characters of one literal; longer values are data, not conditions

_NAMED = re.compile(r"%\((\w+)\)[sbt]|(?<![:\w]):([A-Za-z_]\w*)")


class Raw(str):
    """Text that already is a literal."""


def literals(sql: str, parameters: Any) -> list[str] | None:
    """One literal per parameter, best effort.

    Positional parameters keep their order (`%s`, `?`, `$n`); named ones come in the order in which
    the statement names them, once per occurrence.
    """
    if parameters is None:
        return None
    if isinstance(parameters, Mapping):
        names = [first or second for first, second in _NAMED.findall(sql)]
        return [literal(parameters[name]) for name in names if name in parameters]
    if isinstance(parameters, str | bytes) or not isinstance(parameters, Sequence):
        return [literal(parameters)]
    return [literal(value) for value in parameters]


def literal(value: Any) -> str:
    """The value as PostgreSQL would read it back: `'x'`, `1`, `true`, `'2026-01-01'::date`."""
    simple = _SIMPLE.get(type(value))
    if simple is not None:
        return simple(value)
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, Enum):
        return literal(value.value)
    if isinstance(value, list | tuple | set | frozenset):
        return quote("{" + ",".join(map(_element, value)) + "}")
    for kind, write in _SIMPLE.items():
        if isinstance(value, kind):
            return write(value)
    return _foreign(value)


def quote(text: str) -> str:
    """A string literal."""
    return "'" + text[:LONGEST].replace("\x00", "").replace("'", "''") + "'"


def _element(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, list | tuple):
        return "{" + ",".join(map(_element, value)) + "}"
    if isinstance(value, int | float | decimal.Decimal):
        return str(value)
    text = value.value if isinstance(value, Enum) else value
    return '"' + str(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _foreign(value: Any) -> str:
    """Wrappers of the drivers (Json, Range, Int4, Binary), then anything with a text."""
    for attribute in ("obj", "adapted"):
        if hasattr(value, attribute):
            inner = getattr(value, attribute)
            wrapped = type(value).__name__.lower().startswith("json")
            return _json(inner) if wrapped else literal(inner)
    if isinstance(value, Mapping):
        return _json(value)
    if hasattr(value, "lower") and hasattr(value, "upper") and hasattr(value, "lower_inc"):
        return _range(value)
    return quote(str(value))


def _json(value: Any) -> str:
    import json

    return quote(json.dumps(value, default=str))


def _range(value: Any) -> str:
    if getattr(value, "isempty", False):
        return "'empty'"
    low = "" if value.lower is None else str(value.lower)
    high = "" if value.upper is None else str(value.upper)
    opening = "[" if value.lower_inc else "("
    return quote(f'{opening}"{low}","{high}"{"]" if value.upper_inc else ")"}')


def _datetime(value: datetime.datetime) -> str:
    kind = "timestamp" if value.tzinfo is None else "timestamptz"
    return f"'{value.isoformat(' ')}'::{kind}"


def _float(value: float) -> str:
    return repr(value) if value - value == 0 else f"'{value}'::float8"


_SIMPLE: dict[type, Callable[[Any], str]] = {
    type(None): lambda value: "NULL",
    bool: lambda value: "true" if value else "false",
    int: lambda value: int.__repr__(value),
    str: lambda value: quote(str.__str__(value)),
    float: _float,
    decimal.Decimal: lambda value: str(value) if value.is_finite() else f"'{value}'::numeric",
    datetime.datetime: _datetime,
    datetime.date: lambda value: f"'{value.isoformat()}'::date",
    datetime.time: lambda value: f"'{value.isoformat()}'::time",
    datetime.timedelta: lambda value: f"'{value.total_seconds()} seconds'::interval",
    bytes: lambda value: f"'\\x{value[: LONGEST // 2].hex()}'::bytea",
    bytearray: lambda value: f"'\\x{bytes(value[: LONGEST // 2]).hex()}'::bytea",
    memoryview: lambda value: f"'\\x{bytes(value[: LONGEST // 2]).hex()}'::bytea",
    dict: _json,
}
