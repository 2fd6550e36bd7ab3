"""Names what lies between application code and a statement: serializer fields, templates."""

from __future__ import annotations

from collections.abc import Callable
from types import CodeType, FrameType

Namer = Callable[[list[FrameType]], list[str]]

_namers: dict[int, tuple[int, CodeType]] = {}  # by id, because code objects hash slowly
_globals: dict[str, int] = {}
_functions: list[Namer] = []


def register(code: CodeType, namer: Namer) -> None:
    """Let `namer` name the frames that run `code`, given innermost first."""
    if namer not in _functions:
        _functions.append(namer)
    _namers[id(code)] = _functions.index(namer), code


def register_global(name: str, namer: Namer) -> None:
    """Let `namer` name the frames whose module has the global `name`: generated code."""
    if namer not in _functions:
        _functions.append(namer)
    _globals[name] = _functions.index(namer)


def through(frame: FrameType | None) -> list[str]:
    """The names of the registered frames around a statement, innermost first."""
    if not _functions:
        return []
    seen: dict[int, list[FrameType]] = {}
    while frame is not None:
        found = _namers.get(id(frame.f_code))
        if found is not None:
            seen.setdefault(found[0], []).append(frame)
        for name, which in _globals.items():
            if name in frame.f_globals:
                seen.setdefault(which, []).append(frame)
        frame = frame.f_back
    names: list[str] = []
    for which, frames in seen.items():
        names += _functions[which](frames)
    return names
