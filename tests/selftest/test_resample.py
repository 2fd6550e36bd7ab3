"""Trials on resampled launch sets, judged by the rules of a proof."""

import math
from random import Random
from statistics import fmean

import pytest

from tests.selftest.machine import ENDPOINTS, launch_set, recorded
from unslow.lab.prove._ratios import log_ratios
from unslow.lab.prove.schedule import AGAIN, BEFORE, Slice
from unslow.lab.prove.trial import Wanted
from unslow.lab.selftest import DELAYS, Claimed, Delay, reduced, resample, smallest_gain, try_once
from unslow.lab.selftest.resample import Resampler

CPU = Delay("cpu", 0.1)


def unlimited() -> float:
    return math.inf


def claimed(noise: float, before: str = BEFORE, after: str = AGAIN) -> Claimed:
    sets = tuple(reduced(one, "cpu") for one in recorded(noise).sets)
    return Claimed(before, after, tuple(one for one in sets if before in one.samples))


def proven(claim: Claimed, trials: int = 100) -> int:
    draw = Random(1)
    return sum(try_once(claim, ENDPOINTS[n % 3], draw)[0] for n in range(trials))


@pytest.mark.parametrize("noise", [0.005, 0.03, 0.1])
def test_nothing_is_proven_of_identical_code(noise) -> None:
    assert proven(claimed(noise)) <= 1


def test_a_launch_that_is_always_off_on_one_side_is_no_gain() -> None:
    """Which of two identical arms is called A is drawn: a lucky recording favours neither."""
    sets = [launch_set(Random(n), 0.01) for n in range(10)]
    lucky = tuple(reduced(one, "cpu").faster(AGAIN, 0.2) for one in sets)
    assert proven(Claimed(BEFORE, AGAIN, lucky)) <= 1


@pytest.mark.parametrize("kind", ["cpu", "wait"])
def test_the_removal_of_a_known_delay_is_proven(kind) -> None:
    delay = Delay(kind, 0.2)
    sets = [reduced(one, "cpu" if kind == "cpu" else "wall") for one in recorded(0.02).sets[1:]]
    assert proven(Claimed(delay.arm, BEFORE, tuple(sets))) >= 95


def test_a_delay_on_the_other_side_is_not_proven() -> None:
    sets = tuple(reduced(one, "cpu") for one in recorded(0.02).sets[1:])
    assert proven(Claimed(BEFORE, CPU.arm, sets)) == 0


def test_a_waiting_delay_does_not_show_in_cpu() -> None:
    sets = tuple(reduced(one, "cpu") for one in recorded(0.02).sets[1:])
    assert proven(Claimed(Delay("wait", 0.2).arm, BEFORE, sets)) <= 1


def test_noise_beyond_the_delay_hides_it() -> None:
    assert proven(claimed(0.3, CPU.arm, BEFORE)) < 30


def test_without_time_nothing_is_proven() -> None:
    claim = claimed(0.005, CPU.arm, BEFORE)
    assert proven(claim, 3) == 3
    assert try_once(claim, ENDPOINTS[0], Random(1), seconds=5.0) == (False, 0)


def test_reducing_a_set_keeps_the_ratio_that_a_proof_sees() -> None:
    one = launch_set(Random(2), 0.2)
    thin = reduced(one, "wall")
    arm = Delay("wait", 0.1).arm
    drawn = Resampler(Claimed(BEFORE, arm, (thin,)), Random(0), 100.0)
    found = drawn(Wanted((BEFORE, arm), {"GET a": Slice(1.0, (BEFORE, arm))}))
    shown = log_ratios([found], BEFORE, arm, {"GET a": 1.0}, "cpu")
    swapped = reduced(one, "wall").swapped()
    seen = [log_ratios([one], before, arm, {"GET a": 1.0}, "wall")[0] for before in (BEFORE, AGAIN)]
    assert any(shown[0] == pytest.approx(value) for value in seen)
    assert swapped.samples[BEFORE] == thin.samples[AGAIN]


def test_a_drawn_set_costs_the_time_of_its_arms_and_endpoints() -> None:
    one = launch_set(Random(2), 0.0)
    sampler = Resampler(Claimed(BEFORE, AGAIN, (reduced(one, "cpu"),)), Random(0), 100.0)
    found = sampler(Wanted((BEFORE, AGAIN), {"GET a": Slice(1.0, (BEFORE, AGAIN))}))
    assert found.launch_s == pytest.approx(1.0)
    assert found.seconds == pytest.approx(1.0 + 2 * 1.5 / 3, rel=0.1)
    assert sampler.seconds_left() == pytest.approx(100.0 - found.seconds)


def test_all_claims_have_had_about_as_many_trials_when_the_time_ends() -> None:
    left = iter([1.0] * 25)
    claims = {"same": (claimed(0.01), 300), "cpu": (claimed(0.01, CPU.arm, BEFORE), 300)}
    done = resample(claims, ENDPOINTS, seed=0, seconds_left=lambda: next(left, 0.0))
    assert sorted(one.count for one in done.values()) == [12, 13]


def test_the_same_seed_gives_the_same_trials() -> None:
    claims = {"cpu": (claimed(0.05, CPU.arm, BEFORE), 20)}
    first, second, other = (
        resample(claims, ENDPOINTS, seed=seed, seconds_left=unlimited)["cpu"].pairs
        for seed in (1, 1, 2)
    )
    assert first == second
    assert first != other


def test_a_quieter_machine_sees_smaller_gains() -> None:
    found = [
        smallest_gain(claimed(noise), ENDPOINTS, seed=0, seconds_left=unlimited)
        for noise in (0.005, 0.03, 0.1)
    ]
    assert 0.03 < found[0] < found[1] < found[2] < 1.0


def test_no_gain_is_claimed_to_be_seen_when_the_time_ends() -> None:
    assert smallest_gain(claimed(0.01), ENDPOINTS, seed=0, seconds_left=lambda: 0.0) == 1.0


def test_a_recorded_delay_is_a_share_of_the_cost() -> None:
    sets = recorded(0.001).sets
    for one in DELAYS:
        metric = "cpu" if one.kind == "cpu" else "wall"
        ratios = log_ratios(sets, BEFORE, one.arm, {"GET a": 1.0}, metric)
        assert len(ratios) == len(sets) - 1
        assert math.expm1(fmean(ratios)) == pytest.approx(one.share, abs=0.002)
