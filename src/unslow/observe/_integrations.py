"""Finds the libraries that can be watched: every module here without a leading underscore."""

import ast
import importlib
import os
import sys
from collections.abc import Callable, Iterator
from types import ModuleType

from unslow import observe
from unslow.observe import _imports, _wire

_found: dict[str, ModuleType] = {}
_watched: dict[str, tuple[str, ...]] = {}

_LONGEST = 40  # lines of a MODULES tuple


def install() -> None:
    """Let every integration install itself once its library is imported, and load no sooner."""
    for folder in observe.__path__:
        for file in sorted(os.listdir(folder)):
            name, extension = os.path.splitext(file)
            if extension == ".py" and not name.startswith("_"):
                _wire.safely(_watch)(name, os.path.join(folder, file))


def again() -> None:
    """Let the integrations whose library is there install what a higher level needs besides."""
    for name in list(_found):
        for watched in _watched[name]:
            module = sys.modules.get(watched)
            if module is not None:
                _wire.safely(_found[name].install)(module)


def integrations() -> Iterator[ModuleType]:
    """The integrations whose library is there."""
    return iter(list(_found.values()))


def _watch(name: str, path: str) -> None:
    _watched[name] = _modules(path)
    for watched in _watched[name]:
        _imports.after(watched, _installer(name))


def _installer(name: str) -> Callable[[ModuleType], None]:
    def install(module: ModuleType) -> None:
        if name not in _found:
            _found[name] = importlib.import_module(f"{observe.__name__}.{name}")
        _found[name].install(module)

    return install


def _modules(path: str) -> tuple[str, ...]:
    """The integration's MODULES, read without importing it: most processes need few of them."""
    with open(path, encoding="utf-8") as file:
        lines = file.read().splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith("MODULES"))
    for end in range(start + 1, start + _LONGEST):
        try:
            statement = ast.parse("\n".join(lines[start:end])).body[0]
        except SyntaxError:
            continue
        assert isinstance(statement, ast.Assign | ast.AnnAssign)
        assert statement.value is not None
        return tuple(ast.literal_eval(statement.value))
    raise ValueError(f"{path} has no readable MODULES")
