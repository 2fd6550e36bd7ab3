"""How much slower than the base: launch pairs, until each endpoint is surely within or past."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Literal

from unslow.errors import UnslowError
from unslow.lab.budget.rules import Limit
from unslow.lab.prove._ratios import Metric, log_ratios, metric_of
from unslow.lab.prove.evidence import (
    PROVEN_EVIDENCE,
    NoisePrior,
    e_bh,
    e_value,
    interval,
    noise_prior,
)
from unslow.lab.prove.judge import FEWEST_PAIRS_AGAINST, SURE, speedup
from unslow.lab.prove.schedule import ArmFailed, LaunchSet, Slice
from unslow.lab.prove.trial import (
    FIRST_LAUNCH_S,
    MOST_SETS,
    PLANNED_SETS,
    TARGET_SLICE_S,
    Sampler,
    Wanted,
)
from unslow.model import Slowdown

BASE, HEAD = "A", "B"
LEAST_SET_S = 1.0
NO_PAIRS = "the time budget ended before it was measured; allow more with --time-budget"

Status = Literal["within", "exceeded", "open"]


def slowdowns(
    sample: Sampler, limits: Mapping[str, Limit], seconds_left: Callable[[], float]
) -> dict[str, Slowdown]:
    """Measure every endpoint of `limits` until the time ends or all are settled.

    Raises `UnslowError` when one of the two versions stops answering.
    """
    race = Race(limits)
    while race.open and len(race.sets) < MOST_SETS and race.set_s <= seconds_left():
        try:
            race.sets.append(sample(race.wanted(seconds_left())))
        except ArmFailed as error:
            side = "the base" if error.arm == BASE else "the application"
            raise UnslowError(f"{side} failed while it was measured: {error}") from error
        race.settle()
    return race.results()


@dataclass
class Race:
    """The launch sets so far, and the endpoints that they have settled."""

    limits: Mapping[str, Limit]
    sets: list[LaunchSet] = field(default_factory=list)
    settled: dict[str, tuple[Status, tuple[float, ...]]] = field(default_factory=dict)

    @property
    def open(self) -> tuple[str, ...]:
        return tuple(end for end in self.limits if end not in self.settled)

    @property
    def set_s(self) -> float:
        """Seconds that the next launch set takes, as far as is known."""
        return self.sets[-1].seconds if self.sets else 2 * FIRST_LAUNCH_S

    def wanted(self, seconds_left: float) -> Wanted:
        """Both arms; as long for each open endpoint as the time allows."""
        launch_s = self.sets[-1].launch_s if self.sets else 2 * FIRST_LAUNCH_S
        planned = max(1, PLANNED_SETS - len(self.sets))
        room_s = max(seconds_left / planned - launch_s, LEAST_SET_S)
        each = Slice(min(TARGET_SLICE_S, room_s / len(self.open)), (BASE, HEAD))
        return Wanted((BASE, HEAD), dict.fromkeys(self.open, each))

    def settle(self) -> None:
        """Close what is surely within its limit, and what stands as past it among all claims."""
        values = {end: self._values(end) for end in self.limits}
        standing = e_bh({end: against(values[end], self.limits[end].value) for end in self.limits})
        shared = noise_prior(list(values.values()))
        for end in self.open:
            limit = self.limits[end].value
            found = judged(values[end], limit, stands=end in standing, prior=shared)
            if found != "open":
                self.settled[end] = found, values[end]

    def results(self) -> dict[str, Slowdown]:
        return {end: self._result(end) for end in self.limits}

    def _result(self, endpoint: str) -> Slowdown:
        limit = self.limits[endpoint]
        status, values = self.settled.get(endpoint, ("open", self._values(endpoint)))
        if not values:
            return Slowdown(limit.value, limit.glob, "not-measured", reason=NO_PAIRS)
        return Slowdown(
            limit=limit.value,
            glob=limit.glob,
            status=status,
            speedup=speedup(values),
            pairs=len(values),
            metric=self._metric,
        )

    @property
    def _metric(self) -> Metric:
        return metric_of(self.sets)

    def _values(self, endpoint: str) -> tuple[float, ...]:
        known = self.settled.get(endpoint)
        return (
            known[1] if known else log_ratios(self.sets, BASE, HEAD, {endpoint: 1.0}, self._metric)
        )


def against(values: Sequence[float], limit: float) -> float:
    """Evidence (an e-value) that the slowdown is more than `limit`; 1 where it seems less."""
    over = [value - math.log1p(limit) for value in values]
    return e_value(over) if over and fmean(over) > 0 else 1.0


def judged(
    values: Sequence[float], limit: float, *, stands: bool, prior: NoisePrior | None = None
) -> Status:
    """The status that log ratios (head/base) allow.

    "exceeded": the lower end of the 99 % interval is past the limit, and the evidence for it,
    which may be looked at after every pair, `stands` among all endpoints. What the endpoints
    share of the noise (`prior`) helps to clear one, and to accuse none.
    """
    bound = math.log1p(limit)
    if stands and against(values, limit) >= PROVEN_EVIDENCE and interval(values).low > bound:
        return "exceeded"
    if len(values) >= FEWEST_PAIRS_AGAINST and interval(values, SURE, prior).high < bound:
        return "within"
    return "open"


def same_code(limits: Mapping[str, Limit]) -> dict[str, Slowdown]:
    return {
        end: Slowdown(limit.value, limit.glob, "within", reason="the same code as the base")
        for end, limit in limits.items()
    }


def unmeasured(limits: Mapping[str, Limit], why: Mapping[str, str]) -> dict[str, Slowdown]:
    """The endpoints that cannot be measured, each with its reason."""
    return {
        end: Slowdown(limits[end].value, limits[end].glob, "not-measured", reason=reason)
        for end, reason in why.items()
        if end in limits
    }
