"""The Universal Scalability Law is found again in the points that it makes."""

from random import Random

import pytest

from unslow.lab.load.scalability import Law, fit, mean_rates, resampled
from unslow.lab.prove.capacity import CapacityCurve, curve, levels, log_ratio

LEVELS = (1, 2, 4, 8, 16)


def points(law: Law, noise: float = 0.0, seed: int = 1) -> dict[int, float]:
    random = Random(seed)
    return {level: law.rate(level) * (1 + random.gauss(0, noise)) for level in LEVELS}


def test_two_levels_make_no_law() -> None:
    assert fit({1: 10.0, 2: 18.0}) is None
    assert fit({1: 10.0, 2: 18.0, 4: 0.0}) is None


@pytest.mark.parametrize(
    "law", [Law(100, 0.05, 0.002), Law(3.5, 0.6, 0.0), Law(2000, 0.0, 0.01), Law(40, 0.0, 0.0)]
)
def test_exact_points_give_exact_parameters(law) -> None:
    found = fit(points(law))
    assert found
    assert found.scale == pytest.approx(law.scale, rel=1e-5)
    assert found.contention == pytest.approx(law.contention, abs=1e-5)
    assert found.coherency == pytest.approx(law.coherency, abs=1e-6)


def test_the_peak_is_where_the_law_is_highest() -> None:
    law = Law(100, 0.05, 0.002)
    assert law.peak == pytest.approx((0.95 / 0.002) ** 0.5)
    assert law.peak_rate == pytest.approx(max(law.rate(n / 100) for n in range(100, 10_000)))


def test_a_law_without_coherency_has_no_peak_but_a_limit() -> None:
    assert Law(100, 0.5, 0.0).peak is None
    assert Law(100, 0.5, 0.0).peak_rate == pytest.approx(200)
    assert Law(100, 0.0, 0.0).peak_rate is None


def test_one_launch_gives_no_interval() -> None:
    assert resampled([points(Law(100, 0.05, 0.002))], seed=1) == []
    one = curve([points(Law(100, 0.05, 0.002))], seed=1)
    assert one.scale
    assert one.scale.low is None


def test_bootstrap_intervals_hold_the_truth_of_noisy_launches() -> None:
    law = Law(100, 0.05, 0.002)
    found = curve([points(law, 0.02, seed) for seed in range(12)], seed=1)
    for estimate, true in ((found.scale, 100), (found.contention, 0.05), (found.peak, law.peak)):
        assert estimate
        assert estimate.low
        assert estimate.high
        assert estimate.low < true < estimate.high
    again = curve([points(law, 0.02, seed) for seed in range(12)], seed=1)
    assert found == again


def test_a_level_that_a_launch_lacks_is_left_out_of_its_mean() -> None:
    assert mean_rates([{1: 10.0, 2: 30.0}, {1: 20.0}]) == {1: 15.0, 2: 30.0}


def test_no_points_make_an_empty_curve() -> None:
    assert curve([], seed=1) == CapacityCurve(())


@pytest.mark.parametrize("saturation", [1, 2, 8, 64])
def test_five_levels_reach_past_the_saturation(saturation) -> None:
    found = levels(saturation)
    assert len(found) == 5
    assert found[0] == 1
    assert found[-1] >= 2 * saturation


def test_a_pair_is_compared_by_the_most_it_served() -> None:
    assert log_ratio({1: 5.0, 2: 8.0}, {1: 5.0, 2: 4.0}) == pytest.approx(0.47, abs=0.01)
    assert log_ratio({1: 5.0}, {1: 5.0}) == 0
