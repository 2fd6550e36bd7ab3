"""Django's own entry points: the boundary under any server, and the errors it answers with 500."""

import sys
from types import ModuleType

from unslow.observe import _boundary, _record, _wire
from unslow.observe._patch import wrap

MODULES = (
    "django.core.handlers.wsgi",
    "django.core.handlers.asgi",
    "django.core.signals",
)


def install(module: ModuleType) -> None:
    """Watch the calls of the handlers, and the signal that an exception sends."""
    if module.__name__.endswith(".wsgi"):
        if _wire.is_open():
            wrap(module.WSGIHandler, "__call__", _boundary.wsgi_method)
    elif module.__name__.endswith(".asgi"):
        if _wire.is_open():
            wrap(module.ASGIHandler, "__call__", _boundary.asgi_method)
    elif _record.level() != "off":
        module.got_request_exception.connect(_failed, weak=False)


@_wire.safely
def _failed(sender: object, **named: object) -> None:
    record = _record.current()
    problem = sys.exc_info()[1]
    if record is not None and problem is not None:
        record.error = f"{type(problem).__name__}: {problem}"
