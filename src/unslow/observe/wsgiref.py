"""wsgiref, and with it Django's runserver: each request that a handler runs."""

from types import ModuleType
from typing import Any

from unslow.observe import _boundary, _wire
from unslow.observe._patch import Function, wrap

MODULES = ("wsgiref.handlers",)


def install(module: ModuleType) -> None:
    """Wrap the application that a handler is asked to run."""
    if not _wire.is_open():
        return
    wrap(module.BaseHandler, "run", _run)


def _run(original: Function) -> Function:
    def run(self: Any, application: Any) -> None:
        original(self, _boundary.wrap_wsgi(application))

    return run
