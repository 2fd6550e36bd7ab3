"""Counts what Django's caches and Redis clients find, and what they miss, by the cache's name."""

from collections.abc import Callable, Iterable, Sequence
from contextvars import ContextVar
from types import ModuleType
from typing import Any

from unslow.observe import _imports, _wire
from unslow.observe._patch import Function, wrap

Listener = Callable[[str, int, int], None]  # name, hits, misses

_ALIAS = "_unslow_alias"
_REDIS = "redis"

_listeners: list[Listener] = []
# Within a cache's own method: how many of the reads that it makes are still to be counted.
_within: ContextVar[list[None] | None] = ContextVar("unslow_cache", default=None)


def watch(listener: Listener) -> None:
    """Tell the listener of every read of a cache from now on."""
    _listeners.append(listener)
    _imports.after("django.core.cache", _install_django)
    for name in ("redis.client", "redis.asyncio.client"):
        _imports.after(name, _install_redis)


@_wire.safely
def _tell(name: str, hits: int, misses: int) -> None:
    if hits or misses:
        for listener in _listeners:
            listener(name, hits, misses)


def _install_django(module: Any) -> None:
    wrap(module.CacheHandler, "create_connection", _create_connection)
    caches = module.caches
    for alias in _wire.safely(_aliases)(caches) or ():
        made = getattr(caches._connections, alias, None)
        if made is not None:
            _name(made, alias)


def _aliases(caches: Any) -> list[str]:
    from django.conf import settings  # type: ignore[import-untyped]

    return list(caches) if settings.configured else []


def _create_connection(original: Function) -> Function:
    def create_connection(self: Any, alias: str) -> Any:
        backend = original(self, alias)
        _name(backend, alias)
        return backend

    return create_connection


@_wire.safely
def _name(backend: Any, alias: str) -> None:
    setattr(backend, _ALIAS, alias)
    for owner in type(backend).__mro__[:-1]:
        wrap(owner, "get", _get)
        wrap(owner, "get_many", _get_many)
        wrap(owner, "get_or_set", _get_or_set)
        wrap(owner, "aget_or_set", _aget_or_set)
        if owner.__module__ != "django.core.cache.backends.base":  # whose own ones call the others
            wrap(owner, "aget", _aget)
            wrap(owner, "aget_many", _aget_many)


def _get(original: Function) -> Function:
    def get(self: Any, key: Any, default: Any = None, *args: Any, **kwargs: Any) -> Any:
        outer = _within.get()
        token = _within.set([])
        try:
            value = original(self, key, default, *args, **kwargs)
        finally:
            _within.reset(token)
        _one(self, outer, value is not default)
        return value

    return get


def _aget(original: Function) -> Function:
    async def aget(self: Any, key: Any, default: Any = None, *args: Any, **kwargs: Any) -> Any:
        outer = _within.get()
        token = _within.set([])
        try:
            value = await original(self, key, default, *args, **kwargs)
        finally:
            _within.reset(token)
        _one(self, outer, value is not default)
        return value

    return aget


def _get_many(original: Function) -> Function:
    def get_many(self: Any, keys: Iterable[Any], *args: Any, **kwargs: Any) -> Any:
        outer, asked = _within.get(), list(keys)
        token = _within.set([])
        try:
            found = original(self, asked, *args, **kwargs)
        finally:
            _within.reset(token)
        _many(self, outer, asked, found)
        return found

    return get_many


def _aget_many(original: Function) -> Function:
    async def aget_many(self: Any, keys: Iterable[Any], *args: Any, **kwargs: Any) -> Any:
        outer, asked = _within.get(), list(keys)
        token = _within.set([])
        try:
            found = await original(self, asked, *args, **kwargs)
        finally:
            _within.reset(token)
        _many(self, outer, asked, found)
        return found

    return aget_many


def _get_or_set(original: Function) -> Function:
    def get_or_set(self: Any, *args: Any, **kwargs: Any) -> Any:
        token = _within.set([None])
        try:
            return original(self, *args, **kwargs)
        finally:
            _within.reset(token)

    return get_or_set


def _aget_or_set(original: Function) -> Function:
    async def aget_or_set(self: Any, *args: Any, **kwargs: Any) -> Any:
        token = _within.set([None])
        try:
            return await original(self, *args, **kwargs)
        finally:
            _within.reset(token)

    return aget_or_set


def _is_counted(outer: list[None] | None) -> bool:
    """Outside of any, or the first read of a `get_or_set`; its second only reads what it wrote."""
    if outer:
        outer.pop()
        return True
    return outer is None


@_wire.safely
def _one(backend: Any, outer: list[None] | None, found: bool) -> None:
    if _is_counted(outer):
        _tell(getattr(backend, _ALIAS, "unnamed"), int(found), int(not found))


@_wire.safely
def _many(backend: Any, outer: list[None] | None, asked: Sequence[Any], found: Any) -> None:
    if _is_counted(outer):
        hits = len(found)
        _tell(getattr(backend, _ALIAS, "unnamed"), hits, max(len(set(asked)) - hits, 0))


def _install_redis(module: ModuleType) -> None:
    owner: Any = module
    awaited = ".asyncio." in module.__name__
    wrap(owner.Redis, "execute_command", _command_async if awaited else _command)
    for name in ("_execute_transaction", "_execute_pipeline"):
        wrap(owner.Pipeline, name, _pipeline_async if awaited else _pipeline)


def _command(original: Function) -> Function:
    def execute_command(self: Any, *args: Any, **options: Any) -> Any:
        answer = original(self, *args, **options)
        _answered(self, [args], [answer])
        return answer

    return execute_command


def _command_async(original: Function) -> Function:
    async def execute_command(self: Any, *args: Any, **options: Any) -> Any:
        answer = await original(self, *args, **options)
        _answered(self, [args], [answer])
        return answer

    return execute_command


def _pipeline(original: Function) -> Function:
    def execute(self: Any, connection: Any, commands: Any, *args: Any, **kwargs: Any) -> Any:
        sent = [command[0] for command in commands]
        answers = original(self, connection, commands, *args, **kwargs)
        _answered(self, sent, answers)
        return answers

    return execute


def _pipeline_async(original: Function) -> Function:
    async def execute(self: Any, connection: Any, commands: Any, *args: Any, **kwargs: Any) -> Any:
        sent = [command[0] for command in commands]
        answers = await original(self, connection, commands, *args, **kwargs)
        _answered(self, sent, answers)
        return answers

    return execute


@_wire.safely
def _answered(client: Any, commands: Sequence[Any], answers: Sequence[Any]) -> None:
    if _within.get() is not None:
        return  # Django's cache has counted it
    hits = misses = 0
    for command, answer in zip(commands, answers, strict=False):
        found, asked = _found(command, answer)
        hits += found
        misses += asked - found
    if hits or misses:
        _tell(_place(client), hits, misses)


def _found(command: Any, answer: Any) -> tuple[int, int]:
    """How many values a read found, of how many it asked for."""
    name = str(command[0]).upper() if command else ""
    if isinstance(answer, Exception):
        return 0, 0
    if name in ("GET", "GETEX", "GETDEL", "HGET"):
        return int(answer is not None), 1
    if name == "HGETALL":
        return int(bool(answer)), 1
    if name in ("MGET", "HMGET") and isinstance(answer, list):
        return sum(one is not None for one in answer), len(answer)
    return 0, 0


def _place(client: Any) -> str:
    """`127.0.0.1:6379/0`, or `/run/redis.sock/0`."""
    known = client.connection_pool.connection_kwargs
    host = known.get("path") or (f"{known['host']}:{known.get('port')}" if "host" in known else "")
    return f"{host}/{known.get('db') or 0}" if host else _REDIS
