"""Learns which packages hold the application, from what the server and the settings name."""

import os
import sys

from unslow.observe import _sites, _wire

_kind = ""
_looked = False


def serves(kind: str) -> None:
    """Note which protocol the server speaks to the application: "wsgi" or "asgi"."""
    global _kind
    if not _kind:
        _kind = kind


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
