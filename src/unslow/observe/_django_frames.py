"""Names what lies between application code and a statement: serializer fields, templates."""

from __future__ import annotations

from collections.abc import Callable
from types import CodeType, FrameType

Namer = Callable[[list[FrameType]], list[str]]

_namers: dict[CodeType, int] = {}
_functions: list[Namer] = []


def register(code: CodeType, namer: Namer) -> None:
    """Let `namer` name the frames that run `code`, given innermost first."""
    if namer not in _functions:
        _functions.append(namer)
    _namers[code] = _functions.index(namer)


def through(frame: FrameType | None) -> list[str]:
    """The names of the registered frames around a statement, innermost first."""
    if not _namers:
        return []
    seen: dict[int, list[FrameType]] = {}
    while frame is not None:
        which = _namers.get(frame.f_code)
        if which is not None:
            seen.setdefault(which, []).append(frame)
        frame = frame.f_back
    names: list[str] = []
    for which, frames in seen.items():
        names += _functions[which](frames)
    return names
