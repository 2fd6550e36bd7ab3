"""Records the statements of Django's connections, and what the ORM ran them for."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from types import FrameType, ModuleType
from typing import Any

from unslow.observe import _connections, _django_stack, _record, _sites, _transactions, _wire
from unslow.observe._django_queryset import LOOKUPS, MODEL, ORIGIN, loading, looks_up_type, stamp_of
from unslow.observe._origin import EMPTY, Json, Origin, Parent, Stamp, load
from unslow.observe._patch import Function, wrap
from unslow.observe._statements import quietly
from unslow.observe._through import through

RUNS_QUERIES = ("execute_sql", "_execute_query")  # of Django's compilers and raw queries
MOST_WRAPPERS = 8  # frames between a compiler and Django's own cursor
WRITES = ("InsertQuery", "UpdateQuery", "DeleteQuery")
KINDS = {
    "get": "get",
    "first": "get",
    "last": "get",
    "latest": "get",
    "earliest": "get",
    "get_or_create": "get",
    "update_or_create": "get",
    "count": "count",
    "exists": "exists",
    "contains": "exists",
    "aggregate": "aggregate",
}
TERMINALS = {
    "__iter__": "iterate",
    "_fetch_all": "iterate",
    "__len__": "len",
    "__bool__": "bool",
    "__getitem__": "getitem",
    "_iterator": "iterator",
}
UNSERVED = "_iterator"  # queries again although the relation was prefetched


def install(utils: ModuleType) -> None:
    """Hook `django.db.backends.utils`."""
    own = utils.__file__ or ""
    inside = _record.inside
    is_inside, go_inside, come_out = inside.get, inside.set, inside.reset
    clock = time.perf_counter

    def make_execute(original: Function) -> Function:
        def execute(self: Any, sql: Any, params: Any = None) -> Any:
            if _record.detailed:
                return _timed(original, self, sql, params, own)
            if is_inside() or (record := _record.current()) is None:
                return original(self, sql, params)
            token = go_inside(True)
            started = clock()
            try:
                return original(self, sql, params)
            finally:
                ended = clock()
                come_out(token)
                try:
                    record.note(sql, self.db.alias, started, ended)
                except Exception as problem:  # noqa: BLE001
                    _wire.error(problem)

        return execute

    def make_attribute(original: Function) -> Function:
        def __getattr__(self: Any, name: str) -> Any:
            found = original(self, name)
            query = self.__dict__.get("_unslow") if name.startswith("fetch") else None
            return found if query is None else _counting(found, query)

        return __getattr__

    def make_iter(original: Function) -> Function:
        def __iter__(self: Any) -> Iterator[Any]:
            query = self.__dict__.get("_unslow")
            rows = original(self)
            return rows if query is None else _counted(rows, query)

        return __iter__

    wrap(utils.CursorWrapper, "execute", make_execute)
    wrap(utils.CursorWrapper, "executemany", make_execute)
    if _record.detailed:
        wrap(utils.CursorWrapper, "__getattr__", make_attribute)
        wrap(utils.CursorWrapper, "__iter__", make_iter)


def install_connect(base: ModuleType) -> None:
    """Hook `django.db.backends.base.base`: a connection's own upkeep is not the request's."""

    wrap(base.BaseDatabaseWrapper, "connect", quietly)
    if _record.level() == "full" or not _record.detailed:
        wrap(base.BaseDatabaseWrapper, "connect", _connections.timed)
    if _record.level() == "full":
        wrap(base.BaseDatabaseWrapper, "set_autocommit", _transactions.switched)


def install_health_check(postgresql: ModuleType) -> None:
    """Hook `django.db.backends.postgresql.base`: Django asks for a check with every cursor."""
    wrap(postgresql.DatabaseWrapper, "is_usable", quietly)


def _timed(execute: Function, cursor: Any, sql: Any, params: Any, own: str) -> Any:
    described = None
    if _record.level() == "full":
        described = _describe(sys._getframe(2), own)
    if _record.current() is None or _record.inside.get():
        return execute(cursor, sql, params)
    cursor.__dict__.pop("_unslow", None)
    token = _record.inside.set(True)
    started = time.perf_counter()
    try:
        return execute(cursor, sql, params)
    finally:
        duration = time.perf_counter() - started
        _record.inside.reset(token)
        _add(cursor, sql, params, started, duration, described)


@_wire.safely
def _add(
    cursor: Any, sql: Any, params: Any, started: float, duration: float, described: Json | None
) -> None:
    rows = getattr(cursor.cursor, "rowcount", -1)
    query = _record.add_query(
        sql=sql if isinstance(sql, str) else str(sql),
        parameters=params,
        started=started,
        duration=duration,
        rows=rows if isinstance(rows, int) and rows >= 0 else None,
        database=cursor.db.alias,
        load=described,
        through=through(sys._getframe(2)) if described is not None else (),
    )
    if query is not None and query["rows"] is None and query["kind"] == "select":
        cursor.__dict__["_unslow"] = query


def _counting(fetch: Function, query: _record.Query) -> Function:
    """Count rows as they are fetched, where the driver does not know them after execute."""

    def counted(*args: Any, **kwargs: Any) -> Any:
        rows = fetch(*args, **kwargs)
        fetched = len(rows) if isinstance(rows, list) else rows is not None
        query["rows"] = (query["rows"] or 0) + fetched
        return rows

    return counted


def _counted(rows: Iterator[Any], query: _record.Query) -> Iterator[Any]:
    for count, row in enumerate(rows, 1):
        query["rows"] = count
        yield row


@_wire.safely
def _describe(frame: FrameType | None, own: str) -> Json | None:
    """The load of the compiler (or raw query) that calls execute; None for plain SQL."""
    frame = _caller(frame, own)
    if frame is None or frame.f_code.co_name not in RUNS_QUERIES:
        return None
    owner = frame.f_locals.get("self")
    query = getattr(owner, "query", None) if frame.f_code.co_name == "execute_sql" else owner
    if query is None or not hasattr(query, "__dict__"):
        return None
    return _load(query, frame)


def _caller(frame: FrameType | None, own: str) -> FrameType | None:
    """Who calls the cursor, past the libraries that wrap it: toolbars, tracers."""
    for _ in range(MOST_WRAPPERS):
        while frame is not None and frame.f_code.co_filename == own:
            frame = frame.f_back
        if frame is None or frame.f_code.co_name in RUNS_QUERIES:
            return frame
        if _sites.is_application(frame.f_code.co_filename):
            return None
        frame = frame.f_back
    return frame


def _load(query: Any, frame: FrameType) -> Json | None:
    stamp = stamp_of(query)
    model = _label(query)
    if type(query).__name__ in WRITES:
        chain = stamp.chain.origin(model, "write") if stamp and stamp.chain.links else None
        return load("write", "django", model=model, queryset=chain)
    if stamp is None:
        return load("select", "django", model=model) if model else None
    made = _django_stack.call(frame)
    parent = _parent(stamp, query)
    kind = _kind(parent, made.terminal)
    own = _own_origin(query, stamp, model, made.terminal)
    plain = stamp.plain and made.terminal != UNSERVED
    query.__dict__[ORIGIN] = _row_origin(parent, own, plain)
    return load(kind, "django", model=model, parent=parent, queryset=own, plain=plain)


def _parent(stamp: Stamp, query: Any) -> Parent | None:
    now = loading.get()
    if now is not None and now.kind == "prefetch" and not looks_up_type(now, query.model):
        mine = stamp.parent
        return mine if mine is not None and mine.lazy else now
    return stamp.parent


def _kind(parent: Parent | None, terminal: str) -> str:
    if parent is not None and (parent.lazy or parent.kind == "prefetch"):
        return parent.kind
    by_terminal = KINDS.get(terminal, "")
    if parent is not None:
        return by_terminal or parent.kind
    return by_terminal or "select"


def _row_origin(parent: Parent | None, own: Origin | None, plain: bool) -> Origin | None:
    """Rows of a plain relation come from the parent's origin, one step further."""
    if parent is None or parent.origin is None:
        return own
    if parent.kind == "deferred":
        return parent.origin
    if plain or parent.lazy or parent.kind == "prefetch":
        return parent.origin.child(parent.relation)
    return own


def _own_origin(query: Any, stamp: Stamp, model: str, terminal: str) -> Origin | None:
    if stamp.chain is EMPTY:
        return None
    return stamp.chain.origin(
        model,
        TERMINALS.get(terminal, terminal),
        _select_related(getattr(query, "select_related", False)),
        tuple(
            str(getattr(lookup, "prefetch_to", lookup))
            for lookup in query.__dict__.get(LOOKUPS, ())
        ),
    )


def _select_related(selected: Any, prefix: str = "") -> tuple[str, ...]:
    if selected is True:
        return ("*",)
    if not isinstance(selected, dict):
        return ()
    paths: list[str] = []
    for name, below in selected.items():
        paths += _select_related(below, f"{prefix}{name}__") or (f"{prefix}{name}",)
    return tuple(paths)


def _label(query: Any) -> str:
    if MODEL in query.__dict__:
        return str(query.__dict__[MODEL])
    model = getattr(query, "model", None)
    if model is None and (inner := query.__dict__.get("inner_query")) is not None:
        model = inner.model
    return str(model._meta.label) if model is not None else ""
