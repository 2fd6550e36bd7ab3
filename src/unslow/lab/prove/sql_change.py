"""Tries a change of SQL statement by statement: what its reads gain, what its writes pay."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import msgspec
import psycopg
from pglast import ast

from unslow.errors import UnslowError
from unslow.lab.prove import flip
from unslow.lab.prove._stand import Alternative, Stand, standing
from unslow.lab.prove._traffic import Traffic, parsed
from unslow.lab.prove.session import deadline
from unslow.lab.prove.writes import charge
from unslow.lab.target import Database
from unslow.model import Flip, Patch, Verdict, Writes
from unslow.progress import Progress

Settings = tuple[tuple[str, str], ...]

DDL = (
    ast.DropStmt,
    ast.AlterTableStmt,
    ast.VacuumStmt,
)  # settings come apart: a DO block sets them for later
FLIP_SHARE = 0.6  # of the seconds; the rest is for the writes


def examine(
    databases: Sequence[Database],
    patch: Patch,
    settings: Settings,
    traffic: Traffic,
    *,
    budget_s: float,
    progress: Progress,
    random: Random,
) -> tuple[Flip | None, tuple[Writes, ...]]:
    """The reads of the traffic with and without the indexes and `settings` of the patch, on the
    first private clone that takes all of it, and what each new index charges.

    (None, ()) when no clone does, or no observed read concerns them. Raises `UnslowError` when a
    clone breaks.
    """
    union = [line for line in patch.sql if isinstance(parsed(line), ast.IndexStmt)]
    progress.stage("flip", 1)
    for database in databases:
        if database.engine != "postgresql":
            continue
        try:
            with standing(database.dsn, union) as stand:
                run = _Run(stand, patch, settings, traffic, random, budget_s)
                if found := run.flipped():
                    progress.step("its writes", 1)
                    return found, run.charged()
        except psycopg.Error as error:
            raise UnslowError(f"flipping on {database.name} broke off: {error}") from error
    return None, ()


@dataclass
class _Run:
    stand: Stand
    patch: Patch
    settings: Settings
    traffic: Traffic
    random: Random
    budget_s: float

    def flipped(self) -> Flip | None:
        """None where this database refuses a part of the change, or nothing reads its tables."""
        ddl = tuple(line for line in self.patch.sql if isinstance(parsed(line), DDL))
        after = Alternative("after", ddl, self.settings)
        reads = self.traffic.reads_on(None if self.settings else self._relations())
        if self.stand.refused or not reads:
            return None
        found = flip.measure(
            self.stand.connection,
            Alternative("before", self.stand.without()),
            {after: reads},
            random=self.random,
            seconds_left=deadline(self.budget_s * FLIP_SHARE),
        )
        return None if found.refused or not found.statements(after) else found.flip(after)

    def charged(self) -> tuple[Writes, ...]:
        seconds_left = deadline(self.budget_s * (1 - FLIP_SHARE))
        return tuple(
            charge(
                self.stand,
                one,
                self.traffic.writes_of(one.relation),
                random=self.random,
                seconds_left=seconds_left,
            )
            for one in self.stand.built.values()
        )

    def _relations(self) -> frozenset[str]:
        """The tables that the statements concern."""
        found = {one.relation for one in self.stand.built.values()}
        for line in self.patch.sql:
            statement = parsed(line)
            if isinstance(statement, ast.AlterTableStmt) and statement.relation is not None:
                found.add(str(statement.relation.relname))
            if isinstance(statement, ast.DropStmt):
                names = [".".join(_quoted(part) for part in one) for one in statement.objects or ()]
                rows = self.stand.connection.execute(INDEXED, [names]).fetchall()
                found |= {name for (name,) in rows}
        return frozenset(found)


INDEXED = """
SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
WHERE i.indexrelid IN (SELECT to_regclass(name) FROM unnest(%s::text[]) AS name)
"""


def _quoted(part: ast.String) -> str:
    return '"' + str(part.sval).replace('"', '""') + '"'


def backed(verdict: Verdict, evidence: tuple[Flip | None, tuple[Writes, ...]]) -> Verdict:
    """The verdict with what was found."""
    return msgspec.structs.replace(verdict, flip=evidence[0], writes=evidence[1])
