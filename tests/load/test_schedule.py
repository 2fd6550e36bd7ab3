"""Which request is due when."""

import itertools
from collections import Counter
from random import Random

import pytest

from unslow.lab.load.schedule import MOST_REQUESTS, picks, schedule
from unslow.lab.workload import Call

CALLS = (Call("GET", "/a", "GET /a", weight=3), Call("GET", "/b", "GET /b"))


def test_nothing_is_due_in_no_time() -> None:
    assert schedule(CALLS, 100, 0, Random(1)).due == ()


def test_one_seed_gives_one_schedule() -> None:
    assert schedule(CALLS, 50, 2, Random(4)) == schedule(CALLS, 50, 2, Random(4))
    assert schedule(CALLS, 50, 2, Random(4)) != schedule(CALLS, 50, 2, Random(5))


def test_constant_arrivals_are_evenly_apart() -> None:
    due = schedule(CALLS, 10, 1, Random(1), "constant").due
    assert due == pytest.approx([number / 10 for number in range(len(due))])
    assert len(due) in (10, 11)


def test_poisson_arrivals_have_the_rate_and_its_spread() -> None:
    due = schedule(CALLS, 100, 60, Random(1)).due
    gaps = [later - earlier for earlier, later in itertools.pairwise(due)]
    mean = sum(gaps) / len(gaps)
    spread = sum((gap - mean) ** 2 for gap in gaps) / len(gaps)
    assert mean == pytest.approx(0.01, rel=0.05)
    assert spread == pytest.approx(mean**2, rel=0.1)  # an exponential's


def test_calls_come_by_weight() -> None:
    counted = Counter(picks(CALLS, 4000, Random(1)))
    assert counted[0] / counted[1] == pytest.approx(3, rel=0.1)


def test_a_schedule_is_bounded() -> None:
    assert len(schedule(CALLS, 1e6, 1e6, Random(1), "constant").due) == MOST_REQUESTS
