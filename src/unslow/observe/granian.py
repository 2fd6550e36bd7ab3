"""granian: the callables that its workers hand to the Rust runtime."""

from types import ModuleType
from typing import Any

from unslow.observe import _application, _boundary, _wire
from unslow.observe._patch import Function, wrap

MODULES = ("granian.asgi", "granian.wsgi", "granian._internal")


def install(module: ModuleType) -> None:
    """Wrap the application before granian wraps it."""
    if not _wire.is_open():
        return
    if module.__name__ == "granian._internal":
        wrap(module, "load_target", _load_target)
    elif module.__name__ == "granian.asgi":
        wrap(module, "_callback_wrapper", _asgi)
    else:
        wrap(module, "_callback_wrapper", _wsgi)


def _asgi(original: Function) -> Function:
    def wrapper(callback: Any, *args: Any, **kwargs: Any) -> Any:
        return original(_boundary.wrap_asgi(callback), *args, **kwargs)

    return wrapper


def _wsgi(original: Function) -> Function:
    def wrapper(callback: Any, *args: Any, **kwargs: Any) -> Any:
        return original(_boundary.wrap_wsgi(callback), *args, **kwargs)

    return wrapper


def _load_target(original: Function) -> Function:
    def load_target(target: Any, *args: Any, **kwargs: Any) -> Any:
        _application.named(target)
        return original(target, *args, **kwargs)

    return load_target
