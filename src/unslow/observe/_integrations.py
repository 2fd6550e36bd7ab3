"""Finds the libraries that can be watched: every module here without a leading underscore."""

import importlib
import pkgutil
from collections.abc import Iterator
from types import ModuleType

from unslow import observe
from unslow.observe import _imports, _wire

_found: list[ModuleType] = []


def install() -> None:
    """Let every integration install itself when its library is imported."""
    for info in pkgutil.iter_modules(observe.__path__):
        if not info.name.startswith("_"):
            _wire.safely(_load)(info.name)


def integrations() -> Iterator[ModuleType]:
    """The integrations that loaded."""
    return iter(_found)


def _load(name: str) -> None:
    integration = importlib.import_module(f"{observe.__name__}.{name}")
    _found.append(integration)
    for watched in integration.MODULES:
        _imports.after(watched, integration.install)
