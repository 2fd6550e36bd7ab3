"""Redis clients and SQLAlchemy engines that a request builds for itself."""

from types import ModuleType
from typing import Any

from unslow.observe import _http_calls, _record
from unslow.observe._patch import Function, wrap

MODULES = ("redis.client", "redis.asyncio.client", "sqlalchemy.engine.create")


def install(module: ModuleType) -> None:
    if _record.level() == "off":
        return
    if module.__name__ == "sqlalchemy.engine.create":
        wrap(module, "create_engine", _made("sqlalchemy.Engine"))
        return
    name = module.__name__.removesuffix(".client")
    wrap(module.Redis, "__init__", lambda original: _unpooled(original, f"{name}.Redis"))
    wrap(module.Redis, "from_url", _made(f"{name}.Redis"))


def _made(what: str) -> Any:
    def make(original: Function) -> Function:
        def built(*args: Any, **options: Any) -> Any:
            with _http_calls.building(what):
                return original(*args, **options)

        return built

    return make


def _unpooled(original: Function, what: str) -> Function:
    """A client on a pool that is there already costs nothing."""

    def init(self: Any, *args: Any, **options: Any) -> None:
        if options.get("connection_pool") is not None:
            original(self, *args, **options)
            return
        with _http_calls.building(what):
            original(self, *args, **options)

    return init
