"""psycopg2: connections redirected, backends reported, statements recorded."""

from functools import lru_cache
from types import ModuleType
from typing import Any

from unslow.observe import _backends, _record, _redirect, _statements, _wire
from unslow.observe._literals import Raw, literal
from unslow.observe._patch import Function, disguised, wrap

MODULES = ("psycopg2",)


def install(module: ModuleType) -> None:
    """Watch the function that makes every connection."""
    wrap(module, "_connect", _connect)


def _connect(original: Function) -> Function:
    def connect(dsn: str, connection_factory: Any = None, **options: Any) -> Any:
        connection = original(
            _redirected(dsn) if _redirect.is_wanted() else dsn,
            connection_factory=_observed(connection_factory) or connection_factory,
            **options,
        )
        if not options:  # an asynchronous connection has no backend yet
            _backends.opened(connection, connection.get_backend_pid())
        return connection

    return connect


def _redirected(dsn: str) -> str:
    from psycopg2 import OperationalError  # type: ignore[import-untyped]
    from psycopg2.extensions import (  # type: ignore[import-untyped]
        make_dsn,
        parse_dsn,
    )

    return str(make_dsn(**_redirect.postgresql(parse_dsn(dsn), OperationalError)))


@_wire.safely
def _observed(factory: Any) -> Any:
    from psycopg2.extensions import connection

    base = factory or connection
    return _connection_class(base) if isinstance(base, type) else base


@lru_cache(maxsize=64)
def _connection_class(base: Any) -> Any:
    class Connection(base):  # type: ignore[misc]
        def close(self) -> None:
            _backends.closing(self)
            super().close()

        def cursor(
            self, name: Any = None, cursor_factory: Any = None, *args: Any, **kwargs: Any
        ) -> Any:
            from psycopg2.extensions import cursor

            wanted = cursor_factory or self.cursor_factory or cursor
            if isinstance(wanted, type) and _record.level() != "off":
                wanted = _cursor_class(wanted)
            return super().cursor(name, wanted, *args, **kwargs)

    return disguised(Connection, base)


@lru_cache(maxsize=64)
def _cursor_class(base: Any) -> Any:
    class Cursor(base):  # type: ignore[misc]
        execute = _statements.timed(base.execute, _executed)
        executemany = _statements.timed(base.executemany, _executed_many)

    return disguised(Cursor, base)


def _executed(statement: _statements.Statement, cursor: Any, query: Any, vars: Any = None) -> None:
    statement.sql = _statements.text(query, cursor)
    statement.parameters = _tuples_as_lists(vars)
    statement.rows = cursor.rowcount if cursor.rowcount >= 0 else None
    statement.database = cursor.connection.info.dbname


def _executed_many(
    statement: _statements.Statement, cursor: Any, query: Any, vars_list: Any
) -> None:
    _executed(statement, cursor, query)


def _tuples_as_lists(values: Any) -> Any:
    """psycopg2 writes a tuple as `(1, 2)`, for IN."""
    if isinstance(values, dict):
        return {name: _as_list(value) for name, value in values.items()}
    if isinstance(values, list | tuple):
        return [_as_list(value) for value in values]
    return values


def _as_list(value: Any) -> Any:
    if isinstance(value, tuple):
        return Raw("(" + ", ".join(map(literal, value)) + ")")
    return value
