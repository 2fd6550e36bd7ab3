"""Lays out the statements that patches touched as black would, and leaves all others alone.

Black and ruff are not asked: a patch must read the same on each machine, with or without them.
"""

import ast
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

from unslow.lab._logical_lines import Logical, logical_lines

MEMBERS = re.compile(r"(from [\w.]+ import )(\w+(?: as \w+)?(?:, \w+(?: as \w+)?)*)")
ANY_WIDTH = 1_000_000  # columns


class Touched(NamedTuple):
    """A range of the old text that became one of the new text, in characters."""

    old_start: int
    old_end: int
    start: int
    end: int


@lru_cache(maxsize=512)
def tidied(old: str, new: str, touched: tuple[Touched, ...], limit: int) -> str:
    """`new` with each touched statement in black's layout, where its old text was in it.

    A statement that has comments inside, or an own layout, stays as the patch wrote it. A comma
    before a line's end keeps one element a line, as black has it, unless a patch inserted it.
    """
    before = logical_lines(old)
    fresh = [(one.start, one.end) for one in touched if old and one.old_start == one.old_end]
    parts: list[str] = []
    position = 0
    for line in logical_lines(new):
        hits = [one for one in touched if _meets(line, one.start, one.end)]
        if not hits or not line.plain or not _well_kept(line, hits, before, limit):
            continue
        text = _with_sorted_names(line, hits, before).formatted(limit, fresh)
        parts += [new[position : line.start], text]
        position = line.end
    result = "".join([*parts, new[position:]])
    return result if result == new or _same(new, result) else new


def _meets(line: Logical, start: int, end: int) -> bool:
    if start == end:
        return line.start <= start <= line.end
    return start < line.end and line.start < end


def _well_kept(
    line: Logical, hits: Sequence[Touched], before: Sequence[Logical], limit: int
) -> bool:
    """Whether the old statement was in the layout, or on one line; new ones have none."""
    changed = [one for one in hits if not (one.start <= line.start and line.end <= one.end)]
    olds = [
        other for one in changed for other in before if _meets(other, one.old_start, one.old_end)
    ]
    widest = max((len(other.indent + other.text) for other in olds), default=0)
    if "\n" not in line.text and limit < len(line.indent + line.text) <= widest:
        return False
    return all(
        other.plain and other.formatted(limit if "\n" in other.text else ANY_WIDTH) == other.text
        for other in olds
    )


def _with_sorted_names(
    line: Logical, hits: Sequence[Touched], before: Sequence[Logical]
) -> Logical:
    """`from x import b, a` with its names in order, where they were in order."""
    found = MEMBERS.fullmatch(line.text)
    if (
        found is None
        or line.indent
        or any(
            (old := MEMBERS.fullmatch(other.text)) is None or not _is_sorted(old[2])
            for other in before
            for one in hits
            if _meets(other, one.old_start, one.old_end)
        )
    ):
        return line
    text = f"{found[1]}{', '.join(sorted(dict.fromkeys(_names(found[2])), key=_rank))}"
    (ordered,) = logical_lines(text)
    return replace(ordered, comment=line.comment)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",")]


def _is_sorted(text: str) -> bool:
    names = _names(text)
    return names == sorted(names, key=_rank)


def _rank(name: str) -> tuple[int, str]:
    """Constants, classes, all others: the order of isort and ruff."""
    if name.isupper() and len(name) > 1:
        return 0, name
    return (1 if name[:1].isupper() else 2), name


def _same(one: str, other: str) -> bool:
    """Whether both mean the same to Python."""
    try:
        return _meaning(one) == _meaning(other)
    except (SyntaxError, ValueError, RecursionError):
        return False


def _meaning(text: str) -> str:
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            node.names.sort(key=lambda alias: alias.name)
    return ast.dump(tree)
