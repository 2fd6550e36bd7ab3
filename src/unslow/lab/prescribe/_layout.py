"""Lays out calls as black does: on one line where it fits, else one argument a line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

LINE_LENGTH = 88  # Black's default


@dataclass(frozen=True)
class Call:
    """A call, its arguments texts or calls: `Exists(` `Item.objects.filter(...)` `)`."""

    head: str
    args: tuple[Text, ...]
    tail: str = ""

    def __str__(self) -> str:
        return f"{self.head}({', '.join(map(str, self.args))}){self.tail}"


Text = str | Call


def lay_out(text: Text, indent: str, used: int, inside: bool = False) -> str:
    """`text` as source: broken up where `used` columns of its line leave it too little room.

    A chain of calls `inside` parentheses is broken before each dot of its tail.
    """
    flat = str(text)
    if isinstance(text, str) or used + len(flat) <= LINE_LENGTH:
        return flat
    deeper = indent + "    "
    if (steps := _steps(text.tail)) and inside:
        first = lay_out(Call(text.head, text.args), indent, len(indent), inside)
        return first + "".join(f"\n{indent}{step}" for step in steps)
    together = ", ".join(map(str, text.args))
    if len(deeper) + len(together) <= LINE_LENGTH:
        return f"{text.head}(\n{deeper}{together}\n{indent}){text.tail}"
    inner = "".join(
        f"{deeper}{lay_out(arg, deeper, len(deeper) + 1, True)},\n" for arg in text.args
    )
    return f"{text.head}(\n{inner}{indent}){text.tail}"


def _steps(tail: str) -> list[str]:
    """The calls of `.filter(a=f(1)).count()`, each with its dot; [] for fewer than two."""
    found, depth, start = [], 0, 0
    for position, char in enumerate(tail):
        depth += (char in "([{") - (char in ")]}")
        if depth == 0 and char == ")" and tail[position + 1 : position + 2] in (".", ""):
            found.append(tail[start : position + 1])
            start = position + 1
    return found if len(found) > 1 and start == len(tail) else []


def quoted(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(f'"{name}"' for name in names)
