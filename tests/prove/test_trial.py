"""The measurement's logic on a synthetic application whose costs are known exactly."""

import math
import random

import pytest

from unslow.errors import UnslowError
from unslow.lab.prove.schedule import AGAIN, BEFORE, ArmFailed, LaunchSet, Sample
from unslow.lab.prove.trial import Claim, Trial, Wanted

ENDPOINTS = ("GET a", "GET b", "GET c", "GET d", "GET e", "GET f")
COST_MS = 10.0
SET_S = 10.0


class Machine:
    """Launch sets of arms whose cost factor per endpoint is given; `noise` per launch."""

    def __init__(self, factors: dict[str, dict[str, float]], noise: float = 0.02) -> None:
        self.factors = factors
        self.noise = noise
        self.random = random.Random(3)
        self.wanted: list[Wanted] = []
        self.left = 300.0
        self.slowness = 0.0  # 0: every set takes SET_S; else the requests' time, so much longer
        self.crashing = ""

    def __call__(self, wanted: Wanted) -> LaunchSet:
        self.wanted.append(wanted)
        seconds = self.seconds(wanted) if self.slowness else SET_S
        self.left -= seconds
        if self.crashing in wanted.arms:
            raise ArmFailed(self.crashing, "it crashed")
        samples = {
            arm: {
                end: self.sample(arm, end) for end, one in wanted.slices.items() if arm in one.arms
            }
            for arm in wanted.arms
        }
        return LaunchSet(samples, launch_s=1.0 * len(wanted.arms), seconds=seconds)

    def seconds(self, wanted: Wanted) -> float:
        least = self.slowness * COST_MS / 1e3
        requests = sum(max(one.seconds, len(one.arms) * least) for one in wanted.slices.values())
        return len(wanted.arms) + requests

    def sample(self, arm: str, endpoint: str) -> Sample:
        factor = self.factors.get(arm, {}).get(endpoint, 1.0)
        cost = COST_MS * factor * math.exp(self.random.gauss(0, self.noise))
        wall = cost * (self.slowness or 1.0)
        return Sample([[cost] * 4] * 5, [[wall] * 4] * 5)

    def trial(self, *claims: Claim) -> Trial:
        weights = dict.fromkeys(ENDPOINTS, 1.0)
        costs = {BEFORE: dict.fromkeys(ENDPOINTS, COST_MS / 1e3)}
        return Trial(list(claims), weights, costs, self, lambda: self.left)


def claim(key: str, arm: str, *targets: str) -> Claim:
    return Claim(key, arm, targets, tuple(end for end in ENDPOINTS if end not in targets))


def unguarded(key: str, arm: str, *targets: str) -> Claim:
    """A claim whose other endpoints send the same statements as before."""
    return Claim(key, arm, targets, (), tuple(end for end in ENDPOINTS if end not in targets))


def kind(claim: Claim) -> str:
    return str(claim.settled.kind) if claim.settled else "open"


def test_nothing_is_proven_of_identical_code() -> None:
    machine = Machine({})
    same = claim("same", "B", "GET a")
    machine.trial(same).run()
    assert kind(same) in ("inconclusive", "no-gain", "open")


def test_a_doubling_is_proven_after_few_pairs_and_replicated() -> None:
    machine = Machine({"B": {"GET a": 0.5}})
    faster = claim("faster", "B", "GET a")
    trial = machine.trial(faster)
    trial.run(2)
    trial.replicate()
    assert (kind(faster), faster.replicated) == ("proven", True)
    assert 4 <= faster.pairs <= 8
    assert machine.wanted[-1].held_out


def test_a_gain_that_the_held_out_requests_do_not_show_is_not_replicated() -> None:
    machine = Machine({"B": {"GET a": 0.5}})
    faster = claim("faster", "B", "GET a")
    trial = machine.trial(faster)
    trial.run(2)
    machine.factors = {}
    trial.replicate()
    assert faster.replicated is False


def test_a_slower_patch_is_stopped_early() -> None:
    machine = Machine({"B": {"GET a": 1.5}})
    slower = claim("slower", "B", "GET a")
    machine.trial(slower).run()
    assert kind(slower) == "slower"
    assert len(machine.wanted) <= 4


def test_a_gain_that_slows_another_endpoint_is_slower() -> None:
    machine = Machine({"B": {"GET a": 0.5, "GET b": 1.4}})
    harmful = claim("harmful", "B", "GET a")
    machine.trial(harmful).run()
    assert kind(harmful) == "slower"
    assert "GET b" in harmful.settled.reason


def test_endpoints_that_feel_nothing_are_guarded_together() -> None:
    machine = Machine({"B": {"GET a": 0.5}}, noise=0.03)
    faster = unguarded("faster", "B", "GET a")
    machine.trial(faster).run()
    assert kind(faster) == "proven"
    assert faster.pairs <= 8


def test_a_plain_slowdown_among_the_rest_is_seen() -> None:
    machine = Machine({"B": {"GET a": 0.5, "GET e": 1.5}})
    harmful = unguarded("harmful", "B", "GET a")
    machine.trial(harmful).run()
    assert kind(harmful) == "slower"
    assert "GET e" in harmful.settled.reason


def test_arms_that_the_time_does_not_reach_wait_their_turn() -> None:
    machine = Machine({"B1": {"GET a": 0.3}, "B2": {"GET b": 0.3}})
    machine.left = 100.0
    trial = machine.trial(unguarded("one", "B1", "GET a"), unguarded("two", "B2", "GET b"))
    trial.costs[BEFORE] |= {"GET a": 3.0, "GET b": 3.0}
    trial.run(2)
    assert "B2" not in machine.wanted[0].arms


def test_a_slow_machine_gives_its_time_to_the_fixes_that_save_most() -> None:
    ends = [f"GET {number}" for number in range(30)]
    machine = Machine({"B": dict.fromkeys(ends, 0.2)})
    machine.slowness, machine.left = 40.0, 120.0
    claims = [Claim(end, "B", (end,)) for end in ends]
    trial = Trial(
        claims,
        {end: 1.0 + number for number, end in enumerate(ends)},
        {BEFORE: dict.fromkeys(ends, COST_MS / 1e3), "B": dict.fromkeys(ends, COST_MS / 5e3)},
        machine,
        lambda: machine.left,
    )
    trial.run(2)
    trial.replicate()
    proven = [one.key for one in claims if kind(one) == "proven" and one.replicated]
    assert proven
    assert proven[-1] == ends[-1]
    assert machine.left > -20


def test_a_rival_that_saves_less_than_a_proven_one_is_measured_no_more() -> None:
    machine = Machine({"B1": {"GET a": 0.2}, "B2": {"GET a": 0.8}}, noise=0.05)
    best = Claim("best", "B1", ("GET a",), rivals=("second",))
    second = Claim("second", "B2", ("GET a",), rivals=("best",))
    machine.trial(best, second).run()
    assert kind(best) == "proven"
    assert second.settled.reason == "a proven rival saves more"


def test_bundles_are_judged_by_their_own_endpoints() -> None:
    machine = Machine({"B": {"GET a": 0.4, "GET b": 1.5}})
    guards = ENDPOINTS[2:]
    good = Claim("good", "B", ("GET a",), guards)
    bad = Claim("bad", "B", ("GET b",), guards)
    machine.trial(good, bad).run()
    assert (kind(good), kind(bad)) == ("proven", "slower")


def test_the_two_copies_of_the_original_run_for_three_sets_only() -> None:
    machine = Machine({"B": {"GET a": 0.9}}, noise=0.05)
    trial = machine.trial(claim("close", "B", "GET a"))
    trial.run()
    assert [AGAIN in one.arms for one in machine.wanted[:4]] == [True, True, True, False]
    calibration = trial.calibration()
    assert calibration is not None
    assert calibration.pairs == 3
    assert 0.02 < calibration.noise < 0.12


def test_a_settled_arm_is_launched_no_more() -> None:
    machine = Machine({"B1": {"GET a": 0.3}, "B2": {"GET b": 0.93}}, noise=0.03)
    machine.trial(claim("plain", "B1", "GET a"), claim("close", "B2", "GET b")).run()
    assert "B1" in machine.wanted[0].arms
    assert "B1" not in machine.wanted[-1].arms
    assert all(BEFORE in one.arms for one in machine.wanted)


def test_the_budget_ends_the_measurement_and_leaves_time_to_replicate() -> None:
    machine = Machine({"B": {"GET a": 0.9}}, noise=0.2)
    machine.left = 65.0
    machine.trial(claim("noisy", "B", "GET a")).run(2)
    assert machine.left >= 2 * SET_S


def test_an_arm_that_crashes_has_failed_and_the_others_go_on() -> None:
    machine = Machine({"B1": {"GET a": 0.3}})
    machine.crashing = "B2"
    good, crashed = claim("good", "B1", "GET a"), claim("crashed", "B2", "GET b")
    machine.trial(good, crashed).run()
    assert (kind(good), kind(crashed)) == ("proven", "failed")


def test_a_crash_of_the_original_ends_the_proof() -> None:
    machine = Machine({})
    machine.crashing = BEFORE
    with pytest.raises(UnslowError, match="the application itself failed"):
        machine.trial(claim("any", "B", "GET a")).run()


def test_wall_time_is_the_metric_where_backends_cannot_be_seen() -> None:
    machine = Machine({"B": {"GET a": 0.5}})
    trial = machine.trial(claim("faster", "B", "GET a"))
    trial.run()
    assert trial.metric == "cpu"
    trial.sets.append(LaunchSet({}, unseen="a database on another machine"))
    assert trial.metric == "wall"


def test_false_proofs_are_rare_over_whole_trials() -> None:
    proven = 0
    for seed in range(25):
        machine = Machine({}, noise=0.03)
        machine.random = random.Random(seed)
        claims = [claim(f"c{n}", f"B{n}", end) for n, end in enumerate(ENDPOINTS[:4])]
        machine.trial(*claims).run()
        proven += sum(kind(one) == "proven" for one in claims)
    assert proven <= 1
