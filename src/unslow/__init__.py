"""Takes a Python backend from slow to fast, and proves it."""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_PUBLIC = {"UnslowError": "unslow.errors", "UsageError": "unslow.errors"}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for."""
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PUBLIC[name]), name)
