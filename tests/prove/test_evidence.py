import math
import random
from statistics import fmean

import pytest

from unslow.lab.prove.evidence import (
    NoisePrior,
    e_bh,
    e_value,
    fewest_pairs,
    interval,
    noise_prior,
    smallest_detectable,
)


def pairs(rng: random.Random, effect: float, noise: float, count: int) -> list[float]:
    return [rng.gauss(effect, noise) for _ in range(count)]


def ever_proven(values: list[float]) -> bool:
    return any(e_value(values[:count]) >= 100 for count in range(2, len(values) + 1))


def test_no_evidence_before_the_second_pair() -> None:
    assert e_value([]) == 1.0
    assert e_value([-3.0]) == 1.0


def test_no_evidence_when_the_mean_is_zero() -> None:
    assert e_value([0.1, -0.1, 0.1, -0.1]) < 1


def test_e_value_equals_the_formula_with_unit_prior() -> None:
    # n = 5, t = 10, g = 1: 6^-1/2 * ((1 + 100/4) / (1 + 100/24))^(5/2)
    values = [1 + delta for delta in (-0.2, -0.1, 0.0, 0.1, 0.2)]
    t_squared = 5 * 1.0 / 0.025
    expected = 6**-0.5 * ((1 + t_squared / 4) / (1 + t_squared / 24)) ** 2.5
    assert e_value(values, g=1.0) == pytest.approx(expected)


def test_a_plain_doubling_is_evident_after_four_pairs() -> None:
    assert e_value([-0.70, -0.69, -0.71, -0.68]) > 100
    assert e_value([-0.70, -0.69, -0.71]) < 100
    assert fewest_pairs() == 4
    assert fewest_pairs(g=1.0) == 6


def test_identical_code_is_rarely_proven_though_looked_at_after_every_pair() -> None:
    rng = random.Random(7)
    false = sum(ever_proven(pairs(rng, 0.0, 0.02, 40)) for _ in range(800))
    assert false / 800 <= 0.01


def test_identical_code_with_heavy_tails_is_rarely_proven() -> None:
    rng = random.Random(8)

    def heavy() -> float:
        return rng.gauss(0, 0.02) * (8 if rng.random() < 0.05 else 1)

    false = sum(ever_proven([heavy() for _ in range(40)]) for _ in range(500))
    assert false / 500 <= 0.01


def test_ten_percent_is_found_in_nine_of_ten_trials() -> None:
    rng = random.Random(9)
    found = sum(ever_proven(pairs(rng, math.log(0.9), 0.03, 10)) for _ in range(500))
    assert found / 500 >= 0.9


def test_the_smallest_detectable_effect_is_found_with_the_power_it_claims() -> None:
    rng = random.Random(10)
    for count in (4, 8, 20):
        gain = smallest_detectable(0.03, count)
        found = sum(e_value(pairs(rng, math.log(1 - gain), 0.03, count)) >= 100 for _ in range(600))
        assert found / 600 == pytest.approx(0.9, abs=0.04)


def test_more_pairs_detect_less() -> None:
    found = [smallest_detectable(0.03, count) for count in range(4, 41)]
    assert found == sorted(found, reverse=True)


def test_too_few_pairs_detect_nothing() -> None:
    assert smallest_detectable(0.001, 3) == 1.0


def test_interval_is_unbounded_with_one_pair() -> None:
    one = interval([-0.5])
    assert (one.mean, one.low, one.high) == (-0.5, -math.inf, math.inf)


def test_interval_is_students() -> None:
    # 99 % quantile of t with 3 degrees of freedom: 5.8409
    values = [0.1, 0.2, 0.3, 0.4]
    half = 5.840909 * math.sqrt((0.05 / 3) / 4)
    found = interval(values)
    assert found.low == pytest.approx(0.25 - half, abs=1e-6)
    assert found.high == pytest.approx(0.25 + half, abs=1e-6)


def test_shared_noise_is_unknown_from_one_endpoint() -> None:
    assert noise_prior([[0.1, 0.2, 0.1]]) is None


def test_shared_noise_narrows_the_interval_and_keeps_its_coverage() -> None:
    rng = random.Random(11)
    covered, widths, own_widths = 0, [], []
    for _ in range(300):
        samples = [pairs(rng, 0.0, 0.02, 4) for _ in range(12)]
        prior = noise_prior(samples)
        assert prior is not None
        found, own = interval(samples[0], prior=prior), interval(samples[0])
        covered += found.low <= 0 <= found.high
        widths.append(found.high - found.low)
        own_widths.append(own.high - own.low)
    assert covered / 300 >= 0.97
    assert fmean(widths) < 0.6 * fmean(own_widths)


def test_shared_noise_gives_one_pair_an_interval() -> None:
    found = interval([-0.7], prior=NoisePrior(0.0004, 20.0))
    assert -0.8 < found.low < found.mean < found.high < -0.6


def test_no_claim_stands_without_evidence() -> None:
    assert e_bh({"a": 3.0, "b": 20.0}) == frozenset()
    assert e_bh({}) == frozenset()


def test_a_lone_claim_among_ten_needs_ten_times_the_evidence() -> None:
    weak = {f"none {n}": 0.2 for n in range(9)}
    assert e_bh({"one": 500.0, **weak}, error_rate=0.01) == frozenset()
    assert e_bh({"one": 1001.0, **weak}, error_rate=0.01) == {"one"}


def test_claims_that_all_hold_support_each_other() -> None:
    assert e_bh(dict.fromkeys("abc", 101.0)) == {"a", "b", "c"}
