"""Django's caches in memory and in files: what is written, by the shape of its key."""

from types import ModuleType
from typing import Any

from unslow.observe import _effects, _record, _wire
from unslow.observe._patch import Function, wrap

MODULES = ("django.core.cache.backends.locmem", "django.core.cache.backends.filebased")

_WRITES = ("set", "add", "touch", "delete", "incr", "clear")


def install(module: ModuleType) -> None:
    """Watch the methods that the backend has of its own. The cache in Redis is seen as `redis`."""
    if not _record.is_sent():
        return
    for name in ("LocMemCache", "FileBasedCache"):
        backend = getattr(module, name, None)
        for method in _WRITES if backend is not None else ():
            wrap(backend, method, _write(method))


def _write(method: str) -> Any:
    def make(original: Function) -> Function:
        def write(self: Any, *args: Any, **kwargs: Any) -> Any:
            _note(method, args, kwargs)
            with _effects.within():
                return original(self, *args, **kwargs)

        return write

    return make


@_wire.safely
def _note(method: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    key = args[0] if args else kwargs.get("key", "")
    given = {f"{name}=": value for name, value in kwargs.items() if name != "key"}
    rest = _effects.numbered("argument", args[1:])
    _effects.note(f"cache {method} {_effects.shape(key)}".strip(), key=key, **rest, **given)
