"""Times the statements that reach a driver, unless an ORM's integration already does."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from unslow.observe import _record, _wire
from unslow.observe._patch import Function


class Statement:
    """A statement under way; the driver's hook fills it in."""

    __slots__ = ("database", "parameters", "rows", "sql", "started")

    def __init__(self) -> None:
        self.sql = ""
        self.parameters: Any = None
        self.rows: int | None = None
        self.database = ""
        self.started = time.perf_counter()


Describe = Callable[..., None]  # (statement, driver object, *arguments of the call)


def wanted() -> bool:
    """Tell whether a statement would be recorded here and now."""
    return _record.noted() is not None


@contextmanager
def quiet() -> Iterator[None]:
    """Statements of the driver itself are not the application's."""
    token = _record.inside.set(True)
    try:
        yield
    finally:
        _record.inside.reset(token)


def quietly(original: Function) -> Function:
    """The function, with nothing recorded that it runs."""

    def function(*args: Any, **kwargs: Any) -> Any:
        token = _record.inside.set(True)
        try:
            return original(*args, **kwargs)
        finally:
            _record.inside.reset(token)

    return function


def timed(original: Function, describe: Describe) -> Function:
    """The method, recorded. `describe` gets what the method got, after it is done."""

    is_inside = _record.inside.get

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        if is_inside() or (record := _record.current()) is None:
            return original(self, *args, **kwargs)
        statement = Statement()
        token = _record.inside.set(True)
        try:
            return original(self, *args, **kwargs)
        finally:
            duration = time.perf_counter() - statement.started
            _record.inside.reset(token)
            _finish(record, statement, duration, describe, self, args, kwargs)

    return method


def timed_async(original: Function, describe: Describe) -> Function:
    """The same for a coroutine method; a list that it returns is the rows."""

    async def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        record = _record.noted()
        if record is None:
            return await original(self, *args, **kwargs)
        statement = Statement()
        token = _record.inside.set(True)
        try:
            result = await original(self, *args, **kwargs)
            if isinstance(result, list):
                statement.rows = len(result)
            return result
        finally:
            duration = time.perf_counter() - statement.started
            _record.inside.reset(token)
            _finish(record, statement, duration, describe, self, args, kwargs)

    return method


def timed_call(original: Function, describe: Describe) -> Function:
    """`timed_async` for a method that nobody but the driver calls: no coroutine of its own around
    one that is not recorded, as each step of what it awaits would pass through it.
    """
    timed = timed_async(original, describe)
    is_inside = _record.inside.get

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        unwatched = is_inside() or _record.current() is None
        return (original if unwatched else timed)(self, *args, **kwargs)

    return method


def _finish(
    record: _record.RequestRecord,
    statement: Statement,
    duration: float,
    describe: Describe,
    driver: Any,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> None:
    try:
        describe(statement, driver, *args, **kwargs)
        if not _record.detailed:
            started = statement.started
            record.note(statement.sql, statement.database, started, started + duration)
            return
        _record.add_query(
            sql=statement.sql,
            parameters=statement.parameters,
            started=statement.started,
            duration=duration,
            rows=statement.rows,
            database=statement.database,
        )
    except Exception as problem:  # noqa: BLE001
        _wire.error(problem)


def text(query: Any, cursor: Any) -> str:
    """The statement that psycopg was given as text, bytes, a composition or a template string."""
    if isinstance(query, str):
        return query
    if isinstance(query, bytes):
        return query.decode("utf-8", "replace")
    as_string = getattr(query, "as_string", None)
    if as_string is not None:
        return str(as_string(cursor))
    return bytes(cursor._query.query).decode("utf-8", "replace")


@contextmanager
def streamed(describe: Describe, driver: Any, *args: Any) -> Iterator[Callable[[], None]]:
    """Record a statement whose rows are read one by one; call the given function for each."""
    statement = Statement()
    rows = 0

    def count() -> None:
        nonlocal rows
        rows += 1

    try:
        yield count
    finally:
        duration = time.perf_counter() - statement.started

        def described(*given: Any) -> None:
            describe(*given)
            statement.rows = rows or statement.rows

        record = _record.current()
        if record is not None:
            _finish(record, statement, duration, described, driver, args, {})
