"""Finds the set of indexes with which the plans that are known cost least: an integer program.

After INUM and CoPhy (Papadomanolakis et al., VLDB 2007; Dash, Polyzotis, Ailamaki, VLDB 2011): a
statement has a plan for each set of indexes that one uses, and takes the cheapest that is there.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations

from unslow.lab.indexing.candidates import Candidate

Config = frozenset[Candidate]
Known = Mapping[Config, float]  # what a statement costs by plans that use these indexes

GAP = 1e-4  # of the whole cost, within which a solution counts as the best
AS_GOOD = 1.003  # a wider index does for a narrow one, at this ratio until the planner was asked


@dataclass(frozen=True)
class Problem:
    """`prices` are what each index costs besides its size, in the unit of the plans' costs, those
    weighted. `sizes` are in bytes, and together at most `most`."""

    plans: Sequence[Known]
    prices: Mapping[Candidate, float]
    sizes: Mapping[Candidate, int]
    most: int | None


@dataclass(frozen=True)
class Solution:
    """The indexes, and for each statement those that its plan uses."""

    config: Config
    used: tuple[Config, ...]


def solve(problem: Problem, seconds: float) -> Solution | None:
    """The best set, or the best that was found in the time; None when there was none."""
    import numpy as np
    from scipy.optimize import Bounds, LinearConstraint, milp  # type: ignore[import-untyped]
    from scipy.sparse import csr_matrix  # type: ignore[import-untyped]

    indexes = list(problem.prices)
    place = {one: number for number, one in enumerate(indexes)}
    ways = [_ways(known, indexes) for known in problem.plans]
    flat = [(number, used, cost) for number, some in enumerate(ways) for used, cost in some]
    rows = _Rows()
    for number, some in enumerate(ways):
        own = [len(indexes) + at for at, way in enumerate(flat) if way[0] == number]
        rows.add(dict.fromkeys(own, 1.0), 1.0, 1.0)  # one of its plans
        for one in dict.fromkeys(one for used, _ in some for one in used):
            users = [at for at in own if one in flat[at - len(indexes)][1]]
            rows.add({**dict.fromkeys(users, 1.0), place[one]: -1.0}, -np.inf, 0.0)
    for one, other in permutations(indexes, 2):
        if other.covers(one):
            rows.add({place[one]: 1.0, place[other]: 1.0}, 0.0, 1.0)
    if problem.most is not None:
        scale = max(problem.most, 1)
        rows.add({place[one]: problem.sizes[one] / scale for one in indexes}, 0.0, 1.0)
    whole = sum(max(known.values()) for known in problem.plans) or 1.0
    costs = [problem.prices[one] / whole for one in indexes]
    costs += [cost / whole for _, _, cost in flat]
    shape = (len(rows.low), len(costs))
    found = milp(
        np.array(costs),
        constraints=LinearConstraint(
            csr_matrix((rows.values, (rows.rows, rows.columns)), shape=shape), rows.low, rows.high
        ),
        integrality=np.array([1] * len(indexes) + [0] * len(flat)),
        bounds=Bounds(0, 1),
        options={"time_limit": max(seconds, 0.1), "mip_rel_gap": GAP},
    )
    if found.x is None:
        return None
    config = frozenset(one for one, value in zip(indexes, found.x, strict=False) if value > 0.5)
    return Solution(config, tuple(_cheapest(some, config) for some in ways))


class _Rows:
    """The constraints, as a sparse matrix is built."""

    def __init__(self) -> None:
        self.rows: list[int] = []
        self.columns: list[int] = []
        self.values: list[float] = []
        self.low: list[float] = []
        self.high: list[float] = []

    def add(self, row: Mapping[int, float], low: float, high: float) -> None:
        self.rows += [len(self.low)] * len(row)
        self.columns += row
        self.values += row.values()
        self.low.append(low)
        self.high.append(high)


def _ways(known: Known, indexes: Sequence[Candidate]) -> list[tuple[Config, float]]:
    """The plans that may be the best for some set, the cheapest first."""
    wider = dict(known)
    for used, cost in known.items():
        for one, other in _widened(used, indexes):
            new = used - {one} | {other}
            if new not in known:
                wider[new] = min(wider.get(new, cost * AS_GOOD), cost * AS_GOOD)
    found: list[tuple[Config, float]] = []
    for used, cost in sorted(wider.items(), key=lambda way: (way[1], len(way[0]))):
        if not any(better <= used for better, _ in found):
            found.append((used, cost))
    return found


def _widened(used: Config, indexes: Sequence[Candidate]) -> Iterator[tuple[Candidate, Candidate]]:
    for one in used:
        for other in indexes:
            if other != one and other.covers(one):
                yield one, other


def _cheapest(ways: Sequence[tuple[Config, float]], config: Config) -> Config:
    return next(used for used, _ in ways if used <= config)
