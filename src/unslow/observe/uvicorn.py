"""uvicorn: the application that its configuration has loaded, whatever its interface."""

import os
import sys
from types import ModuleType
from typing import Any

from unslow.observe import _application, _boundary, _wire
from unslow.observe._patch import Function, wrap

MODULES = ("uvicorn.config",)


def install(module: ModuleType) -> None:
    """Wrap the application where the configuration loads it."""
    if not _wire.is_open():
        return
    wrap(module.Config, "load", _load)


_served: dict[str, Any] = {}


def describe() -> dict[str, Any] | None:
    """`model.Server`, unless gunicorn runs the workers."""
    return {"server": dict(_served)} if _served and "gunicorn.arbiter" not in sys.modules else None


@_wire.safely
def _remember(config: Any) -> None:
    workers = int(config.workers or 1)
    cores = len(os.sched_getaffinity(0))
    _served.update(name="uvicorn", worker="asgi", workers=workers, threads=1, cores=cores)


def _load(original: Function) -> Function:
    def load(self: Any) -> None:
        original(self)
        _observe(self)

    return load


@_wire.safely
def _observe(config: Any) -> None:
    _remember(config)
    _application.named(config.app)
    config.loaded_app = _boundary.wrap_asgi(config.loaded_app)
