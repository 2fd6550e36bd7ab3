"""Asks PostgreSQL for its tables, their indexes, and the executed plans of the costliest reads."""

import json
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol

import msgspec
import psycopg
from pglast import ast, parse_sql
from pglast.parser import ParseError
from psycopg import sql as text
from psycopg.conninfo import make_conninfo

from unslow.errors import UnslowError
from unslow.model import Column, Index, Plan, PlanNode, Query, Table, Trace
from unslow.observe._placeholders import filled

MAX_PLANS = 400  # shapes, costliest first
MAX_SECONDS = 30.0  # for all plans; each costs about twice its query
MIN_MS = 0.2  # all executions of a shape together; below it no index shows
STATEMENT_TIMEOUT_MS = 20_000
STATISTICS_DAYS = 7  # before an index without a scan has met a week's work
WARM_MS = 500.0  # a slower statement is not executed again: its caches make little difference


class Database(Protocol):
    """A clone: `dsn` is a libpq connection string for the engine "postgresql"."""

    @property
    def engine(self) -> str: ...
    @property
    def dsn(self) -> str: ...
    @property
    def name(self) -> str: ...


def collect(trace: Trace, databases: Iterable[Database]) -> Trace:
    """The trace with `tables` and `plans` of its PostgreSQL databases.

    Reads are executed again with the values of their costliest execution, in a read-only
    transaction that is rolled back. What cannot be explained is left out. Raises `UnslowError`
    when a database does not answer.
    """
    servers = [one for one in databases if one.engine == "postgresql"]
    tables: list[Table] = []
    plans: dict[str, Plan] = {}
    extensions: set[str] = set()
    for database in servers:
        wanted = [one for one in _costliest(trace) if one.fingerprint not in plans]
        try:
            with psycopg.connect(database.dsn, autocommit=True) as connection:
                tables += _with_scans(_tables(connection), database)
                extensions |= {name for (name,) in connection.execute(EXTENSIONS).fetchall()}
                plans.update(_plans(connection, wanted))
        except psycopg.Error as error:
            raise UnslowError(
                f"reading tables and plans of the clone {database.name} failed: {error}; "
                "is the server still running?"
            ) from error
    return msgspec.structs.replace(
        trace,
        tables=tuple(tables),
        plans=tuple(plans.values()),
        extensions=tuple(sorted(extensions)),
    )


def explain(connection: psycopg.Connection[Any], statement: str) -> PlanNode:
    """The executed plan of a read, with warm caches. Raises `psycopg.Error`."""
    wrapped = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}".encode()
    with connection.transaction(force_rollback=True):
        connection.execute("SET TRANSACTION READ ONLY")
        connection.execute(
            text.SQL("SET LOCAL statement_timeout = {}").format(STATEMENT_TIMEOUT_MS)
        )
        connection.execute("SET LOCAL max_parallel_workers_per_gather = 0")
        connection.execute("SET LOCAL jit = off")
        first = _executed(connection, wrapped)
        return first if first.ms > WARM_MS else _executed(connection, wrapped)


def _executed(connection: psycopg.Connection[Any], wrapped: bytes) -> PlanNode:
    row = connection.execute(wrapped).fetchone()
    found = row[0] if row else []
    parsed = json.loads(found) if isinstance(found, str) else found
    return node(parsed[0]["Plan"])


def node(plan: Mapping[str, Any]) -> PlanNode:
    """A node of EXPLAIN's JSON; rows and times become totals over all loops."""
    children = tuple(node(child) for child in plan.get("Plans", ()))
    loops = int(plan.get("Actual Loops", 1))
    ms = float(plan.get("Actual Total Time", 0.0)) * loops
    conditions = ("Index Cond", "Hash Cond", "Merge Cond", "Recheck Cond", "Join Filter")
    removed = ("Rows Removed by Filter", "Rows Removed by Index Recheck")
    return PlanNode(
        node=str(plan["Node Type"]),
        table=str(plan.get("Relation Name", "")),
        alias=str(plan.get("Alias", "")),
        index=str(plan.get("Index Name", "")),
        condition=next((str(plan[name]) for name in conditions if name in plan), ""),
        filter=str(plan.get("Filter", "")),
        sort_key=tuple(plan.get("Sort Key", ())),
        rows=round(float(plan.get("Actual Rows", 0)) * loops),
        rows_removed=round(sum(float(plan.get(name, 0)) for name in removed) * loops),
        loops=loops,
        ms=round(ms, 4),
        self_ms=round(max(0.0, ms - sum(child.ms for child in children)), 4),
        buffers=int(plan.get("Shared Hit Blocks", 0)) + int(plan.get("Shared Read Blocks", 0)),
        children=children,
    )


def _costliest(trace: Trace) -> list[Query]:
    """The slowest execution of each shape, the shape that takes most time first."""
    spent: defaultdict[str, float] = defaultdict(float)
    slowest: dict[str, Query] = {}
    for query in (query for request in trace.requests for query in request.queries):
        if query.kind == "select":
            spent[query.fingerprint] += query.duration_ms
            best = slowest.get(query.fingerprint)
            if best is None or query.duration_ms > best.duration_ms:
                slowest[query.fingerprint] = query
    order = sorted(slowest, key=lambda fingerprint: -spent[fingerprint])
    return [slowest[name] for name in order if spent[name] >= MIN_MS][:MAX_PLANS]


def _plans(connection: psycopg.Connection[Any], queries: Sequence[Query]) -> dict[str, Plan]:
    found: dict[str, Plan] = {}
    until = time.monotonic() + MAX_SECONDS
    for query in queries:
        if time.monotonic() > until:
            break
        statement = filled(query.sql, query.parameters)
        if statement is None or not _is_one_read(statement):
            continue
        with suppress(psycopg.Error):  # another database's table, a lock, a write
            root = explain(connection, statement)
            found[query.fingerprint] = Plan(query.fingerprint, query.sql, root.ms, root)
    return found


def _tables(connection: psycopg.Connection[Any]) -> list[Table]:
    columns: defaultdict[int, list[Column]] = defaultdict(list)
    indexes: defaultdict[int, list[Index]] = defaultdict(list)
    with connection.cursor() as cursor:
        for table, *column in cursor.execute(COLUMNS):
            columns[table].append(Column(*column))
        for table, names, *index in cursor.execute(INDEXES):
            *plain, keys, included, needed = index
            found = Index(plain[0], tuple(names), *plain[1:])
            own = {"keys": tuple(keys), "included": tuple(included), "needed": needed}
            indexes[table].append(msgspec.structs.replace(found, **own))
        return [
            Table(name, schema, rows, size, tuple(columns[oid]), tuple(indexes[oid]))
            for oid, name, schema, rows, size in cursor.execute(TABLES)
        ]


def _with_scans(tables: Sequence[Table], database: Database) -> Sequence[Table]:
    """With what the statistics of the cloned database say; a clone's own begin at nothing."""
    source = getattr(database, "source", "")
    if not source:
        return tables
    try:
        dsn = make_conninfo(database.dsn, dbname=source, options=READ_ONLY, connect_timeout=5)
        with psycopg.connect(dsn, autocommit=True) as connection:
            if not _has_long_statistics(connection):
                return tables
            rows = connection.execute(SCANS).fetchall()
    except psycopg.Error:
        return tables
    scans = {(schema, table, index): count for schema, table, index, count in rows}
    return [
        msgspec.structs.replace(
            one,
            scans=scans.get((one.schema, one.name, "")),
            indexes=tuple(
                msgspec.structs.replace(each, scans=scans.get((one.schema, one.name, each.name)))
                for each in one.indexes
            ),
        )
        for one in tables
    ]


def _has_long_statistics(connection: psycopg.Connection[Any]) -> bool:
    """Whether the database has counted its scans long enough for "never" to mean something.

    A database whose statistics were never reset is as old as its first file, which only some users
    may look at; raises `psycopg.Error` for the others.
    """
    row = connection.execute(COUNTED_SINCE).fetchone()
    if row is not None and row[0] is None:
        row = connection.execute(MADE).fetchone()
    return row is not None and row[0] is not None and row[0] >= STATISTICS_DAYS


def _is_one_read(statement: str) -> bool:
    """A second statement could end the transaction that keeps the first one harmless."""
    try:
        parsed = parse_sql(statement)
    except ParseError:
        return False
    return len(parsed) == 1 and isinstance(parsed[0].stmt, ast.SelectStmt)


READ_ONLY = "-c default_transaction_read_only=on -c statement_timeout=5000"
COUNTED_SINCE = """
SELECT extract(day FROM now() - stats_reset) FROM pg_stat_database
WHERE datname = current_database()
"""
MADE = """
SELECT extract(day FROM now() - (pg_stat_file(format('base/%s/PG_VERSION', oid))).modification)
FROM pg_database WHERE datname = current_database()
"""
SCANS = """
SELECT schemaname, relname, indexrelname, idx_scan FROM pg_stat_user_indexes
UNION ALL
SELECT schemaname, relname, '', coalesce(seq_scan, 0) + coalesce(idx_scan, 0)
FROM pg_stat_user_tables
"""
EXTENSIONS = "SELECT name FROM pg_available_extensions"
OWN_SCHEMA = "n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_toast'"

TABLES = f"""
SELECT c.oid, c.relname, n.nspname,
       greatest(c.reltuples, pg_stat_get_live_tuples(c.oid), 0)::bigint, pg_table_size(c.oid)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'm') AND {OWN_SCHEMA}
ORDER BY n.nspname, c.relname
"""

COLUMNS = f"""
SELECT c.oid, a.attname, format_type(a.atttypid, a.atttypmod), NOT a.attnotnull, s.n_distinct
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_stats s
  ON s.schemaname = n.nspname AND s.tablename = c.relname AND s.attname = a.attname
  AND s.inherited = (c.relkind = 'p')
WHERE c.relkind IN ('r', 'p', 'm') AND {OWN_SCHEMA}
ORDER BY c.oid, a.attnum
"""

INDEXES = f"""
SELECT i.indrelid,
       (SELECT array_agg(coalesce(a.attname::text, pg_get_indexdef(i.indexrelid, k::int, true))
                         ORDER BY k)
        FROM generate_series(1, i.indnkeyatts) k
        LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k - 1]),
       x.relname, i.indisunique, i.indisprimary, m.amname,
       coalesce(pg_get_expr(i.indpred, i.indrelid), ''), pg_get_indexdef(i.indexrelid),
       pg_relation_size(i.indexrelid),
       (SELECT array_agg(concat_ws(' ', pg_get_indexdef(i.indexrelid, k::int, true),
          i.indclass[k - 1], i.indcollation[k - 1], i.indoption[k - 1]) ORDER BY k)
        FROM generate_series(1, i.indnkeyatts) k),
       (SELECT coalesce(array_agg(a.attname::text ORDER BY k), '{{}}')
        FROM generate_series(i.indnkeyatts + 1, i.indnatts) k
        JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k - 1]),
       i.indisprimary OR i.indisexclusion OR i.indisreplident OR i.indisclustered
         OR x.relispartition
         OR EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid)
FROM pg_index i
JOIN pg_class x ON x.oid = i.indexrelid
JOIN pg_am m ON m.oid = x.relam
JOIN pg_namespace n ON n.oid = x.relnamespace
WHERE i.indisvalid AND {OWN_SCHEMA}
ORDER BY x.relname
"""
