"""asyncpg and its pools: connections redirected, backends reported, statements recorded."""

import os
from types import ModuleType
from typing import Any

from unslow.observe import _backends, _record, _redirect, _statements, _wire
from unslow.observe._patch import Function, wrap

MODULES = (
    "asyncpg.connect_utils",
    "asyncpg.connection",
    "asyncpg.prepared_stmt",
    "asyncpg.cursor",
)

_SOCKET = ".s.PGSQL."


def install(module: ModuleType) -> None:
    """Watch what the module defines."""
    name = module.__name__.partition(".")[2]
    if name == "connect_utils":
        if _redirect.is_wanted():
            wrap(module, "_connect_addr", _connect_addr)
    elif name == "connection":
        if _wire.is_open():
            wrap(module.Connection, "close", _close)
            wrap(module.Connection, "terminate", _terminate)
        if _record.level() != "off":
            _watch_connection(module.Connection)
    elif _record.level() != "off" and name == "prepared_stmt":
        _watch_prepared(module.PreparedStatement)
    elif _record.level() != "off" and name == "cursor":
        wrap(module.BaseCursor, "_bind_exec", lambda it: _statements.timed_async(it, _opened))
        wrap(module.BaseCursor, "_bind", lambda it: _statements.timed_async(it, _opened))


def _watch_connection(owner: Any) -> None:
    wrap(owner, "execute", _execute)
    wrap(owner, "_execute", lambda it: _statements.timed_call(it, _executed))
    wrap(owner, "_executemany", lambda it: _statements.timed_async(it, _executed_many))
    wrap(owner, "_copy_out", lambda it: _statements.timed_async(it, _copied))
    wrap(owner, "_copy_in", lambda it: _statements.timed_async(it, _copied))
    wrap(owner, "copy_records_to_table", lambda it: _statements.timed_async(it, _copied_records))
    wrap(owner, "reset", _quietly)


def _watch_prepared(owner: Any) -> None:
    bind = "_PreparedStatement__bind_execute"
    wrap(owner, bind, lambda it: _statements.timed_call(it, _prepared))
    wrap(owner, "fetchmany", lambda it: _statements.timed_async(it, _prepared_many))
    wrap(owner, "executemany", lambda it: _statements.timed_async(it, _prepared_many))


def _connect_addr(original: Function) -> Function:
    async def connect_addr(*, addr: Any, params: Any, **options: Any) -> Any:
        addr, params = _redirected(addr, params)
        connection = await original(addr=addr, params=params, **options)
        _backends.opened(connection, connection.get_server_pid())
        return connection

    return connect_addr


def _redirected(addr: Any, params: Any) -> tuple[Any, Any]:
    host, port = _place(addr)
    asked = {
        "host": host,
        "port": port,
        "user": params.user,
        "password": params.password if isinstance(params.password, str) else None,
        "dbname": params.database,
    }
    answer = _redirect.postgresql(asked, ConnectionError)
    changed = {"user": answer.get("user"), "database": answer.get("dbname")}
    if answer.get("password") is not None and answer.get("password") != asked["password"]:
        changed["password"] = answer["password"]
    if answer.get("sslmode") == "disable":
        from asyncpg.connect_utils import SSLMode  # type: ignore[import-untyped]

        changed.update(ssl=None, sslmode=SSLMode.disable)
    return _address(str(answer["host"]), int(answer["port"])), params._replace(**changed)


def _place(addr: Any) -> tuple[str, int]:
    if isinstance(addr, str):
        folder, name = os.path.split(addr)
        return folder, int(name.removeprefix(_SOCKET) or 5432)
    return str(addr[0]), int(addr[1])


def _address(host: str, port: int) -> Any:
    return os.path.join(host, f"{_SOCKET}{port}") if host.startswith("/") else (host, port)


def _close(original: Function) -> Function:
    async def close(self: Any, *, timeout: Any = None) -> None:
        _backends.closing(self)
        await original(self, timeout=timeout)

    return close


def _terminate(original: Function) -> Function:
    def terminate(self: Any) -> None:
        _backends.closing(self)
        original(self)

    return terminate


def _execute(original: Function) -> Function:
    timed = _statements.timed_async(original, _executed_text)

    async def execute(self: Any, query: str, *args: Any, timeout: Any = None) -> Any:
        # With arguments it goes on to `_execute`, which records it.
        return await (original if args else timed)(self, query, *args, timeout=timeout)

    return execute


def _quietly(original: Function) -> Function:
    async def reset(self: Any, *args: Any, **kwargs: Any) -> Any:
        with _statements.quiet():
            return await original(self, *args, **kwargs)

    return reset


def _executed_text(
    statement: _statements.Statement, connection: Any, query: str, **options: Any
) -> None:
    statement.sql = str(query)
    statement.database = connection._params.database


def _copied(
    statement: _statements.Statement, connection: Any, copy_stmt: str, *args: Any, **options: Any
) -> None:
    _executed_text(statement, connection, copy_stmt)


def _copied_records(
    statement: _statements.Statement, connection: Any, table_name: str, **options: Any
) -> None:
    _executed_text(statement, connection, f'COPY "{table_name}" FROM STDIN')


def _executed(
    statement: _statements.Statement,
    connection: Any,
    query: str,
    args: Any,
    limit: Any = 0,
    timeout: Any = None,
    **options: Any,
) -> None:
    _executed_text(statement, connection, query)
    statement.parameters = list(args)


def _executed_many(
    statement: _statements.Statement, connection: Any, query: str, *args: Any, **options: Any
) -> None:
    _executed_text(statement, connection, query)


def _prepared(
    statement: _statements.Statement, prepared: Any, args: Any, *rest: Any, **options: Any
) -> None:
    _executed_text(statement, prepared._connection, prepared._query)
    statement.parameters = list(args)


def _prepared_many(
    statement: _statements.Statement, prepared: Any, args: Any, **options: Any
) -> None:
    _executed_text(statement, prepared._connection, prepared._query)


def _opened(statement: _statements.Statement, cursor: Any, *args: Any, **options: Any) -> None:
    _executed_text(statement, cursor._connection, cursor._query)
    statement.parameters = list(cursor._args)
