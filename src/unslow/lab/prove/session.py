"""The lab as a sampler: turns what a trial wants into launches and requests."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from unslow.lab.prove.schedule import BEFORE, Arm, LaunchSet, SignIn, measure, shares
from unslow.lab.prove.trial import Costs, Wanted
from unslow.lab.target import Lab
from unslow.lab.workload import Call, Workload
from unslow.progress import Progress

Clock = Callable[[], float]

UNKNOWN_S = 0.1  # a call that was never timed


def deadline(budget_s: float) -> Clock:
    """Seconds left of a budget that starts now."""
    end = time.monotonic() + budget_s
    return lambda: end - time.monotonic()


@dataclass
class Session:
    """Launches arms of one lab on one workload. `costs` is shared with the trial."""

    lab: Lab
    workload: Workload
    arms: Mapping[str, Arm]
    costs: Costs
    once: frozenset[str]
    random: Random
    progress: Progress
    seconds_left: Clock
    sign_in: SignIn | None = None
    sets: int = 0

    def __call__(self, wanted: Wanted) -> LaunchSet:
        """One launch set. Raises `ArmFailed`."""
        self.sets += 1
        arms = [self.arms[name] for name in wanted.arms]
        calls = by_endpoint(self.workload.calls)
        if wanted.held_out:
            calls |= by_endpoint(self.workload.held_out)
        cost_s = {
            end: self._cost_s(end, one.arms) * one.at_once for end, one in wanted.slices.items()
        }
        plan = shares(calls, cost_s, wanted.slices, self.once, self.random)
        self.progress.step(f"launch set {self.sets}, {len(arms)} arms", 1, self.seconds_left())
        return measure(
            self.lab,
            arms,
            plan,
            self.random,
            sign_in=self.sign_in,
            progress=self.progress,
            seconds_left=self.seconds_left,
        )

    def _cost_s(self, endpoint: str, arms: Sequence[str]) -> float:
        """Seconds of one call in all of `arms`."""
        usual = self.costs.get(BEFORE, {}).get(endpoint, UNKNOWN_S)
        return sum(self.costs.get(arm, {}).get(endpoint, usual) for arm in arms)


def by_endpoint(calls: Sequence[Call]) -> dict[str, list[Call]]:
    grouped: dict[str, list[Call]] = {}
    for call in calls:
        grouped.setdefault(call.endpoint, []).append(call)
    return grouped


def weights(workload: Workload) -> dict[str, float]:
    """Each endpoint's part of the traffic: the sum of its calls' weights."""
    return {end: sum(c.weight for c in group) for end, group in by_endpoint(workload.calls).items()}
