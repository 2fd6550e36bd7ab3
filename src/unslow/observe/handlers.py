"""Django's own entry points: the boundary under servers that have no integration."""

from types import ModuleType

from unslow.observe import _boundary
from unslow.observe._patch import wrap

MODULES = ("django.core.handlers.wsgi", "django.core.handlers.asgi")


def install(module: ModuleType) -> None:
    """Watch the calls of the handler."""
    if module.__name__.endswith(".wsgi"):
        wrap(module.WSGIHandler, "__call__", _boundary.wsgi_method)
    else:
        wrap(module.ASGIHandler, "__call__", _boundary.asgi_method)
