"""Takes a Python backend from slow to fast, and proves it."""

__version__ = "0.1.0"

_PUBLIC = {"UnslowError": "unslow.errors", "UsageError": "unslow.errors"}


def __getattr__(name: str) -> object:
    """Import a public name when it is first asked for."""
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_PUBLIC[name]), name)
