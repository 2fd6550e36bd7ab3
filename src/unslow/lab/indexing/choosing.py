"""Chooses indexes step by step, the one that saves most for its size first, asking the planner.

After Extend (Schlosser, Kossmann, Boissier, ICDE 2019): a step adds an index or widens one that is
chosen. Steps may also add what one statement uses together, and exchange what has lost its worth.
"""

import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field

from unslow.lab.indexing.candidates import Candidate, merged
from unslow.lab.indexing.oracle import Oracle, Plan, Refused
from unslow.lab.indexing.workload import Question

LEAST_GAIN = 0.005  # of the cost of all statements; what saves less is not worth its upkeep
MOST_CALLS = 2000  # of the planner
ROUNDS = 3  # in which each statement tells the indexes that it would use, without those it told
WRITE_COST = 1.0  # of an entry, in the planner's unit: one page is read and written

Config = frozenset[Candidate]
EMPTY: Config = frozenset()


@dataclass
class Limits:
    """`bytes` is None where the size does not matter."""

    bytes: int | None
    seconds_left: Callable[[], float]
    calls: int = MOST_CALLS


@dataclass
class Choice:
    """What was chosen. `before` and `after` are the planner's cost of a round of all statements."""

    config: Config
    before: float
    after: float
    bytes: int
    calls: int
    seconds: float
    is_complete: bool  # all steps were tried before the time or the calls ended


@dataclass
class Costs:
    """The planner's answers, remembered: a statement's plan depends on the indexes of its tables,
    and stays as it is when an index that it does not use goes away."""

    oracle: Oracle
    questions: Sequence[Question]
    written: Callable[[Candidate], float]  # entries that a round of traffic writes to an index
    limits: Limits
    _plans: dict[tuple[str, Config], Plan] = field(default_factory=dict)
    _tried: dict[str, list[tuple[Config, Plan]]] = field(default_factory=dict)

    @property
    def is_spent(self) -> bool:
        full = self.oracle.calls + len(self.questions) > self.limits.calls
        return full or self.limits.seconds_left() <= 0

    def plan(self, question: Question, config: Collection[Candidate]) -> Plan:
        own = frozenset(one for one in config if question.may_use(one.table, one.columns, one.held))
        key = (question.read.key, own)
        if key not in self._plans:
            tried = self._tried.setdefault(question.read.key, [])
            known = next((plan for wider, plan in tried if plan[1] <= own <= wider), None)
            if known is None:
                known = self.oracle.plan(question, own)
                tried.append((own, known))
            self._plans[key] = known
        return self._plans[key]

    def total(self, config: Collection[Candidate]) -> float:
        reads = sum(one.weight * self.plan(one, config)[0] for one in self.questions)
        return reads + self.writes(config)

    def change(self, config: Config, other: Config) -> float:
        """What `other` costs more than `config`; statements that cannot use it are not asked."""
        touched = config ^ other
        difference = self.writes(other) - self.writes(config)
        for one in self.questions:
            if any(one.may_use(new.table, new.columns, new.held) for new in touched):
                difference += one.weight * (self.plan(one, other)[0] - self.plan(one, config)[0])
        return difference

    def writes(self, config: Iterable[Candidate]) -> float:
        return WRITE_COST * sum(map(self.written, config))

    def size(self, config: Iterable[Candidate]) -> int:
        return sum(self.oracle.bytes_of(one) for one in config)


def choose(
    oracle: Oracle,
    questions: Sequence[Question],
    candidates: Sequence[Candidate],
    written: Callable[[Candidate], float],
    limits: Limits,
) -> Choice:
    """The indexes that save most within the limits. Raises `psycopg.Error` when the session ends.

    The costs of two sets are compared by the planner alone: what is chosen has to be tried.
    """
    started = time.monotonic()
    costs = Costs(oracle, questions, written, limits)
    before = costs.total(EMPTY)
    bounds = dict.fromkeys(_moves(costs, _wanted(costs, candidates)), float("inf"))
    config = _grown(EMPTY, costs, bounds, before, per_byte=True)
    config = _exchanged(config, costs, bounds, before)
    config = _without_useless(config, costs, before)
    if limits.bytes is None:
        config = _narrowed(config, costs, before)
    return Choice(
        config,
        before,
        costs.total(config),
        costs.size(config),
        oracle.calls,
        time.monotonic() - started,
        not costs.is_spent,
    )


def _wanted(costs: Costs, candidates: Sequence[Candidate]) -> list[Config]:
    """What each statement uses when it may have all, then when it may not have those, and so on:
    few calls tell which of the candidates matter, and which of them go together."""
    possible = [one for one in candidates if _is_possible(costs.oracle, one)]
    found: dict[Config, None] = {}
    for question in costs.questions:
        left = [one for one in possible if question.may_use(one.table, one.columns, one.held)]
        cost = costs.plan(question, EMPTY)[0]
        for _ in range(ROUNDS):
            if costs.is_spent:
                break
            planned, used = costs.plan(question, left)
            if not used or planned > cost * (1 - LEAST_GAIN):
                break
            found[used] = None
            left = [one for one in left if one not in used]
    return list(found)


def _moves(costs: Costs, sets: Sequence[Config]) -> list[Config]:
    """What a step may add: one index, a set that goes together, one index for two statements."""
    single = dict.fromkeys(one for group in sets for one in group)
    moves = dict.fromkeys(frozenset((one,)) for one in single)
    for one in single:
        narrow = Candidate(one.table, one.relation, one.keys, (), one.predicate)
        moves.update(dict.fromkeys(_possible(costs.oracle, narrow)))
        for other in single:
            joined = merged(one, other) if one != other else None
            if joined is not None and joined not in single:
                moves.update(dict.fromkeys(_possible(costs.oracle, joined)))
    moves.update(dict.fromkeys(group for group in sets if len(group) > 1))
    return list(moves)


def _grown(
    config: Config, costs: Costs, bounds: dict[Config, float], before: float, *, per_byte: bool
) -> Config:
    """Add what saves most, for its size or in all, until nothing is worth it.

    `bounds` is what a move saves where nothing else is there, once that is known: it seldom saves
    more beside others, so that a move is asked for only when it might come first.
    """
    hoped = {move: _rank(move, config, bounds[move], costs, per_byte) for move in bounds}
    fresh: set[Config] = set()
    while hoped and not costs.is_spent:
        move = max(hoped, key=lambda one: hoped[one])
        if hoped[move] <= 0:
            break
        if move in fresh:
            config = _with(config, move)
            del hoped[move]
            fresh.clear()
            continue
        saved = _saved(config, move, costs)
        if bounds[move] == float("inf"):
            bounds[move] = saved
        hoped[move] = (
            _rank(move, config, saved, costs, per_byte) if saved >= LEAST_GAIN * before else 0.0
        )
        fresh.add(move)
    return config


def _rank(move: Config, config: Config, saved: float, costs: Costs, per_byte: bool) -> float:
    if not per_byte:
        return saved
    added = costs.size(_with(config, move)) - costs.size(config)
    return saved / max(added, 1)


def _saved(config: Config, move: Config, costs: Costs) -> float:
    """Cost that a move spares; nothing when it does not fit."""
    after = _with(config, move)
    return 0.0 if after == config or not _fits(costs, after) else -costs.change(config, after)


def _with(config: Config, move: Config) -> Config:
    """The set with the move's indexes, without those that they make redundant."""
    kept = {old for old in config if not any(new.covers(old) for new in move)}
    return frozenset(kept | {new for new in move if not any(old.covers(new) for old in kept)})


def _exchanged(config: Config, costs: Costs, bounds: dict[Config, float], before: float) -> Config:
    """Give up one index for what then saves most, as long as the whole gets cheaper by it."""
    config = _grown(config, costs, bounds, before, per_byte=False)
    improved = True
    while improved and not costs.is_spent:
        improved = False
        for old in sorted(config, key=costs.oracle.bytes_of, reverse=True):
            other = _grown(config - {old}, costs, bounds, before, per_byte=False)
            if not costs.is_spent and costs.change(config, other) < -LEAST_GAIN * before:
                config, improved = other, True
                break
    return config


def _without_useless(config: Config, costs: Costs, before: float) -> Config:
    """Drop what the others have made superfluous, the largest first."""
    for one in sorted(config, key=costs.oracle.bytes_of, reverse=True):
        without = config - {one}
        if not costs.is_spent and costs.change(config, without) < LEAST_GAIN * before:
            config = without
    return config


def _narrowed(config: Config, costs: Costs, before: float) -> Config:
    """Put a smaller index in the place of one whose last columns save next to nothing."""
    for one in sorted(config, key=costs.oracle.bytes_of, reverse=True):
        narrower = [Candidate(one.table, one.relation, one.keys, (), one.predicate)]
        for count in range(len(one.keys) - 1, 0, -1):
            keys = one.keys[:count]
            narrower.append(Candidate(one.table, one.relation, keys, (), one.predicate))
        possible = [
            other for other in narrower if other != one and _is_possible(costs.oracle, other)
        ]
        for other in sorted(possible, key=costs.oracle.bytes_of):
            changed = frozenset((*(config - {one}), other))
            smaller = costs.oracle.bytes_of(other) < costs.oracle.bytes_of(one)
            if costs.is_spent or not smaller:
                break
            if costs.change(config, changed) < LEAST_GAIN * before:
                config = changed
                break
    return config


def _fits(costs: Costs, config: Config) -> bool:
    return costs.limits.bytes is None or costs.size(config) <= costs.limits.bytes


def _possible(oracle: Oracle, one: Candidate) -> list[Config]:
    return [frozenset((one,))] if _is_possible(oracle, one) else []


def _is_possible(oracle: Oracle, one: Candidate) -> bool:
    try:
        oracle.bytes_of(one)
    except Refused:
        return False
    return True
