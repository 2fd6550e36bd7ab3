"""sqlite3: database files redirected to their clones, statements recorded; memory left alone."""

from functools import lru_cache
from types import ModuleType
from typing import Any
from urllib.parse import quote, unquote

from unslow.observe import _record, _redirect, _statements
from unslow.observe._patch import Function, disguised, wrap

MODULES = ("sqlite3.dbapi2", "sqlite3", "django.db.backends.sqlite3.operations")


def install(module: ModuleType) -> None:
    """Watch `connect`, which both modules offer."""
    if module.__name__.startswith("django."):
        # In debug mode Django lets SQLite quote the parameters of each statement for its log.
        wrap(module.DatabaseOperations, "last_executed_query", _statements.quietly)
    elif getattr(module.connect, "__module__", "") != __name__:
        wrap(module, "connect", lambda original: _connect(original, module))
        module.connect.__module__ = __name__


def _connect(original: Function, module: Any) -> Function:
    def connect(database: Any, *args: Any, **kwargs: Any) -> Any:
        database = _redirected(database, bool(kwargs.get("uri")), module.OperationalError)
        if _record.level() == "off" or len(args) > 4:
            return original(database, *args, **kwargs)
        factory = kwargs.pop("factory", module.Connection)
        if isinstance(factory, type):
            factory = _connection_class(factory, module.Cursor)
        return original(database, *args, factory=factory, **kwargs)

    return connect


def _redirected(database: Any, uri: bool, error: Any) -> Any:
    name = database.decode() if isinstance(database, bytes) else str(database)
    if name in ("", ":memory:") or not _redirect.is_wanted():
        return database
    if not (uri and name.startswith("file:")):
        return _redirect.sqlite(name, error)
    address, _, options = name.removeprefix("file:").partition("?")
    path = unquote(address)
    if path in ("", ":memory:") or "mode=memory" in options or "vfs=memdb" in options:
        return database
    if path.startswith("//"):
        path = "/" + path[2:].partition("/")[2]
    return f"file:{quote(_redirect.sqlite(path, error))}" + (f"?{options}" if options else "")


@lru_cache(maxsize=64)
def _connection_class(base: Any, cursor_base: Any) -> Any:
    class Connection(base):  # type: ignore[misc]
        def cursor(self, factory: Any = cursor_base) -> Any:
            observed = _cursor_class(factory) if isinstance(factory, type) else factory
            return super().cursor(observed)

        # The C versions make a plain cursor of their own.
        def execute(self, *args: Any) -> Any:
            return self.cursor().execute(*args)

        def executemany(self, *args: Any) -> Any:
            return self.cursor().executemany(*args)

        def executescript(self, *args: Any) -> Any:
            return self.cursor().executescript(*args)

    return disguised(Connection, base)


@lru_cache(maxsize=64)
def _cursor_class(base: Any) -> Any:
    class Cursor(base):  # type: ignore[misc]
        execute = _remembered(_statements.timed(base.execute, _executed))
        executemany = _statements.timed(base.executemany, _executed_many)
        executescript = _statements.timed(base.executescript, _executed)

        def fetchone(self) -> Any:
            row = super().fetchone()
            _count(self, row is not None)
            return row

        def fetchmany(self, *args: Any, **kwargs: Any) -> Any:
            rows = super().fetchmany(*args, **kwargs)
            _count(self, len(rows))
            return rows

        def fetchall(self) -> Any:
            rows = super().fetchall()
            _count(self, len(rows))
            return rows

        def __next__(self) -> Any:
            row = super().__next__()
            _count(self, 1)
            return row

    return disguised(Cursor, base)


def _remembered(execute: Function) -> Function:
    """Keep the statement that the cursor's next rows belong to: SQLite counts none beforehand."""

    def method(self: Any, *args: Any) -> Any:
        self._unslow = None
        wanted = _record.detailed and _statements.wanted()
        result = execute(self, *args)
        record = _record.current() if wanted else None
        if record is not None and record.queries and record.queries[-1]["kind"] == "select":
            self._unslow = record.queries[-1]
            _count(self, 0)
        return result

    return method


def _count(cursor: Any, rows: int) -> None:
    query = getattr(cursor, "_unslow", None)
    if query is not None:
        query["rows"] = (query["rows"] or 0) + rows


def _executed(
    statement: _statements.Statement, cursor: Any, sql: Any, parameters: Any = (), *rest: Any
) -> None:
    statement.sql = str(sql)
    statement.parameters = parameters
    statement.rows = cursor.rowcount if cursor.rowcount >= 0 else None
    statement.database = "sqlite"


def _executed_many(
    statement: _statements.Statement, cursor: Any, sql: Any, seq_of_parameters: Any
) -> None:
    _executed(statement, cursor, sql, None)
