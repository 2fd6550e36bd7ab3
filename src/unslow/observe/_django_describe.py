"""Describes a Django application: its version and databases, its routes and its models."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

from unslow.observe import _django_models, _django_urls, _wire
from unslow.observe._origin import Json


def describe() -> Json | None:
    """What Django knows of the application; None where Django is not in use."""
    if "django" not in sys.modules:
        return None
    settings = import_module("django.conf").settings
    if not settings.configured or not import_module("django.apps").apps.ready:
        return None
    return {
        "kind": "django",
        "framework": f"Django {import_module('django').__version__}",
        "database": _databases(),
        "routes": _wire.safely(_django_urls.routes)() or [],
        "models": _wire.safely(_django_models.models)() or [],
    }


@_wire.safely
def _databases() -> str:
    """`postgresql 18.4`, the default database first."""
    connections = import_module("django.db").connections
    names = [_database(connections[alias]) for alias in connections if _is_used(connections, alias)]
    return ", ".join(dict.fromkeys(names))


def _is_used(connections: Any, alias: str) -> bool:
    return not str(connections.settings[alias]["ENGINE"]).endswith(".dummy")


def _database(connection: Any) -> str:
    try:
        version = connection.get_database_version()
    except Exception as problem:  # noqa: BLE001
        _wire.error(problem)
        return str(connection.vendor)
    finally:
        if not connection.in_atomic_block:
            connection.close()
    return f"{connection.vendor} {'.'.join(map(str, version))}"
