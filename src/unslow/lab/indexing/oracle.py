"""Asks the planner what statements would cost with indexes: hypothetical ones, or really built."""

import contextlib
from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from typing import Any, Protocol

import psycopg
from pglast import ast, parse_sql
from pglast.parser import ParseError
from pglast.stream import RawStream

from unslow.lab.indexing.candidates import Candidate
from unslow.lab.indexing.catalogue import Connection
from unslow.lab.indexing.workload import Question
from unslow.lab.prove._stand import Stand, first_line, raise_if_ended

Plan = tuple[float, frozenset[Candidate]]  # its cost, and the candidates that it uses


class Oracle(Protocol):
    """The planner. `calls` counts how often it was asked, `refused` tells why it cannot try some
    of the candidates."""

    name: str
    calls: int
    refused: dict[Candidate, str]

    def bytes_of(self, one: Candidate) -> int:
        """The size of an index; raises `Refused` when there can be no such index."""
        ...

    def plan(self, question: Question, config: Collection[Candidate]) -> Plan:
        """Plan the statement with exactly the candidates of `config`. Raises `psycopg.Error`."""
        ...


class Refused(Exception):
    """The database does not take this index; the message says why."""


def has_hypopg(connection: Connection, *, install: bool) -> bool:
    """Whether indexes can be hypothetical here. With `install`, on a clone, it is tried."""
    if install:
        with contextlib.suppress(psycopg.Error):
            connection.execute("CREATE EXTENSION IF NOT EXISTS hypopg")
    row = connection.execute("SELECT count(*) FROM pg_extension WHERE extname = 'hypopg'")
    return bool((row.fetchone() or (0,))[0])


class Hypothetical:
    """HypoPG: indexes that exist for the planner of one session, and nowhere else."""

    name = "HypoPG"

    def __init__(self, connection: Connection) -> None:
        self.calls = 0
        self.refused: dict[Candidate, str] = {}
        self._connection = connection
        self._bytes: dict[Candidate, int] = {}
        self._made: dict[Candidate, tuple[int, str]] = {}
        connection.execute("SELECT hypopg_reset()")

    def bytes_of(self, one: Candidate) -> int:
        if one not in self._bytes:
            oid, _ = self._make(one)
            row = self._connection.execute("SELECT hypopg_relation_size(%s)", [oid]).fetchone()
            self._bytes[one] = int(row[0]) if row else 0
        return self._bytes[one]

    def plan(self, question: Question, config: Collection[Candidate]) -> Plan:
        for old in [one for one in self._made if one not in config]:
            oid, _ = self._made.pop(old)
            self._connection.execute("SELECT hypopg_drop_index(%s)", [oid])
        names = {}
        for one in config:
            with contextlib.suppress(Refused):
                names[self._make(one)[1]] = one
        self.calls += 1
        partial = frozenset(one.relation for one in config if one.predicate)
        sql = with_first(question.read.sql, partial) if partial else question.read.sql
        return _planned(self._connection, sql, names)

    def _make(self, one: Candidate) -> tuple[int, str]:
        if one in self.refused:
            raise Refused(self.refused[one])
        if one not in self._made:
            try:
                row = self._connection.execute(
                    "SELECT indexrelid::bigint, indexname FROM hypopg_create_index(%s)",
                    [one.sql("")],
                ).fetchone()
            except psycopg.Error as error:
                raise_if_ended(self._connection, error)
                self.refused[one] = first_line(error)
                raise Refused(self.refused[one]) from error
            assert row is not None
            self._made[one] = (row[0], row[1])
        return self._made[one]


class Real:
    """Candidates that stand on a private clone; those that are not wanted are dropped inside of a
    transaction that is rolled back."""

    name = "built indexes"

    def __init__(self, stand: Stand, candidates: Sequence[Candidate]) -> None:
        self.calls = 0
        statements = {one: one.sql() for one in candidates}
        self.refused = {
            one: stand.refused.get(text, "it was not built")
            for one, text in statements.items()
            if text not in stand.built
        }
        self._connection = stand.connection
        self._built = {
            one: stand.built[text] for one, text in statements.items() if text in stand.built
        }

    def bytes_of(self, one: Candidate) -> int:
        if one not in self._built:
            raise Refused(self.refused.get(one, "it was not built"))
        return self._built[one].bytes

    def plan(self, question: Question, config: Collection[Candidate]) -> Plan:
        concerned = {one: b for one, b in self._built.items() if one.table in question.tables}
        names = {built.name.split(".", 1)[-1].strip('"'): one for one, built in concerned.items()}
        self.calls += 1
        with self._connection.transaction(force_rollback=True):
            drops = [built.name for one, built in concerned.items() if one not in config]
            if drops:
                self._connection.execute(f"DROP INDEX {', '.join(drops)}".encode())
            self._connection.execute("SET TRANSACTION READ ONLY")
            return _planned(self._connection, question.read.sql, names)


@lru_cache(maxsize=1024)
def with_first(sql: str, relations: frozenset[str]) -> str:
    """The statement with one of these tables first in its FROM, where that changes nothing else.

    HypoPG 1.3 matches the condition of a partial index with the statement's first
    table alone.
    """
    try:
        (parsed,) = parse_sql(sql)
    except (ParseError, ValueError):
        return sql
    select = parsed.stmt
    if not isinstance(select, ast.SelectStmt) or _has_star(select):
        return sql
    sources = list(select.fromClause or ())
    first = next((one for one in sources if getattr(one, "relname", "") in relations), None)
    if first is None or not all(isinstance(one, ast.RangeVar) for one in sources):
        return sql
    sources.remove(first)
    select.fromClause = (first, *sources)
    return str(RawStream()(parsed))


def _has_star(select: ast.SelectStmt) -> bool:
    targets = (one.val for one in select.targetList or ())
    return any(
        isinstance(one, ast.ColumnRef) and isinstance((one.fields or (None,))[-1], ast.A_Star)
        for one in targets
    )


def _planned(connection: Connection, sql: str, names: dict[str, Candidate]) -> Plan:
    row = connection.execute(f"EXPLAIN (FORMAT JSON) {sql}".encode()).fetchone()
    assert row is not None
    plan = row[0][0]["Plan"]
    used = frozenset(names[name] for name in _indexes(plan) if name in names)
    return float(plan["Total Cost"]), used


def _indexes(node: dict[str, Any]) -> Iterator[str]:
    if "Index Name" in node:
        yield str(node["Index Name"])
    for child in node.get("Plans", ()):
        yield from _indexes(child)
