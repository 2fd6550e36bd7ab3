"""Where the statements of a workload come from: PostgreSQL's statistics, its log, a file, or what
was observed of an application."""

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
from pglast import split
from pglast.parser import ParseError

from unslow.errors import UsageError
from unslow.lab import traces
from unslow.lab.indexing.catalogue import Connection
from unslow.lab.indexing.workload import Executed
from unslow.observe._placeholders import TOKEN, numbered
from unslow.observe._shape import shape

MOST_VALUES = 50  # different executions of one shape that are remembered of a log

TAKEN_OUT = re.compile(r"'\?'|(?<=[=<>(,] )0\b|(?<=[=<>(,])0\b|(?<=LIMIT )0\b|(?<=OFFSET )0\b")
LINE = re.compile(r"^.*?\b(?P<level>LOG|DETAIL|[A-Z]+):  (?P<text>.*)$", re.DOTALL)
STATEMENT = re.compile(
    r"^(?:duration: (?P<ms>[\d.]+) ms\s+)?(?:statement|execute [^:]*): (?P<sql>.*)$", re.DOTALL
)
PARAMETERS = re.compile(r"^parameters: ", re.IGNORECASE)
PARAMETER = re.compile(r"\$\d+ = (NULL|'(?:[^']|'')*')")


def from_statistics(connection: Connection) -> list[Executed]:
    """What pg_stat_statements counted in this database. Raises UsageError where it is missing."""
    try:
        with connection.transaction():
            rows = connection.execute(STATISTICS).fetchall()
    except psycopg.Error as error:
        raise UsageError(
            f"pg_stat_statements cannot be read: {str(error).splitlines()[0]}\n"
            "Load it (shared_preload_libraries, CREATE EXTENSION pg_stat_statements), or give the "
            "statements by --log FILE or --queries FILE.sql"
        ) from error
    return [Executed(sql, calls, ms, None if _asks(sql) else ()) for sql, calls, ms in rows]


def from_queries(path: Path) -> list[Executed]:
    """The statements of a file of SQL; one that stands there twice counts twice. Raises
    UsageError when the file cannot be read."""
    lines = [line for line in _text(path).splitlines() if not line.startswith("\\")]
    text = "\n".join(lines)
    try:
        statements = split(text, with_parser=False)
    except ParseError as error:
        raise UsageError(f"{path} is no SQL: {error.args[0]}") from error
    if not statements:
        raise UsageError(f"{path} holds no statement")
    return [Executed(sql, parameters=None if _asks(sql) else ()) for sql in statements]


def from_trace(path: Path) -> list[Executed]:
    """The statements of a saved trace, as often as they were executed. Raises UsageError when it
    holds none.

    A trace holds no values: where one was taken out, it has to be guessed like a parameter's.
    """
    found: dict[str, list[float]] = {}
    for query in (query for request in traces.load(path).requests for query in request.queries):
        if query.kind != "other":
            counted = found.setdefault(numbered(TAKEN_OUT.sub("%s", query.sql)), [0.0, 0.0])
            counted[0] += 1
            counted[1] += query.duration_ms
    if not found:
        raise UsageError(f"{path} holds no statements: was the application observed?")
    return [
        Executed(sql, calls, ms, None if _asks(sql) else ()) for sql, (calls, ms) in found.items()
    ]


def from_log(path: Path) -> list[Executed]:
    """The statements of PostgreSQL's log, of its plain, CSV or JSON form, with their values.

    Raises UsageError when there is none, with what makes the server log them.
    """
    found: dict[str, dict[tuple[str, tuple[str, ...]], list[float]]] = {}
    for message, detail in _messages(path):
        match = STATEMENT.match(message)
        if match is None:
            continue
        sql = match["sql"].strip()
        values = tuple(PARAMETER.findall(detail)) if PARAMETERS.match(detail) else ()
        same = found.setdefault(shape(sql), {})
        key = (sql, values)
        if key not in same and len(same) >= MOST_VALUES:
            key = next(iter(same))
        counted = same.setdefault(key, [0.0, 0.0])
        counted[0] += 1
        counted[1] += float(match["ms"] or 0.0)
    if not found:
        raise UsageError(
            f"{path} holds no statements; PostgreSQL logs them with\n"
            "log_min_duration_statement = 0  # or a number of milliseconds"
        )
    return [
        Executed(sql, calls, ms, None if _asks(sql) and not values else values)
        for same in found.values()
        for (sql, values), (calls, ms) in same.items()
    ]


def _messages(path: Path) -> Iterator[tuple[str, str]]:
    """Each message of the log at the level of statements, with its detail."""
    if path.suffix == ".csv":
        yield from _csv(path)
    elif path.suffix == ".json":
        yield from _json(path)
    else:
        yield from _plain(path)


def _plain(path: Path) -> Iterator[tuple[str, str]]:
    message, detail, level = "", "", ""
    for line in _text(path).splitlines():
        match = None if line.startswith("\t") else LINE.match(line)
        if match is None:
            rest = "\n" + line.removeprefix("\t")
            message += rest if level == "LOG" else ""
            detail += rest if level == "DETAIL" else ""
            continue
        level = match["level"]
        if level == "DETAIL":
            detail = match["text"]
            continue
        if message:
            yield message, detail
        message, detail = (match["text"], "") if level == "LOG" else ("", "")
    if message:
        yield message, detail


def _csv(path: Path) -> Iterator[tuple[str, str]]:
    for row in csv.reader(_text(path).splitlines(keepends=True)):
        if len(row) > 14 and row[11] == "LOG":
            yield row[13], row[14]


def _json(path: Path) -> Iterator[tuple[str, str]]:
    for line in _text(path).splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict) and entry.get("error_severity") == "LOG":
            yield str(entry.get("message", "")), str(entry.get("detail", ""))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error


def _asks(sql: str) -> bool:
    """Whether the statement has parameters whose values do not stand in it."""
    return any(match["number"] for match in TOKEN.finditer(sql))


STATISTICS = """
SELECT s.query, sum(s.calls)::float8, sum(s.total_exec_time)::float8
FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid
WHERE d.datname = current_database() AND s.calls > 0
  AND s.query !~* 'pg_stat_statements|pg_catalog|information_schema|^ *explain'
GROUP BY s.query
"""
