"""psycopg 3, sync and async: connections redirected, backends reported, statements recorded."""

from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from types import ModuleType
from typing import Any

from unslow.observe import _backends, _record, _redirect, _statements
from unslow.observe._patch import Function, wrap

MODULES = (
    "psycopg._connection_base",
    "psycopg.connection",
    "psycopg.connection_async",
    "psycopg.cursor",
    "psycopg.cursor_async",
    "psycopg._server_cursor",
    "psycopg._server_cursor_async",
    "psycopg.server_cursor",  # before 3.3
)


def install(module: ModuleType) -> None:
    """Watch the classes that the module defines or imports; they moved between releases."""
    for name, watch in _WATCHES.items():
        owner = getattr(module, name, None)
        if isinstance(owner, type):
            watch(owner)


def _watch_base(owner: Any) -> None:
    if _redirect.is_wanted():
        wrap(owner, "_connect_gen", _connect_gen)


def _watch_connection(owner: Any) -> None:
    if _redirect.is_wanted():
        wrap(owner, "_get_connection_params", _get_connection_params)
        wrap(owner, "close", _close)


def _watch_async_connection(owner: Any) -> None:
    if _redirect.is_wanted():
        wrap(owner, "_get_connection_params", _get_connection_params_async)
        wrap(owner, "close", _close_async)


def _watch_cursor(owner: Any) -> None:
    if _record.level() != "off":
        wrap(owner, "execute", lambda original: _statements.timed(original, _executed))
        wrap(owner, "executemany", lambda original: _statements.timed(original, _executed_many))
        wrap(owner, "stream", _stream)
        wrap(owner, "copy", _copy)


def _watch_async_cursor(owner: Any) -> None:
    if _record.level() != "off":
        wrap(owner, "execute", lambda original: _statements.timed_async(original, _executed))
        wrap(
            owner,
            "executemany",
            lambda original: _statements.timed_async(original, _executed_many),
        )
        wrap(owner, "stream", _stream_async)
        wrap(owner, "copy", _copy_async)


_WATCHES = {
    "BaseConnection": _watch_base,
    "Connection": _watch_connection,
    "AsyncConnection": _watch_async_connection,
    "Cursor": _watch_cursor,
    "AsyncCursor": _watch_async_cursor,
    "ServerCursor": _watch_cursor,
    "AsyncServerCursor": _watch_async_cursor,
}


def _get_connection_params(original: Function) -> Function:
    def get_connection_params(cls: Any, conninfo: str, **kwargs: Any) -> Any:
        return _redirected(original(cls, conninfo, **kwargs))

    return get_connection_params


def _get_connection_params_async(original: Function) -> Function:
    async def get_connection_params(cls: Any, conninfo: str, **kwargs: Any) -> Any:
        return _redirected(await original(cls, conninfo, **kwargs))

    return get_connection_params


def _connect_gen(original: Function) -> Function:
    def connect_gen(cls: Any, conninfo: str = "", **options: Any) -> Generator[Any, Any, Any]:
        from psycopg.conninfo import conninfo_to_dict, make_conninfo

        params = conninfo_to_dict(conninfo)
        if not _redirect.leads_to_a_clone(params):  # a subclass found its parameters in its own way
            conninfo = make_conninfo("", **_redirected(params))
        connection = yield from original(cls, conninfo, **options)
        _backends.opened(connection, connection.pgconn.backend_pid)
        return connection

    return connect_gen


def _redirected(params: Any) -> Any:
    from psycopg import OperationalError

    return _redirect.postgresql(params, OperationalError)


def _close(original: Function) -> Function:
    def close(self: Any) -> None:
        if not _returns_to_pool(self):
            _backends.closing(self)
        original(self)

    return close


def _close_async(original: Function) -> Function:
    async def close(self: Any) -> None:
        if not _returns_to_pool(self):
            _backends.closing(self)
        await original(self)

    return close


def _returns_to_pool(connection: Any) -> bool:
    return bool(getattr(getattr(connection, "_pool", None), "close_returns", False))


def _executed(
    statement: _statements.Statement,
    cursor: Any,
    query: Any,
    params: Any = None,
    **options: Any,
) -> None:
    statement.sql = _statements.text(query, cursor)
    statement.parameters = params
    statement.rows = cursor.rowcount if cursor.rowcount >= 0 else None
    statement.database = _database(cursor.connection)


def _database(connection: Any) -> str:
    try:
        return str(connection._unslow_database)
    except AttributeError:
        connection._unslow_database = found = str(connection.info.dbname)
        return found


def _executed_many(
    statement: _statements.Statement, cursor: Any, query: Any, params_seq: Any, **options: Any
) -> None:
    _executed(statement, cursor, query)


def _stream(original: Function) -> Function:
    def stream(self: Any, query: Any, params: Any = None, **options: Any) -> Any:
        if not _statements.wanted():
            yield from original(self, query, params, **options)
            return
        with _statements.streamed(_executed, self, query, params) as count:
            for row in original(self, query, params, **options):
                count()
                yield row

    return stream


def _stream_async(original: Function) -> Function:
    async def stream(self: Any, query: Any, params: Any = None, **options: Any) -> Any:
        if not _statements.wanted():
            async for row in original(self, query, params, **options):
                yield row
            return
        with _statements.streamed(_executed, self, query, params) as count:
            async for row in original(self, query, params, **options):
                count()
                yield row

    return stream


def _copy(original: Function) -> Function:
    @contextmanager
    def copy(self: Any, statement: Any, params: Any = None, **options: Any) -> Iterator[Any]:
        with ExitStack() as stack:
            if _statements.wanted():
                stack.enter_context(_statements.streamed(_executed, self, statement, params))
            yield stack.enter_context(original(self, statement, params, **options))

    return copy


def _copy_async(original: Function) -> Function:
    @asynccontextmanager
    async def copy(
        self: Any, statement: Any, params: Any = None, **options: Any
    ) -> AsyncIterator[Any]:
        async with AsyncExitStack() as stack:
            if _statements.wanted():
                stack.enter_context(_statements.streamed(_executed, self, statement, params))
            yield await stack.enter_async_context(original(self, statement, params, **options))

    return copy
