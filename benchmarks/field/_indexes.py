"""The indexes that the statements of the traffic use, and what their plans cost without one."""

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

WORSE = 2.0  # times the planner's cost of all the statements of a request
SELECTS = re.compile(
    r"LOG:  (?:statement|execute [^:]*): +(SELECT .*?)(?=\n\d{4}-\d\d-\d\d |\Z)", re.DOTALL
)
PLAIN = """
    SELECT c.relname, t.relname, pg_get_indexdef(i.indexrelid), a.attname
    FROM pg_index i
    JOIN pg_class c ON c.oid = i.indexrelid
    JOIN pg_class t ON t.oid = i.indrelid
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = 1
    WHERE NOT i.indisunique AND NOT i.indisexclusion
      AND t.relnamespace = 'public'::regnamespace
    ORDER BY 1
"""


@dataclass(frozen=True)
class Index:
    name: str
    table: str
    definition: str
    column: str  # the first

    @property
    def key(self) -> str:
        return f"index {self.name}"


def statements(log: bytes) -> frozenset[str]:
    return frozenset(SELECTS.findall(log.decode(errors="replace")))


def worse(
    dsn: str, asked: Mapping[str, frozenset[str]]
) -> Iterator[tuple[Index, dict[str, tuple[int, int]]]]:
    """Each index that a request's plans use, with the costs of the requests that lose by it."""
    with psycopg.connect(dsn) as connection:
        plain = [Index(*row) for row in connection.execute(PLAIN)]
        before = {path: _plans(connection, queries) for path, queries in asked.items()}
        for index in plain:
            using = [path for path, (_, names) in before.items() if index.name in names]
            if not using:
                continue
            connection.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(index.name)))
            after = {path: _plans(connection, asked[path])[0] for path in using}
            connection.rollback()
            yield (
                index,
                {
                    path: (round(before[path][0]), round(cost))
                    for path, cost in after.items()
                    if cost >= WORSE * before[path][0]
                },
            )


def _plans(connection: psycopg.Connection[Any], queries: Sequence[str] | frozenset[str]) -> Any:
    """The cost of all the statements, and the indexes that their plans use."""
    total, names = 0.0, set()
    for query in sorted(queries):
        try:
            with connection.transaction():
                explained = connection.execute("EXPLAIN (FORMAT JSON) " + query).fetchone()
        except psycopg.Error:  # a statement with parameters apart from its text
            continue
        assert explained is not None
        total += explained[0][0]["Plan"]["Total Cost"]
        names |= set(_used(explained[0][0]["Plan"]))
    return total, names


def _used(node: Mapping[str, Any]) -> Iterator[str]:
    if "Index Name" in node:
        yield node["Index Name"]
    for child in node.get("Plans", ()):
        yield from _used(child)


@contextlib.contextmanager
def without(dsn: str, index: Index) -> Iterator[None]:
    """The database without the index, for the time of the block."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(index.name)))
        try:
            yield
        finally:
            connection.execute(index.definition)
