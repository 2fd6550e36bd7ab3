"""What a selftest says: exact intervals, honest targets, wall time where CPU is not counted."""

import math
from dataclasses import replace

import pytest

from tests.selftest.machine import ENDPOINTS, recorded
from unslow.lab.selftest import Delay, Trials, exact, summarise
from unslow.lab.selftest.selftest import judged
from unslow.model import Selftest

NEVER = {"cpu": 0.05, "wait": 0.08}


def trials(false: int = 0, power: float = 1.0, count: int = 300) -> dict[str, Trials]:
    proven = round(count * power)
    found = {kind: Trials(false, [5] * count) for kind in ("cpu", "wait")}
    found |= {one.arm: Trials(proven, [7] * count) for one in recorded(0.01, 3).delays}
    return found


def summed(noise: float = 0.01, waiting: float = 0.0, **changed) -> Selftest:
    return summarise(recorded(noise, waiting=waiting), trials(**changed), NEVER, 0)


@pytest.mark.parametrize(
    ("proven", "count", "low", "high"),
    [  # at the ends a power of the tail, else Clopper and Pearson's tables
        (0, 300, 0.0, 1 - 0.025 ** (1 / 300)),
        (300, 300, 0.025 ** (1 / 300), 1.0),
        (5, 10, 0.18709, 0.81291),
        (0, 0, 0.0, 1.0),
    ],
)
def test_intervals_are_exact(proven, count, low, high) -> None:
    found = exact(proven, count)
    assert (found.proven, found.trials) == (proven, count)
    assert found.low == pytest.approx(low, abs=1e-5)
    assert found.high == pytest.approx(high, abs=1e-5)


def test_met_targets_leave_nothing_to_say() -> None:
    assert summed(false=3, power=0.9).failures == ()
    assert summed().notes == ()


def test_too_many_false_proofs_miss_the_target() -> None:
    found = summed(false=4).failures
    assert len(found) == 2
    assert found[0].startswith("By CPU, identical code was called faster in 1.3 % of the trials")
    assert found[1].startswith("By wall time, ")


def test_too_little_power_misses_the_target_and_says_what_to_do() -> None:
    (found,) = summed(power=0.89).failures
    assert "10 % CPU was proven in 89 % of the trials; 90 % is the target" in found
    assert found.endswith("Allow more with --time-budget, or take a quieter machine.")


def test_a_busy_machine_is_named_as_the_reason() -> None:
    found = summed(power=0.5, waiting=0.3)
    assert found.failures[0].endswith(
        "Other work runs here: stop it, or allow more with --time-budget."
    )
    assert found.notes[0].startswith("The machine was busy with other work.")
    assert found.waiting_share == 0.3


def test_too_few_trials_miss_the_target() -> None:
    assert "before 300 trials" in summed(count=299).failures[0]


def test_where_cpu_is_not_counted_all_is_judged_by_wall_time_and_it_says_so() -> None:
    found = summarise(recorded(0.01, cpu_seen=False), trials(), NEVER, 0)
    assert [one.metric for one in found.quality] == ["wall", "wall"]
    assert found.notes[0] == "All delays are judged by wall time: no CPU time was counted."
    shown = {(one.kind, one.delay): one.shown for one in found.delays}
    assert shown["cpu", 0.1] == pytest.approx(0.08, abs=0.02)  # of a request that waits as well


def test_the_noise_and_the_delays_are_those_of_the_recording() -> None:
    found = summarise(recorded(0.02, 40), trials(), NEVER, 0)
    assert found.quality[0].noise == pytest.approx(0.02 * math.sqrt(2), rel=0.3)
    assert found.quality[0].smallest_detectable == 0.05
    assert [one.endpoint for one in found.endpoints] == list(ENDPOINTS)
    assert found.endpoints[0].cpu_ms == pytest.approx(8.0, rel=0.02)
    assert [(one.kind, one.delay) for one in found.delays] == [
        ("cpu", 0.05),
        ("cpu", 0.1),
        ("cpu", 0.2),
        ("wait", 0.1),
        ("wait", 0.2),
    ]
    assert found.recorded == 40


def test_a_recording_without_time_for_trials_claims_nothing() -> None:
    found = judged(recorded(0.01), 0, lambda: 0.0)
    assert [one.smallest_detectable for one in found.quality] == [1.0, 1.0]
    assert {one.power.trials for one in found.delays} == {0}
    assert "before 300 trials" in found.failures[0]


def test_a_delay_that_was_not_recorded_is_not_in_the_table() -> None:
    only = (Delay("cpu", 0.1),)
    found = judged(recorded(0.01, delays=only), 0, lambda: 0.0)
    assert [(one.kind, one.delay) for one in found.delays] == [("cpu", 0.1)]


def test_a_delay_that_was_measured_as_another_one_is_named() -> None:
    found = recorded(0.001)
    slowed = {"cpu +10%": "cpu +20%", "cpu +20%": "cpu +10%"}  # told the wrong arms
    sets = tuple(
        replace(one, samples={slowed.get(arm, arm): by_end for arm, by_end in one.samples.items()})
        for one in found.sets
    )
    notes = summarise(replace(found, sets=sets), trials(), NEVER, 0).notes
    assert notes == (
        "The CPU delay of 10 % was measured as 20.0 %, so its power is that of a larger one.",
        "The CPU delay of 20 % was measured as 10.0 %, so its power is that of a smaller one.",
    )
