"""Chooses indexes for all statements together, by few questions to the planner.

It is asked for plans that differ; an integer program picks the set with which those cost least;
what the planner says of that set is known then as well, until the program finds no better one.
"""

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from unslow.lab.indexing.candidates import Candidate, merged
from unslow.lab.indexing.oracle import Oracle, Plan, Refused
from unslow.lab.indexing.solving import Config, Problem, solve
from unslow.lab.indexing.workload import Question

LEAST_GAIN = 0.005  # of the cost of all statements; what saves less is not worth its upkeep
LEAST_FILLING = 0.0005  # the same where a size is given: what fits has been granted
MOST_CALLS = 2000  # of the planner
ASKED_FIRST = 0.8  # of the calls, before the first set is picked
MOST_SETS = 20  # that are picked
SOLVE_S = 3.0
WRITE_COST = 1.0  # of an entry, in the planner's unit: one page is read and written

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
    _known: dict[str, dict[Config, float]] = field(default_factory=dict)

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
                self.learn(question, known)
            self._plans[key] = known
        return self._plans[key]

    def known(self, question: Question) -> dict[Config, float]:
        """What the statement costs by each of its plans, by the indexes that those use."""
        return self._known.setdefault(question.read.key, {})

    def learn(self, question: Question, plan: Plan) -> None:
        cost, used = plan
        known = self.known(question)
        known[used] = min(cost, known.get(used, cost))

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
    least = before * (LEAST_GAIN if limits.bytes is None else LEAST_FILLING)
    _explore(costs, [one for one in candidates if _is_possible(costs, one)])
    config = _without_useless(_best(costs, least), costs, least)
    if limits.bytes is None:
        config = _narrowed(config, costs, least)
    return Choice(
        config,
        before,
        costs.total(config),
        costs.size(config),
        oracle.calls,
        time.monotonic() - started,
        not costs.is_spent,
    )


def _explore(costs: Costs, possible: Sequence[Candidate]) -> None:
    """Ask for plans that differ: with all candidates or with simple ones, then without each that
    was used, then with each alone. What tells much is asked of all statements first."""
    most = costs.oracle.calls + ASKED_FIRST * (costs.limits.calls - costs.oracle.calls)

    def used(question: Question, config: Iterable[Candidate]) -> Config:
        if costs.is_spent or costs.oracle.calls >= most:
            return EMPTY
        return costs.plan(question, frozenset(config))[1]

    pools = [[one for one in possible if is_in(one)] for is_in in POOLS]
    asked = [(one, pool, used(one, pool)) for pool in pools for one in costs.questions]
    for question, pool, config in asked:
        for gone in sorted(config, key=costs.oracle.bytes_of, reverse=True):
            used(question, (one for one in pool if one != gone))
    for index in _pool(costs):
        for question in costs.questions:
            if question.may_use(index.table, index.columns, index.held):
                used(question, (index,))


POOLS: tuple[Callable[[Candidate], bool], ...] = (
    lambda one: True,
    lambda one: not one.included,
    lambda one: not one.included and len(one.keys) <= 2,
    lambda one: not one.included and len(one.keys) == 1,
)


def _pool(costs: Costs) -> list[Candidate]:
    """The indexes of the known plans, narrower ones, and those that serve for two of them."""
    known = (used for question in costs.questions for used in costs.known(question))
    pool = dict.fromkeys(one for used in known for one in sorted(used, key=_text))
    for one in list(pool):
        pool.update(dict.fromkeys([one, *_narrower(one)]))
        both = (merged(one, other) for other in list(pool) if other != one)
        pool.update(dict.fromkeys(new for new in both if new is not None))
    return [one for one in pool if _is_possible(costs, one)]


def _text(one: Candidate) -> str:
    return one.sql("")


def _narrower(one: Candidate) -> Iterator[Candidate]:
    """The index without the columns for reading alone, and without its last ones."""
    for count in range(len(one.keys), 0, -1):
        yield Candidate(one.table, one.relation, one.keys[:count], (), one.predicate)


def _best(costs: Costs, least: float) -> Config:
    """The set with which the known plans cost least, once the planner agrees with that."""

    def price(config: Config) -> float:
        return costs.total(config) + least * len(config)

    best, picked = EMPTY, set[Config]()
    while len(picked) < MOST_SETS and not costs.is_spent:
        found = solve(_problem(costs, least), min(SOLVE_S, costs.limits.seconds_left()))
        if found is None or found.config in picked:
            break
        picked.add(found.config)
        for question, used in zip(costs.questions, found.used, strict=True):
            cost, _ = costs.plan(question, found.config)
            if used not in costs.known(question):
                costs.learn(question, (cost, used))
        best = min(best, found.config, key=price)
        _look_around(costs, found.config)
    return best


def _problem(costs: Costs, least: float) -> Problem:
    pool = _pool(costs)
    some = frozenset(pool)
    return Problem(
        plans=[
            {used: one.weight * cost for used, cost in costs.known(one).items() if used <= some}
            for one in costs.questions
        ],
        prices={one: least + costs.writes((one,)) for one in pool},
        sizes={one: costs.oracle.bytes_of(one) for one in pool},
        most=costs.limits.bytes,
    )


def _look_around(costs: Costs, config: Config) -> None:
    """Ask what each statement would do without each index that it uses."""
    for question in costs.questions:
        for gone in costs.plan(question, config)[1]:
            if not costs.is_spent:
                costs.plan(question, config - {gone})


def _without_useless(config: Config, costs: Costs, least: float) -> Config:
    """Drop what the others have made superfluous, the largest first."""
    for one in sorted(config, key=costs.oracle.bytes_of, reverse=True):
        without = config - {one}
        if not costs.is_spent and costs.change(config, without) < least:
            config = without
    return config


def _narrowed(config: Config, costs: Costs, least: float) -> Config:
    """Put a smaller index in the place of one whose last columns save next to nothing."""
    for one in sorted(config, key=costs.oracle.bytes_of, reverse=True):
        possible = [
            other for other in _narrower(one) if other != one and _is_possible(costs, other)
        ]
        for other in sorted(possible, key=costs.oracle.bytes_of):
            changed = frozenset((*(config - {one}), other))
            smaller = costs.oracle.bytes_of(other) < costs.oracle.bytes_of(one)
            if costs.is_spent or not smaller:
                break
            if costs.change(config, changed) < least:
                config = changed
                break
    return config


def _is_possible(costs: Costs, one: Candidate) -> bool:
    """Whether the database takes it, and there is room for it."""
    try:
        size = costs.oracle.bytes_of(one)
    except Refused:
        return False
    return costs.limits.bytes is None or size <= costs.limits.bytes
