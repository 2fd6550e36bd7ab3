import math
from collections.abc import Callable
from itertools import count
from random import Random

import pytest

from unslow.errors import UnslowError
from unslow.lab.budget import timing
from unslow.lab.budget.rules import Limit
from unslow.lab.budget.timing import BASE, HEAD, slowdowns
from unslow.lab.prove.schedule import ArmFailed, LaunchSet, Sample
from unslow.lab.prove.trial import MOST_SETS, Wanted

NOISE = 0.02
FIVE = Limit(0.05, "default")


def sampler(ratios: dict[str, float], asked: list[Wanted]) -> Callable[[Wanted], LaunchSet]:
    """Launch sets in which the head takes `ratios` times the base's CPU, with a steady noise."""
    random = Random(1)

    def sample(wanted: Wanted) -> LaunchSet:
        asked.append(wanted)

        def one(ratio: float) -> Sample:
            ms = 10 * ratio * math.exp(random.gauss(0, NOISE))
            return Sample([[ms]], [[ms]])

        arms = {
            BASE: {end: one(1.0) for end in wanted.slices},
            HEAD: {end: one(ratios[end]) for end in wanted.slices},
        }
        return LaunchSet(arms, launch_s=1.0, seconds=2.0)

    return sample


def measured(ratios: dict[str, float], seconds_left: Callable[[], float] = lambda: 1e3):
    asked: list[Wanted] = []
    limits = dict.fromkeys(ratios, FIVE)
    return slowdowns(sampler(ratios, asked), limits, seconds_left), asked


def test_equal_code_is_within() -> None:
    found, _ = measured({"GET a": 1.0})
    assert found["GET a"].status == "within"
    assert found["GET a"].speedup.low < 1 < found["GET a"].speedup.high


def test_a_slowdown_past_the_limit_is_exceeded_and_told_with_its_interval() -> None:
    found, _ = measured({"GET a": 1.3})
    slower = found["GET a"]
    assert slower.status == "exceeded"
    assert 1 / slower.speedup.high > 1.05
    assert (slower.limit, slower.glob) == (0.05, "default")


def test_a_slowdown_at_the_limit_fails_nothing() -> None:
    found, asked = measured({"GET a": 1.05})
    assert found["GET a"].status == "open"
    assert len(asked) == MOST_SETS


def test_what_is_settled_is_asked_no_more() -> None:
    _, asked = measured({"GET a": 0.5, "GET b": 1.04})
    assert set(asked[0].slices) == {"GET a", "GET b"}
    assert set(asked[-1].slices) == {"GET b"}


def test_a_gain_is_no_evidence_against_anybody() -> None:
    gains = [math.log(0.5), math.log(0.51), math.log(0.49), math.log(0.5)]
    assert timing.against(gains, 0.05) == 1.0
    assert timing.against([-one for one in gains], 0.05) > 100


def test_one_slow_endpoint_among_many_is_found() -> None:
    ratios = {f"GET {number}": 1.0 for number in range(30)} | {"GET slow": 1.5}
    found, _ = measured(ratios)
    assert [end for end, one in found.items() if one.status == "exceeded"] == ["GET slow"]


def test_without_time_nothing_is_measured_and_nothing_fails() -> None:
    found, asked = measured({"GET a": 2.0}, seconds_left=lambda: 0.0)
    assert asked == []
    assert found["GET a"].status == "not-measured"
    assert "--time-budget" in found["GET a"].reason


def test_the_time_ends_between_two_launch_sets() -> None:
    clock = count(9, -2)
    found, asked = measured({"GET a": 1.05}, seconds_left=lambda: float(next(clock)))
    assert 0 < len(asked) < 5
    assert found["GET a"].status == "open"


def test_identical_code_is_hardly_ever_over_any_budget() -> None:
    random = Random(7)
    false = 0
    for _ in range(300):
        values: list[float] = []
        while len(values) < 20:
            values.append(random.gauss(math.log1p(0.05), NOISE))
            false += timing.judged(values, 0.05, stands=True) == "exceeded"
            if timing.judged(values, 0.05, stands=True) == "exceeded":
                break
    assert false <= 6  # 1 % by the e-value, looked at after every pair


@pytest.mark.parametrize(("arm", "named"), [(BASE, "the base failed"), (HEAD, "the application")])
def test_a_version_that_stops_answering_is_an_error_that_says_which(arm, named) -> None:
    def sample(wanted: Wanted) -> LaunchSet:
        raise ArmFailed(arm, "gone")

    with pytest.raises(UnslowError, match=named):
        slowdowns(sample, {"GET a": FIVE}, lambda: 1e3)
