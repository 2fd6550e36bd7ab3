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


def lay_out(text: Text, indent: str, used: int) -> str:
    """`text` as source: broken up where `used` columns of its line leave it too little room."""
    flat = str(text)
    if isinstance(text, str) or used + len(flat) <= LINE_LENGTH:
        return flat
    deeper = indent + "    "
    together = ", ".join(map(str, text.args))
    if len(deeper) + len(together) <= LINE_LENGTH:
        return f"{text.head}(\n{deeper}{together}\n{indent}){text.tail}"
    inner = "".join(f"{deeper}{lay_out(arg, deeper, len(deeper) + 1)},\n" for arg in text.args)
    return f"{text.head}(\n{inner}{indent}){text.tail}"


def quoted(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(f'"{name}"' for name in names)
