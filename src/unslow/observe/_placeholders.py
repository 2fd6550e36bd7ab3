"""Placeholders of every driver's style, numbered or replaced by values, never inside a literal."""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache

TOKEN = re.compile(
    r"""
      (?P<opaque> [eE]'(?:[^'\\]|''|\\.)*' | '(?:[^']|'')*' | "(?:[^"]|"")*"
                | --[^\n]* | /\*.*?\*/ | \$(?P<tag>[A-Za-z_]\w*)?\$.*?\$(?P=tag)?\$ )
    | (?P<percent> %% )
    | (?P<next> %(?:\(\w+\))?[sbt](?!\w) )
    | \$(?P<number> \d+ )
    | (?P<named> (?<![:\w]):[A-Za-z_]\w* )
    | (?P<mark> (?: (?<=[=(,<>]) | (?<=[=(,<>]\ ) | (?<=\b(?:LIMIT|WHERE)\ ) | (?<=\bOFFSET\ )
          | (?<=\bAND\ ) | (?<=\bLIKE\ ) ) \? (?![?|&]) )
    """,
    re.VERBOSE | re.DOTALL,
)


@lru_cache(maxsize=4096)
def numbered(sql: str) -> str:
    """The statement with `$1`, `$2`, ... in the order of its parameters: what pglast parses."""
    return _replace(sql, lambda position: f"${position + 1}")


def filled(sql: str, parameters: Sequence[str] | None) -> str | None:
    """The statement with literals for its placeholders, or None when they do not match."""
    used: set[int] = set()
    given = parameters or ()

    def value(position: int) -> str:
        used.add(position)
        return _operand(given[position]) if position < len(given) else ""

    if parameters is None:
        return sql if numbered(sql) == sql else None
    text = _replace(sql, value)
    return text if used == set(range(len(parameters))) else None


def _replace(sql: str, value: Callable[[int], str]) -> str:
    percent = any(match["next"] for match in TOKEN.finditer(sql))
    seen = 0

    def one(match: re.Match[str]) -> str:
        nonlocal seen
        if match["number"]:
            return value(int(match["number"]) - 1)
        if match["percent"]:
            return "%" if percent else "%%"
        if match["opaque"]:
            return match[0].replace("%%", "%") if percent else match[0]
        seen += 1
        return value(seen - 1)

    return TOKEN.sub(one, sql)


def _operand(literal: str) -> str:
    return f"({literal})" if literal.startswith("-") else literal
