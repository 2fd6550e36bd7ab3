"""Flips all index candidates before any launch, so that only those that gain are launched."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random

import msgspec
import psycopg
from pglast import ast

from unslow.errors import UnslowError
from unslow.lab.prove import flip as flipping
from unslow.lab.prove._candidate import Candidate, rivals
from unslow.lab.prove._stand import Alternative, Built, Stand, standing
from unslow.lab.prove._traffic import Traffic, parsed
from unslow.lab.prove.bundle import indexed_tables
from unslow.lab.prove.bystanders import unharmed
from unslow.lab.prove.flip import Flipped, Statement
from unslow.lab.prove.judge import LEAST_GAIN
from unslow.lab.prove.session import Clock, deadline
from unslow.lab.prove.writes import charge, outweighs
from unslow.lab.target import Database
from unslow.model import Flip, Patch, Verdict, Writes
from unslow.progress import Progress

BUILD_SHARE = 0.4  # of the sieve's seconds; an index that is not built by then is launched
FLIP_SHARE = 0.6  # of the sieve's seconds; the rest is for what the writes pay


@dataclass(frozen=True)
class Sieved:
    """The candidates that go on, the verdicts of those that do not, and what backs both."""

    passed: tuple[Candidate, ...]
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    flips: dict[str, Flip] = field(default_factory=dict)
    writes: dict[str, tuple[Writes, ...]] = field(default_factory=dict)
    unharmed: dict[str, frozenset[str]] = field(default_factory=dict)

    def backed(self, verdicts: Mapping[str, Verdict]) -> dict[str, Verdict]:
        """The verdicts with the numbers of the flips and the writes."""
        return {
            key: msgspec.structs.replace(
                one, flip=self.flips.get(key), writes=self.writes.get(key, ())
            )
            for key, one in verdicts.items()
        }


def sieve(
    databases: Sequence[Database],
    candidates: Sequence[Candidate],
    traffic: Traffic,
    *,
    budget_s: float,
    progress: Progress,
    random: Random,
) -> Sieved:
    """Flip the index candidates on private clones, for the reads of their endpoints.

    One whose reads do not gain gets its verdict here; of rivals the best goes on, unless real
    traffic writes so much that it does not pay. Everything else, and what cannot be flipped, goes
    on. The clones keep their rows and lose the indexes. Raises `UnslowError` when one breaks.
    """
    wanted = {one.key: one for one in candidates if is_index(one.patch)}
    if not wanted:
        return Sieved(tuple(candidates))
    progress.stage("flip indexes", len(wanted))
    seconds_left = deadline(budget_s)
    found = Sieved(())
    for database in databases:
        union = [line for one in wanted.values() for line in one.patch.sql]
        if database.engine != "postgresql" or not union:
            continue
        try:
            with standing(database.dsn, union, budget_s * BUILD_SHARE) as stand:
                run = _Run(stand, traffic, progress, random, seconds_left, budget_s, found)
                for key in run.all(tuple(wanted.values())):
                    del wanted[key]
        except psycopg.Error as error:
            raise UnslowError(f"flipping indexes on {database.name} broke off: {error}") from error
    passed = tuple(
        replace(one, unharmed=found.unharmed.get(one.key, frozenset()))
        for one in candidates
        if one.key not in found.verdicts
    )
    return replace(found, passed=passed)


def is_index(patch: Patch) -> bool:
    """Whether the patch adds indexes and nothing that runs: its edits only declare them."""
    behaves = patch.whole or patch.removed or patch.prepare or patch.command
    return bool(patch.sql) and not behaves and all(_creates_index(line) for line in patch.sql)


def _creates_index(statement: str) -> bool:
    found = parsed(statement)
    return isinstance(found, ast.IndexStmt) and not found.concurrent


@dataclass(frozen=True)
class _Tried:
    """A candidate, the state in which it stands alone, and what it reads."""

    candidate: Candidate
    built: tuple[Built, ...]
    reads: tuple[Statement, ...]

    @property
    def bytes(self) -> int:
        return sum(one.bytes for one in self.built)


_Survivor = tuple[_Tried, Flipped, Alternative]


@dataclass
class _Run:
    stand: Stand
    traffic: Traffic
    progress: Progress
    random: Random
    seconds_left: Clock
    budget_s: float
    found: Sieved

    def all(self, candidates: Sequence[Candidate]) -> list[str]:
        """Flip and charge those that this database has the tables for; their keys."""
        tried = [one for one in map(self._tried, candidates) if one is not None]
        groups: defaultdict[str, list[_Tried]] = defaultdict(list)
        for one in tried:
            groups[one.built[0].relation].append(one)
        survivors: list[_Survivor] = []
        for number, group in enumerate(groups.values()):
            share = self._flip_s() / (len(groups) - number)
            survivors += self._flipped(group, deadline(share))
        self._choose(survivors)
        return [one.candidate.key for one in tried]

    def _flip_s(self) -> float:
        return self.seconds_left() - self.budget_s * (1 - FLIP_SHARE)

    def _tried(self, candidate: Candidate) -> _Tried | None:
        built = tuple(
            self.stand.built[line] for line in candidate.patch.sql if line in self.stand.built
        )
        if len(built) < len(candidate.patch.sql):
            return None
        reads = {
            read.key: read
            for table in indexed_tables(candidate.patch)
            for read in self.traffic.reads_of(table, candidate.endpoints)
        }
        return _Tried(candidate, built, tuple(reads.values()))

    def _flipped(
        self, group: Sequence[_Tried], seconds_left: Callable[[], float]
    ) -> Iterator[_Survivor]:
        """Those of one table's candidates that may gain; the others get their verdict."""
        relations = {name for one in group for read in one.reads for name in read.relations}
        relations |= {built.relation for one in group for built in one.built}
        before = Alternative("", self.stand.without(relations=relations))
        alone = {
            one.candidate.key: Alternative(
                one.candidate.key, self.stand.without(*one.built, relations=relations)
            )
            for one in group
        }
        found = flipping.measure(
            self.stand.connection,
            before,
            {alone[one.candidate.key]: one.reads for one in group if one.reads},
            random=self.random,
            seconds_left=seconds_left,
        )
        for one in group:
            key = one.candidate.key
            self.progress.step(one.candidate.patch.summary, 1, self.seconds_left())
            if not one.reads or not found.statements(alone[key]):
                continue
            judged = found.judgement(alone[key])
            self.found.flips[key] = found.flip(alone[key])
            if judged.kind in ("no-gain", "slower"):
                self.found.verdicts[key] = Verdict(judged.kind, f"flipped: {judged.reason}")
            else:
                yield one, found, alone[key]

    def _choose(self, survivors: Sequence[_Survivor]) -> None:
        """Of rivals, the one that saves most and pays for its writes."""
        left = list(survivors)
        while left:
            one = left[0]
            group = [other for other in left if other is one or _are_rivals(one, other)]
            share = deadline(self.seconds_left() / len(left) * len(group))
            left = [other for other in left if other not in group]
            self._best(group, share)

    def _best(self, group: Sequence[_Survivor], seconds_left: Clock) -> None:
        kept: _Tried | None = None
        for tried, flipped, alternative in _ranked(group):
            key = tried.candidate.key
            if kept is not None:
                self.found.verdicts[key] = Verdict("not-run", self._outdone(kept, key))
                continue
            saved_ms = flipped.saved_ms(alternative)
            self.found.writes[key] = self._charged(tried, deadline(seconds_left() / 2))
            if self.traffic.recorded and outweighs(self.found.writes[key], saved_ms):
                self.found.verdicts[key] = Verdict(
                    "no-gain", _too_dear(self.found.writes[key], saved_ms)
                )
            elif flipped.judgement(alternative).kind == "proven":
                kept = tried
                self.found.unharmed[key] = self._unharmed(tried, seconds_left)

    def _unharmed(self, tried: _Tried, seconds_left: Clock) -> frozenset[str]:
        return unharmed(
            self.stand,
            tried.built,
            self.traffic,
            self.found.writes[tried.candidate.key],
            random=self.random,
            seconds_left=seconds_left,
        )

    def _outdone(self, kept: _Tried, key: str) -> str:
        best, own = (self.found.flips[one].ms.after for one in (kept.candidate.key, key))
        return (
            f"flipped: {kept.candidate.patch.summary.partition(': ')[0]} answers the same reads in "
            f"{_ms(best)} a round, this one in {_ms(own)}"
        )

    def _charged(self, tried: _Tried, seconds_left: Clock) -> tuple[Writes, ...]:
        return tuple(
            charge(
                self.stand,
                built,
                self.traffic.writes_of(built.relation),
                random=self.random,
                seconds_left=seconds_left,
            )
            for built in tried.built
        )


def _ranked(group: Sequence[_Survivor]) -> list[_Survivor]:
    """The one that saves most first; of those that save about as much, the smallest index."""
    saved = {one[0].candidate.key: one[1].saved_ms(one[2]) for one in group}
    margin = LEAST_GAIN * max(one[1].flip(one[2]).ms.before for one in group)
    least = max(saved.values()) - margin

    def rank(one: _Survivor) -> tuple[bool, float]:
        own = saved[one[0].candidate.key]
        return (False, one[0].bytes) if own >= least else (True, -own)

    return sorted(group, key=rank)


def _are_rivals(one: _Survivor, other: _Survivor) -> bool:
    return rivals(one[0].candidate, other[0].candidate)


def _too_dear(writes: Sequence[Writes], saved_ms: float) -> str:
    cost = sum(one.ms_per_round for one in writes)
    return f"its writes cost {_ms(cost)} more a round of traffic, its reads save {_ms(saved_ms)}"


def _ms(value: float) -> str:
    return f"{value:.3g} ms"
