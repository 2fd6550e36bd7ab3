"""Records the statements of SQLAlchemy's engines, synchronous and asynchronous."""

from __future__ import annotations

import sys
import time
from typing import Any

from unslow.observe import _connections, _record, _sites, _wire
from unslow.observe._origin import EMPTY, Json, load
from unslow.observe._patch import Function, listen, wrap
from unslow.observe._sqlalchemy_loads import OPTION, Execution
from unslow.observe._sqlalchemy_statements import chain_of
from unslow.observe._sqlalchemy_tables import label_of_table
from unslow.observe._statements import quietly
from unslow.observe._through import through

MAX_ENGINES = 8  # an application that makes one per request would fill the memory
STARTED = "_unslow_started"
QUERY = "_unslow_query"
SITE = "_unslow_site"
NAME = "_unslow_name"
ECHO = "_unslow_echo"
CONNECTING = "_unslow_connecting"

_dialects: list[Any] = []  # of the engines, in the order in which they were made


def install(engine: Any, cursor: Any, pool: Any, event: Any) -> None:
    """Hook `sqlalchemy.engine`: an `AsyncEngine` runs on one of these too."""
    for owner in (engine.create, engine, sys.modules["sqlalchemy"]):
        wrap(owner, "create_engine", _engine)
    wrap(engine.default.DefaultDialect, "_do_ping_w_event", quietly)
    if not _record.detailed:
        _install_light(engine.default.DefaultDialect, pool.base._ConnectionRecord)
        return
    listen(event, engine.Engine, "before_cursor_execute", _before)
    listen(event, engine.Engine, "after_cursor_execute", _after)
    listen(event, engine.Engine, "handle_error", _failed)
    if _record.level() == "full":
        listen(event, engine.Engine, "do_connect", _connecting)
        wrap(pool.QueuePool, "_do_get", _connections.taken)
    listen(event, pool.Pool, "connect", _connected)
    listen(event, pool.Pool, "checkout", _checked_out)
    for name in ("fetchone", "fetchmany", "fetchall"):
        wrap(cursor.CursorFetchStrategy, name, _counting)
        wrap(cursor.BufferedRowCursorFetchStrategy, name, _counting)
        wrap(cursor.FullyBufferedCursorFetchStrategy, name, _counting)


def _install_light(dialect: Any, entry: Any) -> None:
    """Listening to SQLAlchemy's events costs more than calling its dialect does."""
    wrap(entry, "_ConnectionRecord__connect", _connect_lightly)
    for name in ("do_execute", "do_execute_no_params", "do_executemany"):
        wrap(dialect, name, _lightly)


def _connect_lightly(original: Function) -> Function:
    def connect(self: Any) -> None:
        started = time.perf_counter()
        quietly(original)(self)
        _opened_lightly(self, started)

    return connect


@_wire.safely
def _opened_lightly(entry: Any, started: float) -> None:
    record = _record.current()
    if record is not None:
        pool = entry._ConnectionRecord__pool
        name = pool.__dict__.get(NAME) or pool._dialect.name
        _connections.opened(record, name, type(pool).__name__, started, None)


def _lightly(original: Function) -> Function:
    inside = _record.inside
    is_inside, go_inside, come_out = inside.get, inside.set, inside.reset
    clock = time.perf_counter

    def do_execute(self: Any, cursor: Any, statement: Any, *rest: Any, **named: Any) -> Any:
        if is_inside() or (record := _record.current()) is None:
            return original(self, cursor, statement, *rest, **named)
        token = go_inside(True)
        started = clock()
        try:
            return original(self, cursor, statement, *rest, **named)
        finally:
            ended = clock()
            come_out(token)
            try:
                name = self.__dict__.get(NAME) or _name(self, rest)
                record.note(statement, name, started, ended)
            except Exception as problem:  # noqa: BLE001
                _wire.error(problem)

    return do_execute


def _name(dialect: Any, rest: tuple[Any, ...]) -> str:
    """The database of an engine that was made before it was watched; remembered from here on."""
    context = rest[-1] if rest else None
    if not context:
        return str(dialect.name)
    found = str(context.root_connection.engine.url.database or dialect.name)
    dialect.__dict__[NAME] = found
    return found


def database() -> str:
    """`postgresql 18.4` of the first engine; without the version before it has connected."""
    names = [_database(dialect) for dialect in _dialects]
    return max(names, key=lambda name: " " in name, default="")


def _database(dialect: Any) -> str:
    version = ".".join(map(str, getattr(dialect, "server_version_info", None) or ()))
    return f"{dialect.name} {version}".strip()


def _engine(original: Function) -> Function:
    """SQLAlchemy reads the signature of `Engine.__init__`, which must stay what it is."""

    def create_engine(*args: Any, **kwargs: Any) -> Any:
        engine = original(*args, **kwargs)
        _made(engine)
        return engine

    return create_engine


@_wire.safely
def _made(engine: Any) -> None:
    if len(_dialects) < MAX_ENGINES and engine.dialect not in _dialects:
        _dialects.append(engine.dialect)
    _place(engine)


def _place(engine: Any) -> None:
    """Remember where an engine of the whole process is made."""
    name = engine.url.database or engine.dialect.name
    engine.pool.__dict__[NAME] = engine.dialect.__dict__[NAME] = name
    if _record.level() == "full" and _record.current() is None:
        engine.pool.__dict__[SITE] = next(iter(_sites.application_stack()), None)
        engine.pool.__dict__[ECHO] = bool(engine.echo)


@_wire.safely
def _connecting(dialect: Any, entry: Any, *arguments: Any) -> None:
    dialect.__dict__[CONNECTING] = time.perf_counter()


@_wire.safely
def _before(
    connection: Any, cursor: Any, statement: Any, parameters: Any, context: Any, many: bool
) -> None:
    if context is None or _record.current() is None:
        return
    context.__dict__[STARTED] = time.perf_counter()
    _record.inside.set(True)


@_wire.safely
def _after(
    connection: Any, cursor: Any, statement: Any, parameters: Any, context: Any, many: bool
) -> None:
    ended = time.perf_counter()
    started = context.__dict__.pop(STARTED, None) if context is not None else None
    if started is None:
        return
    _record.inside.set(False)
    full = _record.level() == "full"
    rows = getattr(cursor, "rowcount", -1)
    query = _record.add_query(
        sql=statement,
        parameters=None if many else parameters,
        started=started,
        duration=ended - started,
        rows=rows if isinstance(rows, int) and rows >= 0 else None,
        database=connection.engine.url.database or connection.dialect.name,
        load=_wire.safely(_load)(context) if full else None,
        through=through(sys._getframe(1)) if full else (),
        batch=len(parameters) if many and isinstance(parameters, list | tuple) else 1,
    )
    if query is not None and query["rows"] is None and query["kind"] == "select":
        context.__dict__[QUERY] = query


@_wire.safely
def _failed(failure: Any) -> None:
    context = failure.execution_context
    if context is not None and STARTED in context.__dict__:
        _after(failure.connection, context.cursor, failure.statement, None, context, True)


def _connected(*connection: Any) -> None:
    """From here to the checkout the dialect asks a new server what it can do."""
    _record.inside.set(True)
    _wire.safely(_opened)(connection[1])


def _opened(entry: Any) -> None:
    pool = entry._ConnectionRecord__pool
    started = pool._dialect.__dict__.pop(CONNECTING, None)
    record = _record.current()
    if record is not None and started is not None:
        name = pool.__dict__.get(NAME) or pool._dialect.name
        site = pool.__dict__.get(SITE)
        _connections.opened(record, name, type(pool).__name__, started, site)


def _checked_out(*connection: Any) -> None:
    _record.inside.set(False)


def _counting(original: Function) -> Function:
    """Count rows as they are fetched, where the driver does not know them after execute."""

    def fetch(self: Any, result: Any, *args: Any, **kwargs: Any) -> Any:
        rows = original(self, result, *args, **kwargs)
        query = result.context.__dict__.get(QUERY)
        if query is not None and rows is not None:
            query["rows"] = (query["rows"] or 0) + (len(rows) if type(rows) is list else 1)
        return rows

    return fetch


def _load(context: Any) -> Json | None:
    execution = context.execution_options.get(OPTION)
    if isinstance(execution, Execution):
        return execution.load
    if context.isinsert or context.isupdate or context.isdelete:
        table = getattr(getattr(context.compiled, "statement", None), "table", None)
        label = label_of_table(table)
        return load("write", "sqlalchemy", model=label) if label else None
    chain = chain_of(getattr(context, "invoked_statement", None))
    if chain is EMPTY:
        return None
    return load("select", "sqlalchemy", queryset=chain.origin("", "execute"))
