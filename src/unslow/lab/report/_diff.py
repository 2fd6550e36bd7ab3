"""Unified diffs for reading: each line with its role, and the part of it that changed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

Role = Literal["file", "hunk", "added", "removed", "same"]
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
    for role, group in groupby(_roles(diff), key=lambda line: line.role):
        block = list(group)
        if role == "added" and lines and lines[-1].role == "removed":
            block = _paired(lines, block)
        lines += block
    return lines


def _roles(diff: str) -> Iterator[DiffLine]:
    for line in diff.splitlines():
        if line.startswith("+++ "):
            yield DiffLine("file", line[4:].removeprefix("b/"))
        elif not line.startswith("--- "):
            yield DiffLine(ROLES.get(line[:1], "same"), line)


def _paired(lines: list[DiffLine], added: Sequence[DiffLine]) -> list[DiffLine]:
    """Mark what differs within removed and added lines that stand for each other."""
    count = len(added)
    removed = lines[-count:]
    if len(removed) < count or any(line.role != "removed" for line in removed):
        return list(added)
    pairs = [_marked(old, new) for old, new in zip(removed, added, strict=True)]
    lines[-count:] = [old for old, _ in pairs]
    return [new for _, new in pairs]


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
