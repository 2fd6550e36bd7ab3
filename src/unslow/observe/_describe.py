"""Says what the application is: its framework, routes and models, as the integrations see them."""

import sys
from collections.abc import Iterator
from typing import Any

from unslow.observe import _application, _integrations, _sites, _slow_imports, _wire

_RANK = ("django", "fastapi", "starlette", "flask", "asgi", "wsgi")


def describe() -> dict[str, Any]:
    """All integrations' descriptions as one; the highest framework names the kind."""
    _application.look()
    parts = sorted(_parts(), key=lambda part: _rank(part.get("kind", "")))
    merged: dict[str, Any] = {
        "kind": _application.kind(),
        "framework": "",
        "python": ".".join(map(str, sys.version_info[:3])),
        "database": "",
        "routes": [],
        "models": [],
    }
    for part in reversed(parts):
        for key, value in part.items():
            if isinstance(value, list):
                merged[key] = value + merged.get(key, [])
            elif value:
                merged[key] = value
    merged["packages"] = _sites.packages()
    return merged


def _parts() -> Iterator[dict[str, Any]]:
    yield _slow_imports.describe()
    for integration in _integrations.integrations():
        own = getattr(integration, "describe", None)
        part = _wire.safely(own)() if own is not None else None
        if part:
            yield part


def _rank(kind: str) -> int:
    return _RANK.index(kind) if kind in _RANK else len(_RANK)
