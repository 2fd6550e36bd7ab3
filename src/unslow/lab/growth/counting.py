"""What an endpoint takes at one size of its data, counted per call and per statement."""

import json
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import psycopg
from pglast import ast, parse_sql
from pglast.parser import ParseError

from unslow.lab import plans
from unslow.lab._observation import call_number
from unslow.lab.target import Database
from unslow.model import PlanNode, Query, Request, Trace
from unslow.observe._placeholders import filled

MAX_SECONDS = 30.0  # for the plans of one size
SMALL_TABLE_ROWS = 1000
EXPLAINING = (
    "SET TRANSACTION READ ONLY",
    "SET LOCAL statement_timeout = '20s'",
    "SET LOCAL max_parallel_workers_per_gather = 0",
    "SET LOCAL jit = off",
)

Statement = tuple[str, str]  # endpoint and fingerprint


@dataclass(frozen=True)
class Reading:
    """What one execution of a statement reads."""

    rows: int
    blocks: int


@dataclass(frozen=True)
class Size:
    """One size: the requests of each endpoint by the number of their call, and what is read."""

    calls: Mapping[str, Mapping[int, Request]]
    readings: Mapping[Statement, Reading]
    is_read: bool  # whether the database tells what it reads


def count(trace: Trace, databases: Sequence[Database]) -> Size:
    """Each call at its least, since a first run fills caches; statements by their plans."""
    calls: defaultdict[str, dict[int, Request]] = defaultdict(dict)
    for request in trace.requests:
        if request.status >= 400:
            continue
        known = calls[request.endpoint].get(call_number(request))
        if known is None or (
            request.method in ("GET", "HEAD") and len(request.queries) < len(known.queries)
        ):
            calls[request.endpoint][call_number(request)] = request
    servers = [one for one in databases if one.engine == "postgresql"]
    return Size(calls, _readings(trace, servers), bool(servers))


def _readings(trace: Trace, databases: Sequence[Database]) -> dict[Statement, Reading]:
    """By endpoint and statement, what its slowest execution reads when it runs again."""
    wanted = _slowest(trace)
    found: dict[Statement, Reading] = {}
    until = time.monotonic() + MAX_SECONDS
    for database in databases:
        with psycopg.connect(database.dsn, autocommit=True) as connection:
            for place, query in wanted.items():
                if place in found or time.monotonic() > until:
                    continue
                statement = filled(query.sql, query.parameters)
                if statement is None or not _is_one_read(statement):
                    continue
                with suppress(psycopg.Error):  # a lock, a write, another database's table
                    found[place] = _reading(connection, statement)
    return found


def _reading(connection: psycopg.Connection, statement: str) -> Reading:
    """What the statement reads, and what it would read if its tables were not small.

    PostgreSQL reads a table of a few pages from end to end, with or without an index. What counts
    here is what it does when the table has grown.
    """
    root = _executed(connection, statement)
    if not _has_small_scan(root):
        return Reading(rows_read(root), root.buffers)
    other = _executed(connection, statement, "SET LOCAL enable_seqscan = off")
    best = min(root, other, key=rows_read)
    return Reading(rows_read(best), best.buffers)


def _executed(connection: psycopg.Connection, statement: str, setting: str = "") -> PlanNode:
    with connection.transaction(force_rollback=True):
        for one in (*EXPLAINING, setting):
            if one:
                connection.execute(one.encode())
        row = connection.execute(
            f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}".encode()
        ).fetchone()
    found = row[0] if row else []
    parsed = json.loads(found) if isinstance(found, str) else found
    return plans.node(parsed[0]["Plan"])


def _has_small_scan(plan: PlanNode) -> bool:
    read = (plan.rows + plan.rows_removed) / max(1, plan.loops)
    is_small = plan.node == "Seq Scan" and 1 < read < SMALL_TABLE_ROWS
    return is_small or any(map(_has_small_scan, plan.children))


def _slowest(trace: Trace) -> dict[Statement, Query]:
    """The statements, those that take most time in all first."""
    slowest: dict[Statement, Query] = {}
    spent: defaultdict[Statement, float] = defaultdict(float)
    for request in trace.requests:
        for query in request.queries:
            place = request.endpoint, query.fingerprint
            if query.kind != "select":
                continue
            spent[place] += query.duration_ms
            if place not in slowest or query.duration_ms > slowest[place].duration_ms:
                slowest[place] = query
    return {place: slowest[place] for place in sorted(spent, key=lambda one: -spent[one])}


def rows_read(plan: PlanNode) -> int:
    """The rows of tables and indexes that a plan's scans looked at, kept or not."""
    own = plan.rows + plan.rows_removed if plan.table else 0
    return own + sum(map(rows_read, plan.children))


def _is_one_read(statement: str) -> bool:
    try:
        parsed = parse_sql(statement)
    except ParseError:
        return False
    return len(parsed) == 1 and isinstance(parsed[0].stmt, ast.SelectStmt)
