"""uvicorn: the application that its configuration has loaded, whatever its interface."""

from types import ModuleType
from typing import Any

from unslow.observe import _application, _boundary, _wire
from unslow.observe._patch import Function, wrap

MODULES = ("uvicorn.config",)


def install(module: ModuleType) -> None:
    """Wrap the application where the configuration loads it."""
    wrap(module.Config, "load", _load)


def _load(original: Function) -> Function:
    def load(self: Any) -> None:
        original(self)
        _observe(self)

    return load


@_wire.safely
def _observe(config: Any) -> None:
    _application.named(config.app)
    config.loaded_app = _boundary.wrap_asgi(config.loaded_app)
