"""Knows the database pools and connections of this process, and what they say of themselves."""

import gc
import sys
import weakref
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

from unslow.observe import _imports, _wire
from unslow.observe._patch import Function, wrap

MOST_NAMES = 100  # pools made per tenant would be a time series each
OTHERS = "other"


@dataclass(frozen=True)
class Use:
    """What one pool has: connections that are open, those of them in use, and who waits for one."""

    name: str
    open: int
    in_use: int
    waiting: int


@dataclass
class Usage:
    """The open connections of the process, and those of each pool, used and awaited."""

    open: int = 0
    opened: Counter[str] = field(default_factory=Counter)
    in_use: Counter[str] = field(default_factory=Counter)
    waiting: Counter[str] = field(default_factory=Counter)


_known: dict[int, Callable[[], Any]] = {}
_names: set[str] = set()


def watch() -> None:
    """Know every pool and Django connection that there is, and those that will be made."""
    for module, (owner, _) in _KINDS.items():
        _imports.after(module, _installer(owner))
    kinds = tuple(
        getattr(sys.modules[module], owner)
        for module, (owner, _) in _KINDS.items()
        if hasattr(sys.modules.get(module), owner)
    )
    for made in gc.get_objects() if kinds else ():
        if isinstance(made, kinds):
            _remember(made)


def usage() -> Usage:
    """What all of them say now."""
    total = Usage()
    for key, reference in list(_known.items()):
        use = _wire.safely(_ask)(key, reference())
        if use is not None:
            total.open += use.open
            if use.name:
                name = _bounded(use.name)
                total.opened[name] += use.open
                total.in_use[name] += use.in_use
                total.waiting[name] += use.waiting
    return total


def names() -> list[str]:
    """Every pool that was ever asked, so that one that is gone is said to be empty."""
    return sorted({*_names, OTHERS} if len(_names) >= MOST_NAMES else _names)


def _ask(key: int, owner: Any) -> Use | None:
    if owner is None or getattr(owner, "_closed", False) is True:
        _known.pop(key, None)
        return None
    for module, (name, read) in _KINDS.items():
        kind = getattr(sys.modules.get(module), name, None)
        if kind is not None and isinstance(owner, kind):
            return read(owner)
    return None


def _bounded(name: str) -> str:
    if name not in _names:
        if len(_names) >= MOST_NAMES:
            return OTHERS
        _names.add(name)
    return name


def _installer(owner: str) -> Callable[[ModuleType], None]:
    def install(module: ModuleType) -> None:
        wrap(getattr(module, owner), "__init__", _made)

    return install


def _made(original: Function) -> Function:
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        _remember(self)

    return __init__


@_wire.safely
def _remember(owner: Any) -> None:
    key = id(owner)
    try:
        _known[key] = weakref.ref(owner, lambda _: _known.pop(key, None))
    except TypeError:  # asyncpg's pools; they are let go once they are closed
        _known[key] = lambda: owner


def _sqlalchemy(pool: Any) -> Use | None:
    """A pool that keeps connections. What a `NullPool` opens belongs to who checked it out."""
    if not hasattr(pool, "checkedout"):
        return None
    name = pool.__dict__.get("_unslow_name") or pool._dialect.name
    used = pool.checkedout()
    return Use(f"sqlalchemy:{name}", used + pool.checkedin(), used, _waiters(pool._pool))


def _asyncpg(pool: Any) -> Use:
    name = pool._connect_kwargs.get("database") or _database(*pool._connect_args)
    size, idle = pool.get_size(), pool.get_idle_size()
    return Use(f"asyncpg:{name}".rstrip(":"), size, size - idle, _waiters(pool._queue))


def _database(dsn: str | None = None, *rest: Any) -> str:
    return urlsplit(dsn or "").path.lstrip("/")


def _psycopg(pool: Any) -> Use:
    stats = pool.get_stats()
    size = stats["pool_size"]
    return Use(
        f"psycopg:{pool.name}",
        size,
        size - stats.get("pool_available", 0),
        stats.get("requests_waiting", 0),
    )


def _django(wrapper: Any) -> Use | None:
    """One connection, unless it is lent by a pool that counts for itself."""
    connection = wrapper.connection
    lent = getattr(connection, "_pool", None) is not None
    if connection is None or lent or type(connection).__module__.startswith("sqlalchemy."):
        return None
    return Use("", 1, 0, 0)


def _waiters(queue: Any) -> int:
    """Who waits in a queue of threads, or of asyncio or what SQLAlchemy puts around it."""
    condition = getattr(queue, "not_empty", None)
    if condition is not None:
        return len(condition._waiters)
    inner = vars(queue).get("_queue") if type(queue).__module__.startswith("sqlalchemy") else queue
    return sum(not waiter.done() for waiter in getattr(inner, "_getters", ()))


_KINDS: dict[str, tuple[str, Callable[[Any], Use | None]]] = {
    "sqlalchemy.pool.base": ("Pool", _sqlalchemy),
    "asyncpg.pool": ("Pool", _asyncpg),
    "psycopg_pool.base": ("BasePool", _psycopg),
    "django.db.backends.base.base": ("BaseDatabaseWrapper", _django),
}
