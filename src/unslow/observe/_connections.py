"""Notes each database connection that a request has to open, and where its pool is set up."""

import ast
import sys
import time
from functools import lru_cache
from typing import Any

from unslow.observe import _record, _sites, _wire
from unslow.observe._patch import Function
from unslow.observe._sites import Site

MOST_CHECKOUTS = 20  # of a request; more say the same


def timed(original: Function) -> Function:
    """Django's `BaseDatabaseWrapper.connect`."""

    def connect(self: Any) -> Any:
        started = time.perf_counter()
        answer = original(self)
        _django(self, started)
        return answer

    return connect


@_wire.safely
def _django(wrapper: Any, started: float) -> None:
    record = _record.current()
    if record is not None:
        pooled = bool(wrapper.settings_dict.get("OPTIONS", {}).get("pool"))
        kind = "pool" if pooled else f"CONN_MAX_AGE={wrapper.settings_dict.get('CONN_MAX_AGE')}"
        site = _settings_site(wrapper.alias) if _record.detailed else None
        opened(record, wrapper.alias, kind, started, site)


def taken(original: Function) -> Function:
    """SQLAlchemy's `QueuePool._do_get`."""

    def _do_get(self: Any) -> Any:
        started = time.perf_counter()
        entry = original(self)
        _checkout(self, started)
        return entry

    return _do_get


@_wire.safely
def _checkout(pool: Any, started: float) -> None:
    record = _record.current()
    site = pool.__dict__.get("_unslow_site")
    if record is None or site is None:
        return
    taken = record.parts.setdefault("checkouts", [])
    waited = (time.perf_counter() - started) * 1000
    if len(taken) < MOST_CHECKOUTS:
        unbounded = pool._max_overflow < 0
        taken.append(
            {
                "database": pool.__dict__.get("_unslow_name", ""),
                "kind": type(pool).__name__,
                "capacity": 0 if unbounded else pool.size() + pool._max_overflow,
                "waited_ms": waited,
                "threaded": record.cpu_clock is time.thread_time,
                "site": site,
            }
        )
    if pool.__dict__.get("_unslow_echo"):
        switched(record, "echo", "True", site)


def switched(record: _record.RequestRecord, name: str, value: str, site: Site | None) -> None:
    """Add a switch that is on, once."""
    switch = {"name": name, "value": value, "site": site}
    known = record.parts.setdefault("switches", [])
    if switch not in known:
        known.append(switch)


@_wire.safely
def note_debug(settings: Any) -> None:
    """Django's `DEBUG`, where the settings say `DEBUG = True` themselves."""
    record = _record.current()
    if record is not None and settings.DEBUG:
        site = _debug_site(str(getattr(settings, "SETTINGS_MODULE", "")))
        if site is not None:
            switched(record, "DEBUG", "True", site)


@lru_cache(maxsize=8)
def _debug_site(name: str) -> Site | None:
    path = str(getattr(sys.modules.get(name), "__file__", "") or "")
    if not path or not _sites.is_application(path):
        return None
    with open(path, "rb") as file:
        tree = ast.parse(file.read())
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and _names(statement) == ["DEBUG"]:
            value = statement.value
            literal = isinstance(value, ast.Constant) and value.value is True
            return _site(path, value) if literal else None
    return None


def opened(
    record: _record.RequestRecord, database: str, kind: str, started: float, site: Site | None
) -> None:
    """Add a connection that is open now; `started` is a `time.perf_counter()`."""
    record.add(
        "connections",
        {
            "database": database,
            "kind": kind,
            "start_ms": (started - record.started) * 1000,
            "duration_ms": (time.perf_counter() - started) * 1000,
            "threaded": record.cpu_clock is time.thread_time,
            "site": site,
        },
    )


@lru_cache(maxsize=64)
def _settings_site(alias: str) -> Site | None:
    """The dictionary of the alias in the settings' `DATABASES`, where it is written out."""
    settings = sys.modules["django.conf"].settings
    module = sys.modules.get(str(getattr(settings, "SETTINGS_MODULE", "")))
    path = str(getattr(module, "__file__", "") or "")
    if not path or not _sites.is_application(path):
        return None
    with open(path, "rb") as file:
        tree = ast.parse(file.read())
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and _names(statement) == ["DATABASES"]:
            node = _item(statement.value, alias)
            return _site(path, node) if node is not None else None
    return None


def _names(statement: ast.Assign) -> list[str]:
    return [target.id for target in statement.targets if isinstance(target, ast.Name)]


def _item(value: ast.expr, alias: str) -> ast.expr | None:
    if isinstance(value, ast.Dict):
        for key, item in zip(value.keys, value.values, strict=True):
            if isinstance(key, ast.Constant) and key.value == alias:
                return item
    return None


def _site(path: str, node: ast.expr) -> Site:
    return Site(
        path=path,
        line=node.lineno,
        end_line=node.end_lineno or node.lineno,
        column=node.col_offset,
        end_column=node.end_col_offset or 0,
        function="<module>",
    )
