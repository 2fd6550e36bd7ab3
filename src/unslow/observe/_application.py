"""Learns which packages hold the application, from what the server and the settings name."""

import os
import sys
from collections.abc import Iterator

from unslow.observe import _sites, _wire

_kind = ""
_looked = False
_served: list[object] = []

_INNER = ("app", "application", "wsgi_app", "_app", "__wrapped__", "__self__", "func", "inner")
_DEPTH = 30  # layers of middleware


def serves(kind: str, app: object) -> None:
    """Note an application that a server calls, and by which protocol: "wsgi" or "asgi"."""
    global _kind
    if not _kind:
        _kind = kind
    if not any(app is known for known in _served):
        _served.append(app)


def find(kind: type) -> list[object]:
    """The applications of this class among those served, below any middleware."""
    found: list[object] = []
    for app in _served:
        for layer in _layers(app):
            if isinstance(layer, kind) and not any(layer is known for known in found):
                found.append(layer)
                break
    return found


def _layers(app: object) -> Iterator[object]:
    layer: object = app
    for _ in range(_DEPTH):
        yield layer
        inner = (getattr(layer, name, None) for name in _INNER)
        layer = next((one for one in inner if one is not None and one is not layer), None)
        if layer is None:
            return


def kind() -> str:
    return _kind or "wsgi"


@_wire.safely
def named(target: object) -> None:
    """Count the package of a `package.module:attribute` as the application's."""
    if isinstance(target, str):
        _sites.add_packages([target.partition(":")[0]])


@_wire.safely
def look() -> None:
    """Count the packages of the Django settings, URLs and handlers, once they are known."""
    global _looked
    if _looked:
        return
    _looked = True
    _sites.add_packages([os.environ.get("DJANGO_SETTINGS_MODULE", "")])
    settings = getattr(sys.modules.get("django.conf"), "settings", None)
    if settings is None or not settings.configured:
        return
    names = ("ROOT_URLCONF", "WSGI_APPLICATION", "ASGI_APPLICATION")
    values = (getattr(settings, name, None) for name in names)
    _sites.add_packages([value for value in values if isinstance(value, str)])
