"""Two known ways to choose indexes, written from their papers, with the same planner.

DB2Advis: Valentin, Zuliani, Zilio, Lohman, Skelley, ICDE 2000. Extend: Schlosser, Kossmann,
Boissier, ICDE 2019. Their candidates are columns in key order, without conditions or INCLUDE.
"""

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import permutations

from unslow.lab.indexing.candidates import Candidate
from unslow.lab.indexing.catalogue import Table
from unslow.lab.indexing.choosing import Choice, Config, Costs
from unslow.lab.indexing.workload import Question

WIDTH = 2  # columns of an index, as in the comparisons that are published
LEAST_GAIN = 1.003  # Extend's: a step that saves less than 0.3 % ends it
EMPTY: Config = frozenset()


def db2advis(costs: Costs, most_bytes: int) -> Choice:
    """What each statement uses when it may have all, by benefit for size, until it is full."""
    started = time.monotonic()
    benefit: defaultdict[Candidate, float] = defaultdict(float)
    for question in costs.questions:
        own = [
            Candidate(table.name, table.relation, names)
            for table, columns in _columns([question])
            for width in range(1, WIDTH + 1)
            for names in permutations(columns, width)
        ]
        without = costs.plan(question, EMPTY)[0]
        cost, used = costs.plan(question, own)
        for one in used:
            benefit[one] += (without - cost) * question.weight
    chosen: set[Candidate] = set()
    for one in sorted(benefit, key=lambda each: -benefit[each] / costs.size([each])):
        covered = any(other.covers(one) for other in chosen)
        if not covered and costs.size([*chosen, one]) <= most_bytes:
            chosen.add(one)
    return _choice(costs, frozenset(chosen), started)


def extend(costs: Costs, most_bytes: int) -> Choice:
    """Add a column's index or append a column to one, whichever saves most for its size."""
    started = time.monotonic()
    columns = list(_columns(costs.questions))
    config = EMPTY
    while True:
        best, ratio = config, 0.0
        for after in _steps(config, columns):
            added = costs.size(after) - costs.size(config)
            saved = -costs.change(config, after)
            if costs.size(after) > most_bytes or costs.is_spent:
                continue
            if saved > (1 - 1 / LEAST_GAIN) * costs.total(config) and saved / added > ratio:
                best, ratio = after, saved / added
        if best == config:
            return _choice(costs, config, started)
        config = best


def _steps(config: Config, columns: Sequence[tuple[Table, list[str]]]) -> Iterator[Config]:
    for table, names in columns:
        for name in names:
            one = Candidate(table.name, table.relation, (name,))
            if not any(old.covers(one) for old in config):
                yield config | {one}
            for old in config:
                if old.table == table.name and name not in old.keys and len(old.keys) < WIDTH:
                    wider = Candidate(old.table, old.relation, (*old.keys, name))
                    yield (config - {old}) | {wider}


def _columns(questions: Sequence[Question]) -> Iterator[tuple[Table, list[str]]]:
    """The columns that conditions, joins, groups and orders name, by table."""
    found: defaultdict[Table, dict[str, None]] = defaultdict(dict)
    for want in (want for one in questions for want in one.asked.wants):
        if want.table.rows < 1000:
            continue
        joined = [name for names in want.joins.values() for name in names]
        ordered = [one.column for one in want.order]
        for name in (*want.equal, *want.listed, *want.ranges, *joined, *want.group, *ordered):
            found[want.table][name] = None
    for table, names in found.items():
        yield table, list(names)


def _choice(costs: Costs, config: Config, started: float) -> Choice:
    seconds = time.monotonic() - started
    calls = costs.oracle.calls
    before, after = costs.total(EMPTY), costs.total(config)
    return Choice(config, before, after, costs.size(config), calls, seconds, not costs.is_spent)
