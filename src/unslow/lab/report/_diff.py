"""Unified diffs for reading: each line with its role, and the part of it that changed."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

Role = Literal["file", "hunk", "added", "removed", "same"]
ALIKE_CHARACTERS = 12  # in common; below it two lines only share a few letters by chance
ROLES: dict[str, Role] = {"+": "added", "-": "removed", "@": "hunk", "\\": "hunk"}


@dataclass(frozen=True)
class DiffLine:
    """`start:end` of `text` differs from the line's counterpart; empty where there is none."""

    role: Role
    text: str
    start: int = 0
    end: int = 0


def diff_lines(diff: str) -> list[DiffLine]:
    lines: list[DiffLine] = []
    removed = 0  # how many lines of the block before were removed
    for role, group in groupby(_roles(diff), key=lambda line: line.role):
        block = list(group)
        if role == "added" and removed:
            block = _paired(lines, removed, block)
        lines += block
        removed = len(block) if role == "removed" else 0
    return lines


def _roles(diff: str) -> Iterator[DiffLine]:
    for line in diff.splitlines():
        if line.startswith("+++ "):
            yield DiffLine("file", line[4:].removeprefix("b/"))
        elif not line.startswith("--- "):
            yield DiffLine(ROLES.get(line[:1], "same"), line)


def _paired(lines: list[DiffLine], removed: int, added: list[DiffLine]) -> list[DiffLine]:
    """Mark what differs within removed and added lines that stand for each other."""
    first = len(lines) - removed
    for position in range(min(removed, len(added))):
        old, new = _marked(lines[first + position], added[position])
        if _alike(old) and _alike(new):
            lines[first + position], added[position] = old, new
    return added


def _alike(line: DiffLine) -> bool:
    """Whether at least half of one line is left unmarked, its sign and indentation aside."""
    kept = line.text[1 : line.start].strip() + line.text[line.end :].strip()
    return len(kept) * 2 >= len(line.text[1:].strip()) or len(kept) >= ALIKE_CHARACTERS


def _marked(old: DiffLine, new: DiffLine) -> tuple[DiffLine, DiffLine]:
    shortest = min(len(old.text), len(new.text))
    start = 1
    while start < shortest and old.text[start] == new.text[start]:
        start += 1
    tail = 0
    while tail < shortest - start and old.text[-1 - tail] == new.text[-1 - tail]:
        tail += 1
    return (
        DiffLine(old.role, old.text, start, len(old.text) - tail),
        DiffLine(new.role, new.text, start, len(new.text) - tail),
    )
