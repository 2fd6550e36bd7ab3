"""Asks a database for the plans of reads, on connections of its own that can write nothing.

The statement is not executed: it is EXPLAIN without ANALYZE, in a read-only transaction.
"""

import asyncio
import queue
import re
import sys
import threading
import weakref
from collections.abc import Callable
from types import ModuleType
from typing import Any

from unslow.observe import _imports, _wire
from unslow.observe._placeholders import TOKEN, filled
from unslow.observe._record import Query

Answer = Callable[[Query, str], None]
Run = Callable[[str], list[str]]  # a statement -> the rows of its plan

MOST_SHAPES = 1000  # explained in the life of a process
MOST_ENGINES = 8
_CAST = re.compile(r"'::[\w ]+(?:\[\])?$")
_VALUE = re.compile(
    r"""
      (?P<kept> "(?:[^"]|"")*" | \(cost=[^()\n]*\)$ )
    | '(?:[^']|'')*(?:'|\Z)
    | (?<![\w.$])-?\d+(?:\.\d+)?(?![\w.])
    """,
    re.VERBOSE | re.MULTILINE,
)
_QUOTED = re.compile(r'"[^"]*(?:"|$)')

_engines: dict[str, "weakref.ref[Any]"] = {}
_asked: set[tuple[str, str]] = set()
_waiting: "queue.SimpleQueue[tuple[Query, bool, Answer]]" = queue.SimpleQueue()
_worker: threading.Thread | None = None
_lock = threading.Lock()


class _NotExplained(Exception):
    """Why there is no plan; the message is shown."""


def watch() -> None:
    """Know the engines of SQLAlchemy, from the first statement that they run."""
    _imports.after("sqlalchemy.engine", _watch_engines)


def ask(query: Query, values: bool, answer: Answer) -> None:
    """Call `answer` with the plan, in another thread; once per statement and database.

    Without `values` the plan shows no literals.
    """
    global _worker
    key = (query["database"], query["fingerprint"])
    with _lock:
        if key in _asked or len(_asked) >= MOST_SHAPES:
            return
        _asked.add(key)
        _waiting.put((query, values, answer))
        if _worker is None or not _worker.is_alive():  # a fork has no threads of its parent
            _worker = threading.Thread(target=_work, name="unslow-explain", daemon=True)
            _worker.start()


def forget() -> None:
    """Explain again what was explained."""
    with _lock:
        _asked.clear()


def _work() -> None:
    while True:
        _wire.safely(_explain)(*_waiting.get())


def _explain(query: Query, values: bool, answer: Answer) -> None:
    try:
        plan = "\n".join(_plan(query))
        plan = plan if values else without_values(plan)
    except _NotExplained as reason:
        plan = f"not explained: {reason}"
    except Exception as problem:  # noqa: BLE001
        said = (str(problem).strip().splitlines() or [""])[0]
        said = said if values else without_values(_QUOTED.sub("?", said))
        plan = f"not explained: {type(problem).__name__}: {said}"
    answer(query, plan)


def without_values(plan: str) -> str:
    """A plan with `?` for the values in its conditions, of several lines or not; its costs stay."""
    return _VALUE.sub(lambda match: match["kept"] or "?", plan)


def _plan(query: Query) -> list[str]:
    if _has_two_statements(query["sql"]):
        raise _NotExplained("it is several statements")
    dialect, run = _connection(query)
    statement = _statement(query, dialect)
    return run(f"EXPLAIN {'QUERY PLAN ' if dialect == 'sqlite' else ''}{statement}")


def _has_two_statements(sql: str) -> bool:
    """A second statement could end the transaction that keeps the first one harmless."""
    bare = TOKEN.sub(lambda match: "" if match["opaque"] else match[0], sql)
    return ";" in bare.strip().rstrip(";")


def _statement(query: Query, dialect: str) -> str:
    parameters = query["parameters"]
    if parameters is not None and dialect == "sqlite":
        parameters = [_CAST.sub("'", one) for one in parameters]
    statement = filled(query["sql"], parameters)
    if statement is None:
        raise _NotExplained("its parameters do not match its placeholders")
    return statement.strip().rstrip(";")


def _connection(query: Query) -> tuple[str, Run]:
    """The dialect, and what runs a statement on another connection to the query's database."""
    found = _by_django(query["database"]) or _by_sqlalchemy(query["database"])
    if found is None:
        raise _NotExplained(f"no way is known to connect to {query['database']!r} again")
    dialect, run = found
    if dialect not in ("postgresql", "sqlite"):
        raise _NotExplained(f"plans are read of PostgreSQL and SQLite, not of {dialect}")
    return dialect, run


def _by_django(alias: str) -> tuple[str, Run] | None:
    connections: Any = getattr(sys.modules.get("django.db"), "connections", None)
    if connections is None or alias not in connections.settings:
        return None

    def run(statement: str) -> list[str]:
        own = connections[alias].copy()
        try:
            own.ensure_connection()
            return _read(own.connection.cursor(), own.vendor, statement)
        finally:
            own.close()
            connections.close_all()  # of this thread

    return str(connections[alias].vendor), run


def _by_sqlalchemy(database: str) -> tuple[str, Run] | None:
    known = _engines.get(database)
    engine = known() if known is not None else None
    if engine is None:
        return None
    dialect = str(engine.dialect.name)

    def read(statement: str) -> list[str]:
        pool = engine.pool.recreate()
        own = pool.connect()
        try:
            return _read(own.cursor(), dialect, statement)
        finally:
            own.invalidate()
            pool.dispose()

    def run(statement: str) -> list[str]:
        if not engine.dialect.is_async:
            return read(statement)
        from sqlalchemy.util import greenlet_spawn

        return asyncio.run(greenlet_spawn(read, statement))

    return dialect, run


def _read(cursor: Any, dialect: str, statement: str) -> list[str]:
    if dialect == "postgresql":
        cursor.execute("BEGIN READ ONLY")
        try:
            cursor.execute(statement)
            return [str(row[0]) for row in cursor.fetchall()]
        finally:
            cursor.execute("ROLLBACK")
    cursor.execute("PRAGMA query_only = ON")
    cursor.execute(statement)
    return [str(row[-1]) for row in cursor.fetchall()]


def _watch_engines(module: ModuleType) -> None:
    from sqlalchemy import event

    if not event.contains(module.Engine, "before_cursor_execute", _remember):
        event.listen(module.Engine, "before_cursor_execute", _remember)


@_wire.safely
def _remember(connection: Any, *rest: Any) -> None:
    engine = connection.engine
    name = engine.url.database
    if name and name not in _engines and len(_engines) < MOST_ENGINES:
        _engines[name] = weakref.ref(engine)
