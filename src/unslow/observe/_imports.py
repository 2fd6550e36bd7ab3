"""Calls back when a module has finished importing, or at once if it already has."""

import sys
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from unslow.observe import _wire

Callback = Callable[[ModuleType], None]


class _Finder:
    """Finds nothing itself: wraps the loader that the other finders give for a watched module."""

    def __init__(self) -> None:
        self.callbacks: dict[str, list[Callback]] = {}

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in self.callbacks:
            return None
        for finder in sys.meta_path:
            find = getattr(finder, "find_spec", None)
            if finder is not self and find is not None:
                spec: ModuleSpec | None = find(name, path, target)
                if spec is not None:
                    self._watch(spec)
                    return spec
        return None

    def _watch(self, spec: ModuleSpec) -> None:
        loader: Any = spec.loader
        if loader is None or isinstance(loader, type):
            return  # a built-in or frozen module: its loader is shared
        execute = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            execute(module)
            if module.__name__ == spec.name:
                self.finished(module)

        try:
            loader.exec_module = exec_module
        except AttributeError as problem:
            _wire.error(problem)

    def finished(self, module: ModuleType) -> None:
        for callback in self.callbacks[module.__name__]:
            _wire.safely(callback)(module)


_finder = _Finder()


def after(name: str, callback: Callback) -> None:
    """Run `callback(module)` once the module `name` is imported; its failures are reported."""
    _finder.callbacks.setdefault(name, []).append(callback)
    module = sys.modules.get(name)
    if module is not None and not getattr(module.__spec__, "_initializing", False):
        _wire.safely(callback)(module)


def watch() -> None:
    """Start to see imports."""
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)
