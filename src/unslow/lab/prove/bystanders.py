"""Which other endpoints an index cannot harm: it reaches them through their statements alone.

A launch pair of a noisy endpoint bounds its slowdown by 5 % after dozens of pairs at best. Plans
and flips tell what an index does to the statements of an endpoint, and nothing else of a request
can change.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from random import Random

from unslow.lab.prove import edge
from unslow.lab.prove import flip as flipping
from unslow.lab.prove._stand import Alternative, Built, Stand
from unslow.lab.prove._traffic import Traffic
from unslow.lab.prove.evidence import interval
from unslow.lab.prove.flip import Flipped, Statement
from unslow.lab.prove.judge import GUARD_LIMIT, ONE_SIDED
from unslow.model import Writes

WRITES_LIMIT = GUARD_LIMIT / 2  # of a request's time, for what an index charges its writes
MOST_BLOCKS = 8


def unharmed(
    stand: Stand,
    built: Sequence[Built],
    traffic: Traffic,
    writes: Sequence[Writes],
    *,
    random: Random,
    seconds_left: Callable[[], float],
) -> frozenset[str]:
    """The endpoints that surely lose less to the indexes than a guard may.

    Their reads keep their plans, or are surely not slower by more than the limit; their writes
    cost a small part of the request more. `writes` is what each index was measured to charge.
    """
    tables = {one.relation for one in built}
    reads = {
        endpoint: traffic.reads_by(endpoint, tables)
        for endpoint in traffic.request_ms
        if not any(edge.mentions(table, traffic.others.get(endpoint, ())) for table in tables)
    }
    relations = {name for own in reads.values() for one in own for name in one.relations} | tables
    states = {
        endpoint: Alternative(endpoint, stand.without(*built, relations=relations))
        for endpoint in reads
    }
    found = flipping.measure(
        stand.connection,
        Alternative("", stand.without(relations=relations)),
        {states[endpoint]: own for endpoint, own in reads.items() if own},
        random=random,
        seconds_left=seconds_left,
        most_blocks=MOST_BLOCKS,
    )
    return frozenset(
        endpoint
        for endpoint, own in reads.items()
        if (not own or _hold(found, states[endpoint], own))
        and extra_ms(traffic.rows_written(endpoint, tables), writes)
        <= WRITES_LIMIT * traffic.request_ms[endpoint]
    )


def _hold(found: Flipped, state: Alternative, reads: Sequence[Statement]) -> bool:
    """Whether the reads are as quick as before: all are known, and none is planned otherwise, or
    together they are surely not slower by more than the limit."""
    known = all((state.name, read.key) in found.plans for read in reads)
    if state.name in found.refused or not known or any(one.key in found.unread for one in reads):
        return False
    if not found.changes_plans(state):
        return True
    return interval(found.values(state), ONE_SIDED).high <= math.log1p(GUARD_LIMIT)


def extra_ms(rows: Mapping[str, float], writes: Sequence[Writes]) -> float:
    """What the writes of so many rows, by kind, cost more at most; inf where it is not known."""
    total = 0.0
    for kind, number in rows.items():
        for charged in writes:
            costs = [one.microseconds for one in charged.effects if one.kind == kind]
            if not costs:
                return math.inf
            total += number * max(0.0, *(one.after - one.before for one in costs)) / 1e3
    return total
