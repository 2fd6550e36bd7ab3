"""From statements to advice: clone, plan, choose, try; the database itself is only read."""

import contextlib
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from random import Random

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from unslow.errors import UnslowError, UsageError
from unslow.lab.indexing import catalogue, existing, trying
from unslow.lab.indexing.advice import Advice, Advised, Existing, Left
from unslow.lab.indexing.candidates import Candidate, candidates, share_of
from unslow.lab.indexing.catalogue import Connection
from unslow.lab.indexing.choosing import Choice, Costs, Limits, choose
from unslow.lab.indexing.oracle import Hypothetical, Oracle, Real, has_hypopg
from unslow.lab.indexing.sources import from_statistics
from unslow.lab.indexing.wants import Want, quoted
from unslow.lab.indexing.workload import Executed, Workload, workload
from unslow.lab.prove._stand import Stand, standing
from unslow.lab.prove._traffic import Write
from unslow.lab.target import copied
from unslow.model import Change
from unslow.progress import Progress

CHOOSE_S = 15.0  # for the planner
MOST_BUILT = 80  # candidates that are really built, where no index can be hypothetical
BUILD_SHARE = 0.4  # of the time, for building those
MIN_AGREEING = 2  # executions with different values elsewhere, before one value counts as constant
MOST_CONSTANT_VALUES = 20  # distinct values of a column whose constant is worth a partial index
RARE = 0.5
READ_ONLY = "-c default_transaction_read_only=on -c statement_timeout=60000"


@dataclass(frozen=True)
class Options:
    """`bytes` is what the new indexes may take, None where it does not matter."""

    bytes: int | None = None
    budget_s: float = 300.0
    seed: int = 0


def advise(
    dsn: str, executed: Sequence[Executed] | None, options: Options, progress: Progress
) -> Advice:
    """Advise indexes for statements, in the database that `dsn` names; None: for those that its
    pg_stat_statements counted.

    That database is read, in read-only transactions; all else happens on a clone. Where it cannot
    be cloned, hypothetical indexes must do. Raises UsageError or UnslowError with the remedy.
    """
    started = time.monotonic()
    try:
        with _reading(dsn) as connection:
            if executed is None:
                executed = from_statistics(connection)
            known = catalogue.read(connection)
            asked = workload(executed, known, connection)
            progress.note(f"{len(asked.questions)} statements of {len(known.tables)} tables")
            old = (*existing.redundant(known), *existing.unused(known, connection, asked.used))
        if not asked.questions:
            return _nothing(asked, old, time.monotonic() - started)
        with ExitStack() as stack:
            run = _Run(asked, old, options, progress, started)
            try:
                clone = stack.enter_context(copied(dsn, os.environ, progress))
            except UsageError:
                raise
            except UnslowError as error:
                return run.planned(dsn, str(error))
            return run.tried(clone.dsn)
    except psycopg.Error as error:
        raise UnslowError(f"the database does not answer: {str(error).strip()}") from error


@contextlib.contextmanager
def _reading(dsn: str) -> Iterator[Connection]:
    try:
        given = conninfo_to_dict(dsn)
    except psycopg.ProgrammingError as error:
        raise UsageError(
            "the database is no connection string; write postgresql://user@host/name"
        ) from error
    own = f"{given.get('options') or ''} {READ_ONLY}".strip()
    with psycopg.connect(
        make_conninfo(dsn, options=own, application_name="unslow"), autocommit=True
    ) as connection:
        yield connection


@dataclass
class _Run:
    asked: Workload
    existing: tuple[Existing, ...]
    options: Options
    progress: Progress
    started: float

    def seconds_left(self) -> float:
        return self.options.budget_s - (time.monotonic() - self.started)

    def planned(self, dsn: str, refusal: str) -> Advice:
        """Advice by the planner alone, in a session of the database that writes nothing."""
        with _reading(dsn) as connection:
            if not has_hypopg(connection, install=False):
                raise UnslowError(
                    f"{refusal}\nWithout a clone, indexes can only be hypothetical, which takes "
                    "HypoPG: CREATE EXTENSION hypopg"
                )
            wanted = candidates_of(self.asked)
            oracle = Hypothetical(connection)
            choice = self._choose(oracle, wanted)
            return self._advice(oracle, choice, None, refusal.splitlines()[0])

    def tried(self, dsn: str) -> Advice:
        """Advice by the planner, then by execution, on the clone."""
        with psycopg.connect(dsn, autocommit=True) as connection:
            wanted = candidates_of(self.asked)
            if has_hypopg(connection, install=True):
                oracle: Oracle = Hypothetical(connection)
                choice = self._choose(oracle, wanted)
                union = [one.sql() for one in choice.config]
                with standing(dsn, union, max(self.seconds_left(), 1.0)) as stand:
                    tried = self._execute(stand, choice)
                return self._advice(oracle, choice, tried, "")
        build_s = self.options.budget_s * BUILD_SHARE
        built = wanted[:MOST_BUILT]
        self.progress.stage("build candidates", len(built))
        with standing(dsn, [one.sql() for one in built], build_s) as stand:
            oracle = Real(stand, built)
            choice = self._choose(oracle, built)
            return self._advice(oracle, choice, self._execute(stand, choice), "")

    def _choose(self, oracle: Oracle, wanted: Sequence[Candidate]) -> Choice:
        self.progress.stage("plan")
        end = time.monotonic() + min(CHOOSE_S, max(self.seconds_left(), 1.0))
        limits = Limits(self.options.bytes, lambda: end - time.monotonic())
        written = partial(_written, self.asked.writes)
        return choose(oracle, self.asked.questions, wanted, written, limits)

    def _execute(self, stand: Stand, choice: Choice) -> trying.Tried:
        self.progress.stage("try by execution")
        return trying.execute(
            stand,
            sorted(choice.config, key=lambda one: one.sql()),
            self.asked,
            random=Random(self.options.seed),
            seconds_left=self.seconds_left,
            most_bytes=self.options.bytes,
        )

    def _advice(
        self,
        oracle: Oracle,
        choice: Choice,
        tried: trying.Tried | None,
        refusal: str,
    ) -> Advice:
        kept = {one.candidate: one for one in tried.kept} if tried else {}
        config = frozenset(kept) if tried else choice.config
        limits = Limits(None, lambda: 1.0, calls=10**9)
        costs = Costs(oracle, self.asked.questions, lambda _: 0.0, limits)
        indexes = []
        for one in config:
            cost = Change(round(costs.total(config - {one}), 2), round(costs.total(config), 2))
            found = kept.get(one)
            indexes.append(
                Advised(
                    one.sql(concurrently=True),
                    one.table,
                    found.built.bytes if found else oracle.bytes_of(one),
                    cost,
                    found.ms if found else None,
                    found.statements if found else _helped(costs, config, one),
                    found.writes if found else None,
                    found.evidence if found else 0.0,
                )
            )
        indexes.sort(key=lambda one: one.cost.after - one.cost.before)
        rejected = tried.rejected if tried else {}
        return Advice(
            statements=len({one.read.shape for one in self.asked.questions}),
            executions=sum(one.weight for one in self.asked.questions),
            oracle=oracle.name,
            planner_calls=choice.calls,
            seconds=round(choice.seconds, 2),
            cost=Change(round(choice.before, 2), round(costs.total(config), 2)),
            bytes=sum(one.bytes for one in indexes),
            indexes=tuple(indexes),
            rejected=tuple(Left(one.sql(), why) for one, why in rejected.items()),
            existing=self.existing,
            left_out=_left_out(self.asked),
            flip=tried.flip if tried else None,
            hypothetical=refusal,
            is_complete=choice.is_complete,
        )


def _helped(costs: Costs, config: frozenset[Candidate], one: Candidate) -> tuple[str, ...]:
    """The shapes that cost more without the index, those that lose most first."""
    lost = {
        question.read.shape: question.weight
        * (costs.plan(question, config - {one})[0] - costs.plan(question, config)[0])
        for question in costs.questions
        if one.table in question.tables
    }
    return tuple(sorted((name for name in lost if lost[name] > 0), key=lambda name: -lost[name]))


def _nothing(asked: Workload, old: tuple[Existing, ...], seconds: float) -> Advice:
    return Advice(
        0, 0.0, "", 0, round(seconds, 2), Change(0.0, 0.0), 0, (), (), old, _left_out(asked)
    )


def _left_out(asked: Workload) -> tuple[Left, ...]:
    return tuple(Left(what, why) for what, why in asked.left_out.items())


def candidates_of(asked: Workload) -> list[Candidate]:
    """The candidates of all statements."""
    wants = [want for one in asked.questions for want in one.asked.wants]
    return candidates(wants, _constants(asked))


def _constants(asked: Workload) -> list[tuple[Want, str]]:
    """Conditions whose value no execution of a shape varies, on columns that tell states apart."""
    by_shape: dict[str, list[list[Want]]] = {}
    for one in asked.questions:
        by_shape.setdefault(one.read.shape, []).append(one.asked.wants)
    found = []
    for variants in by_shape.values():
        if len(variants) < MIN_AGREEING:
            continue
        for wants in zip(*variants, strict=False):
            for name, value in wants[0].equal.items():
                same = all(want.equal.get(name) == value for want in wants)
                if same and value and _is_rare_state(wants[0], name, value):
                    text = f"{quoted(name)} = {value}"
                    found += [(want, text) for want in wants]
    return found


def _is_rare_state(want: Want, name: str, value: str) -> bool:
    column = want.table.columns[name]
    is_state = 0 < column.distinct <= MOST_CONSTANT_VALUES
    return is_state and share_of(column, value.strip("'")) <= RARE


def _written(writes: Sequence[Write], one: Candidate) -> float:
    """Entries that a round of traffic writes to an index, by the observed writes of its table."""
    held = {*one.columns, *one.included}
    return sum(
        write.rows
        for write in writes
        if write.table == one.relation
        and (write.kind == "insert" or not held.isdisjoint(write.columns))
    )
