"""What an index charges the writes of its table: time, WAL and HOT updates, with and without it.

Rows of the table itself are inserted again under fresh keys, and updated as the observed traffic
does, in transactions that are rolled back; the index is dropped inside of every other one.
"""

import contextlib
import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from statistics import median
from typing import Any

import psycopg
from pglast import ast
from pglast.stream import RawStream

from unslow.lab.prove import _write_rows as rows
from unslow.lab.prove._stand import (
    Alternative,
    Built,
    Connection,
    Stand,
    first_line,
    in_state,
    raise_if_ended,
)
from unslow.lab.prove._traffic import Write, parsed
from unslow.lab.prove._write_rows import Table, Unwritable
from unslow.lab.prove.evidence import interval
from unslow.model import Change, Interval, WriteEffect, Writes

MOST_BLOCKS = 12
FEWEST_PAIRS = 3  # below it an interval says nothing
MOST_UPDATES = 2  # sets of columns that are tried, the most frequent first


@dataclass(frozen=True)
class Wrote:
    """One measured statement, per row."""

    microseconds: float
    wal_bytes: float
    hot: float


@dataclass
class _Trial:
    """One kind of write, with and without the index, a run per block."""

    kind: str
    statement: str
    first: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    observed: float = 0.0
    without: list[Wrote] = field(default_factory=list)
    with_index: list[Wrote] = field(default_factory=list)


def charge(
    stand: Stand,
    built: Built,
    observed: Sequence[Write],
    *,
    random: Random,
    seconds_left: Callable[[], float],
    most_blocks: int = MOST_BLOCKS,
) -> Writes:
    """Measure what `built`, of the stand's union, charges its table.

    `observed` are the writes of the traffic to that table. The rows of the table stay as they are,
    though not where they are: some are moved first, so that its pages have the room that a table
    under updates has. What cannot be tried is named.
    """
    connection = stand.connection
    alone = Alternative("with", stand.without(built))
    bare = Alternative("without", stand.without())
    trials: list[_Trial] = []
    unmeasured: list[str] = []
    try:
        table = rows.prepare(stand, built.table, random)
        trials = list(_trials(connection, table, built, observed, bare, unmeasured))
        for _ in range(most_blocks):
            started = time.monotonic()
            _block(connection, table, trials, (bare, alone), random, unmeasured)
            if not trials or time.monotonic() - started > seconds_left():
                break
    except Unwritable as error:
        unmeasured.append(str(error))
    except psycopg.Error as error:
        raise_if_ended(connection, error)
        unmeasured.append(first_line(error))
    effects = tuple(_effect(trial) for trial in trials if trial.with_index and trial.without)
    return Writes(
        index=built.name,
        table=built.table,
        index_bytes=built.bytes,
        build_seconds=built.seconds,
        effects=effects,
        unmeasured=tuple(dict.fromkeys(unmeasured)),
        ms_per_round=round(sum(map(cost_ms, effects)), 4),
    )


def outweighs(writes: Sequence[Writes], saved_ms: float) -> bool:
    """Whether the writes of a round of traffic surely cost something, and more than its reads
    save."""
    return sum(one.ms_per_round for one in writes) > max(saved_ms, 0.0)


def cost_ms(effect: WriteEffect) -> float:
    """What the observed writes of a round cost more; nothing while they may cost the same."""
    if effect.slowdown is None or effect.slowdown.low <= 1:
        return 0.0
    return effect.observed * (effect.microseconds.after - effect.microseconds.before) / 1e3


def _trials(
    connection: Connection,
    table: Table,
    built: Built,
    observed: Sequence[Write],
    bare: Alternative,
    unmeasured: list[str],
) -> Iterator[_Trial]:
    """The writes that can be tried: a first run of each tells."""
    inserted = sum(one.rows for one in observed if one.kind == "insert")
    reason = "no row could be inserted"
    for attempt in filter(None, (rows.insertion(table), rows.reinsertion(table))):
        trial = _Trial("insert", attempt.statement, attempt.first, observed=inserted)
        reason = _tried(connection, table, trial, bare)
        if not reason:
            yield trial
            break
    if reason:
        unmeasured.append(f"INSERT: {reason}")
    for columns, updated in _update_sets(connection, table, built, observed):
        try:
            change = rows.update(connection, table, columns)
        except psycopg.Error as error:
            raise_if_ended(connection, error)
            unmeasured.append(f"UPDATE of {', '.join(columns)}: {first_line(error)}")
            continue
        trial = _Trial("update", change.statement, change.first, columns, updated)
        reason = _tried(connection, table, trial, bare)
        if reason:
            unmeasured.append(f"UPDATE of {', '.join(columns)}: {reason}")
        else:
            yield trial


def _update_sets(
    connection: Connection, table: Table, built: Built, observed: Sequence[Write]
) -> list[tuple[tuple[str, ...], float]]:
    """The columns that observed UPDATEs change, with the rows of a round; else the index's own."""
    sets: defaultdict[tuple[str, ...], float] = defaultdict(float)
    for write in observed:
        if write.kind == "update":
            columns = _changed(connection, write) or write.columns
            known = tuple(sorted(set(columns) & table.writable))
            if known:
                sets[known] += write.rows
    if not sets:
        indexed = set(rows.columns_of_index(connection, built.name)) - set(table.key)
        own = tuple(sorted(indexed & table.writable))
        return [(own, 0.0)] if own else []
    ranked = sorted(sets.items(), key=lambda one: -one[1])
    return ranked[:MOST_UPDATES]


def _changed(connection: Connection, write: Write) -> tuple[str, ...]:
    """The columns to which the examples give another value than the rows have: an ORM often sets
    all of them. () when the rows are not there any more."""
    found: set[str] = set()
    for example in write.examples:
        question = _as_question(example)
        if question is None:
            continue
        with contextlib.suppress(psycopg.Error), connection.transaction(force_rollback=True):
            connection.execute("SET TRANSACTION READ ONLY")
            row = connection.execute(question.encode()).fetchone() or ()
            found |= {name for name, differs in zip(write.columns, row, strict=True) if differs}
    return tuple(name for name in write.columns if name in found)


def _as_question(update: str) -> str | None:
    """`SELECT bool_or(column IS DISTINCT FROM its new value), ... WHERE ...` of an UPDATE."""
    statement = parsed(update)
    if not isinstance(statement, ast.UpdateStmt) or statement.withClause:
        return None
    relation = statement.relation
    assert relation is not None
    name = RawStream()(relation)
    alias = _quoted(str(relation.alias.aliasname if relation.alias else relation.relname))
    tests = []
    for target in statement.targetList or ():
        if isinstance(target.val, (ast.SetToDefault, ast.MultiAssignRef)):
            return None
        value = RawStream()(target.val)
        tests.append(f"bool_or({alias}.{_quoted(str(target.name))} IS DISTINCT FROM ({value}))")
    others = "".join(f", {RawStream()(one)}" for one in statement.fromClause or ())
    where = f" WHERE {RawStream()(statement.whereClause)}" if statement.whereClause else ""
    return f"SELECT {', '.join(tests)} FROM {name}{others}{where}"


def _block(
    connection: Connection,
    table: Table,
    trials: list[_Trial],
    both: Sequence[Alternative],
    random: Random,
    unmeasured: list[str],
) -> None:
    cells = [(trial, one) for trial in trials for one in both]
    for trial, alternative in random.sample(cells, len(cells)):
        if trial not in trials:
            continue
        try:
            wrote = _run(connection, table, trial, alternative)
        except psycopg.Error as error:
            raise_if_ended(connection, error)
            unmeasured.append(f"{trial.kind.upper()}: {first_line(error)}")
            trials.remove(trial)
        else:
            (trial.without if alternative is both[0] else trial.with_index).append(wrote)


def _tried(connection: Connection, table: Table, trial: _Trial, bare: Alternative) -> str:
    """Why the write cannot be measured; empty when it can."""
    try:
        _run(connection, table, trial, bare)
    except psycopg.Error as error:
        raise_if_ended(connection, error)
        return first_line(error)
    except Unwritable as error:
        return str(error)
    return ""


def _run(connection: Connection, table: Table, trial: _Trial, alternative: Alternative) -> Wrote:
    rows.tidy(connection, table)  # or what was rolled back before fills the pages
    with in_state(connection, alternative, writes=True):
        for statement in (*rows.PLANNING, *trial.first):
            connection.execute(statement.encode())
        before = _counted(connection, table)
        explained = _explained(connection, trial.statement)
        after = _counted(connection, table)
    inserted, updated, hot = (b - a for a, b in zip(before, after, strict=True))
    count = updated if trial.kind == "update" else inserted
    if not count:
        raise Unwritable("no row could be written")
    return Wrote(
        float(explained["Execution Time"]) * 1e3 / count,
        int(explained["Plan"].get("WAL Bytes", 0)) / count,
        hot / count,
    )


def _explained(connection: Connection, statement: str) -> dict[str, Any]:
    wrapped = f"EXPLAIN (ANALYZE, WAL, TIMING OFF, FORMAT JSON) {statement}".encode()
    row = connection.execute(wrapped).fetchone()
    assert row is not None
    found: dict[str, Any] = row[0][0]
    return found


def _counted(connection: Connection, table: Table) -> tuple[int, int, int]:
    """Rows that this transaction has inserted, updated, and updated without telling an index."""
    row = connection.execute(COUNTED, [table.oid]).fetchone()
    assert row is not None
    return row[0], row[1], row[2]


COUNTED = """
SELECT pg_stat_get_xact_tuples_inserted(oid), pg_stat_get_xact_tuples_updated(oid),
       pg_stat_get_xact_tuples_hot_updated(oid)
FROM pg_class WHERE oid = %s
"""


def _effect(trial: _Trial) -> WriteEffect:
    pairs = list(zip(trial.without, trial.with_index, strict=False))
    ratios = [math.log(new.microseconds / old.microseconds) for old, new in pairs]
    return WriteEffect(
        kind="insert" if trial.kind == "insert" else "update",
        microseconds=_change(trial, "microseconds"),
        wal_bytes=_change(trial, "wal_bytes"),
        slowdown=_slowdown(ratios),
        hot=_change(trial, "hot") if trial.kind == "update" else None,
        columns=trial.columns,
        observed=round(trial.observed, 3),
    )


def _slowdown(ratios: Sequence[float]) -> Interval | None:
    if len(ratios) < FEWEST_PAIRS:
        return None
    found = interval(ratios)
    return Interval(
        *(round(math.exp(min(x, 50.0)), 4) for x in (found.mean, found.low, found.high))
    )


def _change(trial: _Trial, name: str) -> Change:
    return Change(_median(trial.without, name), _median(trial.with_index, name))


def _median(runs: Sequence[Wrote], name: str) -> float:
    return round(float(median([getattr(one, name) for one in runs])), 3)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
