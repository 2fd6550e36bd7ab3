"""Tells when a request's transactions begin and end."""

from __future__ import annotations

import time
from typing import Any

from unslow.observe import _record, _wire
from unslow.observe._patch import Function, listen

OPEN = "_unslow_transaction"


@_wire.safely
def begun(marks: dict[Any, Any], database: str) -> None:
    """A transaction begins on the connection that keeps `marks`."""
    record = _record.current()
    if record is None or _record.level() != "full":
        return
    marks[OPEN] = (record, time.perf_counter(), database)


@_wire.safely
def ended(marks: dict[Any, Any]) -> None:
    """It is committed or rolled back; one that begins in a request and ends in another is none."""
    begun_in, started, database = marks.pop(OPEN, (None, 0.0, ""))
    record = _record.current()
    if record is None or record is not begun_in:
        return
    record.add(
        "transactions",
        {
            "database": database,
            "start_ms": (started - record.started) * 1000,
            "duration_ms": (time.perf_counter() - started) * 1000,
        },
    )


def switched(original: Function) -> Function:
    """Django's `set_autocommit`: off, a transaction begins; on, it has ended.

    What `transaction.on_commit` was given runs within the latter.
    """

    def set_autocommit(self: Any, autocommit: bool, *args: Any, **kwargs: Any) -> Any:
        if autocommit:
            ended(self.__dict__)
        result = original(self, autocommit, *args, **kwargs)
        if not autocommit:
            begun(self.__dict__, self.alias)
        return result

    return set_autocommit


def install(engine: Any, event: Any) -> None:
    """Hook the connections of SQLAlchemy."""
    listen(event, engine.Engine, "begin", _begin)
    listen(event, engine.Engine, "commit", _end)
    listen(event, engine.Engine, "rollback", _end)


@_wire.safely
def _begin(connection: Any) -> None:
    name = connection.engine.url.database or connection.dialect.name
    begun(connection.__dict__, name)


@_wire.safely
def _end(connection: Any) -> None:
    ended(connection.__dict__)
