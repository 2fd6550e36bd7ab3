"""Flips indexes and settings inside rolled-back transactions, so that any subset is timed at once.

All candidate indexes are built once on a private clone. A transaction then drops those that an
alternative lacks, sets what it sets, runs a statement and is rolled back.
"""

import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from statistics import median
from typing import Any

import psycopg

from unslow.lab import plans
from unslow.lab.prove._stand import Alternative, Connection, first_line, in_state, raise_if_ended
from unslow.lab.prove.evidence import e_bh, fewest_pairs
from unslow.lab.prove.judge import Judgement, Measured, judge, speedup
from unslow.model import Change, Flip, FlippedStatement, PlanNode

MOST_BLOCKS = 20
REPEATS = 3  # executions per block, of which the median counts
QUICK_MS = 5.0  # a slower statement is executed once per block, after one for the caches
SLOW_MS = 100.0  # a still slower one is not warmed either: it warms itself
LEAST_MS = 1e-3


@dataclass(frozen=True)
class Statement:
    """One read of `relations` with its values in place. A round of traffic runs it `executions`
    times."""

    key: str
    sql: str
    shape: str = ""
    executions: float = 1.0
    relations: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Run:
    """One execution: milliseconds in the executor, and exact counters of the whole plan."""

    ms: float
    blocks: int
    rows_removed: int


@dataclass
class Flipped:
    """What every alternative's statements took, a run per block. `before` is what others are
    compared with; `reads` says which statements an alternative is for."""

    before: Alternative
    reads: Mapping[Alternative, Sequence[Statement]]
    runs: dict[tuple[str, str], list[Run]] = field(default_factory=dict)
    plans: dict[tuple[str, str], str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)
    standing: frozenset[str] = frozenset()

    def statements(self, one: Alternative) -> list[Statement]:
        """The statements of an alternative that could be run."""
        return [read for read in self.reads[one] if read.key not in self.unread]

    def same_plan(self, one: Alternative, read: Statement) -> bool:
        """Whether an index changes nothing; a setting may act without changing the plan."""
        if one.settings or self.before.settings:
            return False
        return self.plans[one.name, read.key] == self.plans[self.before.name, read.key]

    def changes_plans(self, one: Alternative) -> bool:
        return any(not self.same_plan(one, read) for read in self.statements(one))

    def values(
        self, one: Alternative, other: Alternative | None = None, reads: Sequence[Statement] = ()
    ) -> tuple[float, ...]:
        """log(one/other) of the time of all the statements together, a number per block."""
        other = other or self.before
        wanted = reads or self.statements(one)
        blocks = min(
            (len(self._series(side, read)) for side in (one, other) for read in wanted), default=0
        )
        return tuple(
            math.log(
                max(self._block_ms(one, wanted, number), LEAST_MS)
                / max(self._block_ms(other, wanted, number), LEAST_MS)
            )
            for number in range(blocks)
        )

    def measured(self, one: Alternative) -> Measured:
        return Measured(self.values(one), {})

    def judgement(self, one: Alternative) -> Judgement:
        """What the blocks so far say; exact where the planner does not use the candidate."""
        if one.name in self.refused:
            return Judgement("failed", self.refused[one.name])
        if not self.statements(one):
            return Judgement(None, "none of its statements could be run")
        if not self.changes_plans(one):
            return Judgement("no-gain", "the planner uses it for none of the observed statements")
        return judge(self.measured(one), stands=one.name in self.standing)

    def saved_ms(self, one: Alternative) -> float:
        """Milliseconds of a round of traffic that the candidate spares."""
        found = self.flip(one).ms
        return found.before - found.after

    def flip(self, one: Alternative) -> Flip:
        """The numbers for the report."""
        measured = self.measured(one)
        rows = tuple(self._statement(one, read) for read in self.statements(one))
        weights = [read.executions for read in self.statements(one)]
        ms = Change(
            round(sum(w * row.ms.before for w, row in zip(weights, rows, strict=True)), 4),
            round(sum(w * row.ms.after for w, row in zip(weights, rows, strict=True)), 4),
        )
        evidence = round(min(measured.evidence, 1e12), 3)
        return Flip(rows, ms, speedup(measured.values), evidence, len(measured.values))

    def settle(self) -> list[Alternative]:
        """The alternatives that are still open; all claims stand or fall together (e-BH)."""
        timed = [one for one in self.reads if self.is_timed(one)]
        evidence = {one.name: self.measured(one).evidence for one in timed}
        self.standing = e_bh(evidence) if evidence else frozenset()
        return [one for one in timed if self.judgement(one).kind is None]

    def is_timed(self, one: Alternative) -> bool:
        """Whether a clock is needed: exact facts do not settle it."""
        if one.name in self.refused or not self.statements(one):
            return False
        return self.changes_plans(one)

    def _series(self, one: Alternative, read: Statement) -> list[Run]:
        own = self.runs.get((one.name, read.key))
        if own is None and (one.name, read.key) in self.plans and self.same_plan(one, read):
            own = self.runs.get((self.before.name, read.key))
        return own or []

    def _block_ms(self, one: Alternative, reads: Sequence[Statement], number: int) -> float:
        return sum(read.executions * self._series(one, read)[number].ms for read in reads)

    def _statement(self, one: Alternative, read: Statement) -> FlippedStatement:
        old, new = self._series(self.before, read), self._series(one, read)
        return FlippedStatement(
            shape=read.shape or read.sql,
            ms=Change(_median(old, "ms"), _median(new, "ms")),
            blocks=Change(_median(old, "blocks"), _median(new, "blocks")),
            rows_removed=Change(_median(old, "rows_removed"), _median(new, "rows_removed")),
            speedup=speedup(self.values(one, reads=[read])),
            same_plan=self.same_plan(one, read),
        )


def measure(
    connection: Connection,
    before: Alternative,
    reads: Mapping[Alternative, Sequence[Statement]],
    *,
    random: Random,
    seconds_left: Callable[[], float],
    most_blocks: int = MOST_BLOCKS,
) -> Flipped:
    """Time each alternative against `before` on its statements, block by block in random order,
    until every one is settled, `most_blocks` are done or the time ends.

    Whatever the statements are, nothing is written: their transactions are read-only.
    """
    found = Flipped(before, reads)
    _explain_all(connection, found, seconds_left)
    cells = _cells(found, list(found.reads))
    for number in range(most_blocks):
        started = time.monotonic()
        for alternative, read in random.sample(cells, len(cells)):
            if seconds_left() <= 0:
                break
            _run_cell(connection, found, alternative, read)
        open_ = found.settle()
        if number + 1 >= fewest_pairs():
            cells = _cells(found, open_)
        if not cells or time.monotonic() - started > seconds_left():
            break
    return found


def plan_of(connection: Connection, alternative: Alternative, read: str) -> str:
    """The plan without its estimates, as text. Raises `psycopg.Error`."""
    with in_state(connection, alternative):
        return json.dumps(_explained(connection, "EXPLAIN (COSTS OFF, FORMAT JSON)", read)["Plan"])


def run(connection: Connection, alternative: Alternative, read: str) -> Run:
    """Execute a read under an alternative, once for the caches and then to be measured. Raises
    `psycopg.Error`."""
    with in_state(connection, alternative):
        runs = [_executed(connection, read)]
        if runs[0].ms <= SLOW_MS:
            times = REPEATS if runs[0].ms <= QUICK_MS else 1
            runs = [_executed(connection, read) for _ in range(times)]
    return sorted(runs, key=lambda one: one.ms)[len(runs) // 2]


def _executed(connection: Connection, read: str) -> Run:
    found = _explained(connection, "EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON)", read)
    root = plans.node(found["Plan"])
    return Run(float(found["Execution Time"]), root.buffers, _removed(root))


def _explained(connection: Connection, explain: str, read: str) -> dict[str, Any]:
    row = connection.execute(f"{explain} {read}".encode()).fetchone()
    assert row is not None
    parsed = json.loads(row[0]) if isinstance(row[0], str) else row[0]
    found: dict[str, Any] = parsed[0]
    return found


def _removed(node: PlanNode) -> int:
    return node.rows_removed + sum(map(_removed, node.children))


def _explain_all(connection: Connection, found: Flipped, seconds_left: Callable[[], float]) -> None:
    """Plans first: they are cheap, and an index that changes none of them needs no clock."""
    everything = {read.key: read for reads in found.reads.values() for read in reads}
    for alternative, reads in ((found.before, everything.values()), *found.reads.items()):
        if not _is_accepted(connection, found, alternative):
            continue
        for read in reads:
            if seconds_left() <= 0:
                found.unread.setdefault(read.key, "the time was over")
            elif read.key not in found.unread:
                _explain_one(connection, found, alternative, read)


def _is_accepted(connection: Connection, found: Flipped, alternative: Alternative) -> bool:
    try:
        with in_state(connection, alternative):
            return True
    except psycopg.Error as error:
        raise_if_ended(connection, error)
        found.refused[alternative.name] = first_line(error)
        return False


def _explain_one(
    connection: Connection, found: Flipped, alternative: Alternative, read: Statement
) -> None:
    try:
        found.plans[alternative.name, read.key] = plan_of(connection, alternative, read.sql)
    except psycopg.Error as error:
        raise_if_ended(connection, error)
        found.unread[read.key] = first_line(error)


def _cells(
    found: Flipped, alternatives: Sequence[Alternative]
) -> list[tuple[Alternative, Statement]]:
    """What a block times: each open alternative's statements, and the same ones before it."""
    chosen = [one for one in alternatives if found.is_timed(one)]
    own = [
        (one, read)
        for one in chosen
        for read in found.statements(one)
        if not found.same_plan(one, read)
    ]
    compared = {read.key: read for one in chosen for read in found.statements(one)}
    return [*own, *((found.before, read) for read in compared.values())]


def _run_cell(
    connection: Connection, found: Flipped, alternative: Alternative, read: Statement
) -> None:
    if read.key in found.unread:
        return
    try:
        done = run(connection, alternative, read.sql)
    except psycopg.Error as error:
        raise_if_ended(connection, error)
        found.unread[read.key] = first_line(error)
    else:
        found.runs.setdefault((alternative.name, read.key), []).append(done)


def _median(runs: Sequence[Run], name: str) -> float:
    return round(float(median([getattr(one, name) for one in runs])), 4) if runs else 0.0
