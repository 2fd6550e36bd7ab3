"""Which request is due when: the same for both versions, from a seed."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal

from unslow.lab.workload import Call

MOST_REQUESTS = 50_000  # of one slice: what a bounded load may come to
MOST_SECONDS = 120.0

Arrivals = Literal["poisson", "constant"]


@dataclass(frozen=True)
class Schedule:
    """Request k is `calls[picks[k]]`, due at `due[k]` seconds."""

    calls: tuple[Call, ...]
    picks: tuple[int, ...]
    due: tuple[float, ...]


def schedule(
    calls: Sequence[Call],
    rate: float,
    seconds: float,
    random: Random,
    arrivals: Arrivals = "poisson",
) -> Schedule:
    """`rate` requests per second for `seconds`, the calls drawn by their weights.

    Poisson arrivals are what many independent users make: their bunches show the queues that
    evenly spaced requests never meet.
    """
    times = _due(rate, min(seconds, MOST_SECONDS), random, arrivals)
    due = tuple(itertools.islice(times, MOST_REQUESTS))
    return Schedule(tuple(calls), picks(calls, len(due), random), due)


def picks(calls: Sequence[Call], count: int, random: Random) -> tuple[int, ...]:
    """`count` positions in `calls`, drawn by weight."""
    weights = [max(call.weight, 0.0) for call in calls]
    return tuple(random.choices(range(len(calls)), weights, k=count)) if count else ()


def _due(rate: float, seconds: float, random: Random, arrivals: Arrivals) -> Iterator[float]:
    gaps = (
        (random.expovariate(rate) for _ in itertools.count())
        if arrivals == "poisson"
        else itertools.chain([0.0], itertools.repeat(1 / rate))
    )
    return itertools.takewhile(lambda at: at < seconds, itertools.accumulate(gaps))
