"""Notes each database connection that a request has to open, and where its pool is set up."""

import ast
import sys
import time
from functools import lru_cache
from typing import Any

from unslow.observe import _record, _sites, _wire
from unslow.observe._patch import Function
from unslow.observe._sites import Site


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
        opened(record, wrapper.alias, kind, started, _settings_site(wrapper.alias))


def opened(
    record: _record.RequestRecord, database: str, kind: str, started: float, site: Site | None
) -> None:
    """Add a connection that is open now; `started` is a `time.perf_counter()`."""
    record.parts.setdefault("connections", []).append(
        {
            "database": database,
            "kind": kind,
            "start_ms": (started - record.started) * 1000,
            "duration_ms": (time.perf_counter() - started) * 1000,
            "threaded": record.cpu_clock is time.thread_time,
            "site": site,
        }
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
