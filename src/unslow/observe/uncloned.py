"""Databases that unslow cannot clone: their connections are refused, so that none is written to."""

from types import ModuleType
from typing import Any

from unslow.observe import _redirect, _sandbox
from unslow.observe._patch import Function, wrap

MODULES = (
    "MySQLdb",
    "pymysql",
    "mysql.connector",
    "aiomysql",
    "asyncmy",
    "oracledb",
    "pyodbc",
)


def install(module: ModuleType) -> None:
    """Replace the module's way in."""
    if not _redirect.is_wanted():
        return
    for name in ("connect", "Connect", "connect_async", "create_pool"):
        wrap(module, name, lambda original: _refused(module))


def _refused(module: Any) -> Function:
    def connect(*args: Any, **kwargs: Any) -> Any:
        name = module.__name__
        _sandbox.refuse(str(kwargs.get("host") or name), 0, "database")
        error = getattr(module, "OperationalError", ConnectionError)
        raise error(
            f"unslow can clone PostgreSQL and SQLite; it does not let the observed application "
            f"reach its original database through {name}"
        )

    return connect
