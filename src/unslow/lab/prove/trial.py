"""Spends the time budget: launch sets until every claim is settled, looked at after each."""

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, variance
from typing import Protocol

from unslow.lab.errors import UnslowError
from unslow.lab.prove._ratios import Metric, log_ratios, mean_ms, metric_of
from unslow.lab.prove.evidence import NoisePrior, e_bh, interval, noise_prior, smallest_detectable
from unslow.lab.prove.judge import (
    Judgement,
    Measured,
    futile,
    judge,
    open_guards,
    promising,
    replicates,
)
from unslow.lab.prove.schedule import AGAIN, BEFORE, ArmFailed, LaunchSet
from unslow.model import Calibration

CALIBRATION_SETS = 3
REPLICATION_SETS = 2
MOST_SETS = 40
PLANNED_SETS = 8  # the time is spread over so many; a doubling needs four
FEWEST_GUARD_PAIRS = 3
TARGET_SLICE_S = 1.5  # per endpoint and launch set, in all arms together
GUARD_SLICE_S = 0.5
FIRST_LAUNCH_S = 3.0  # per arm, until the first set tells better


@dataclass(frozen=True)
class Wanted:
    """What the next launch set is to measure: arms by name, seconds by endpoint."""

    arms: tuple[str, ...]
    slices_s: Mapping[str, float]
    held_out: bool = False


class Sampler(Protocol):
    """Measures one launch set. Raises `ArmFailed`."""

    def __call__(self, wanted: Wanted) -> LaunchSet: ...


@dataclass
class Claim:
    """`after` is faster than `before` on `targets` and harms none of `guards`."""

    key: str
    after: str
    targets: tuple[str, ...]
    guards: tuple[str, ...] = ()
    before: str = BEFORE
    settled: Judgement | None = None
    pairs: int = 0  # launch sets seen when it was settled
    replicated: bool | None = None

    @property
    def endpoints(self) -> tuple[str, ...]:
        return (*self.targets, *self.guards)


@dataclass
class Trial:
    """The claims, what was measured so far, and the clock.

    `weights` are the endpoints' parts of the traffic, `cost_s` the seconds of one call in one arm.
    """

    claims: list[Claim]
    weights: Mapping[str, float]
    cost_s: dict[str, float]
    sample: Sampler
    seconds_left: Callable[[], float]
    calibrate: bool = True
    sets: list[LaunchSet] = field(default_factory=list)
    fresh: list[LaunchSet] = field(default_factory=list)
    _noise_known: tuple[int, NoisePrior | None, float] = (0, None, 0.0)

    @property
    def metric(self) -> Metric:
        return metric_of(self.sets)

    def run(self, reserve_sets: int = 0) -> None:
        """Measure until every claim is settled, the time ends or `MOST_SETS` is reached.

        `reserve_sets` is the number of launch sets that must still fit afterwards. Raises
        `UnslowError` when the unpatched application fails.
        """
        while self._open() and len(self.sets) < MOST_SETS and self._fits(1 + reserve_sets):
            try:
                self.sets.append(self.sample(self._wanted(reserve_sets)))
            except ArmFailed as error:
                self._lose(error)
                continue
            self._learn_costs(self.sets[-1])
            self._settle()

    def replicate(self) -> None:
        """Measure what seems proven in fresh launches, on requests that no fixer saw."""
        claims = [one for one in self.claims if one.settled and one.settled.kind == "proven"]
        arms = tuple(dict.fromkeys(name for one in claims for name in (one.before, one.after)))
        slices = dict.fromkeys((end for one in claims for end in one.targets), TARGET_SLICE_S)
        while arms and len(self.fresh) < REPLICATION_SETS:  # `run` has kept the time for it
            try:
                self.fresh.append(self.sample(Wanted(arms, slices, held_out=True)))
            except ArmFailed as error:
                arms = tuple(name for name in arms if name != error.arm)
        if len(self.fresh) == REPLICATION_SETS:
            for claim in claims:
                fresh = self._measured(self.fresh, claim)
                claim.replicated = replicates(self.measured(claim), fresh)

    def measured(self, claim: Claim) -> Measured:
        """The log ratios of a claim, up to the set in which it was settled."""
        return self._measured(self.sets[: claim.pairs] if claim.settled else self.sets, claim)

    def _measured(self, sets: Sequence[LaunchSet], claim: Claim) -> Measured:
        def ratios(endpoints: Collection[str]) -> tuple[float, ...]:
            chosen = {end: self.weights.get(end, 1.0) for end in endpoints}
            return log_ratios(sets, claim.before, claim.after, chosen, self.metric)

        return Measured(
            ratios(claim.targets),
            {end: ratios((end,)) for end in claim.targets},
            {end: ratios((end,)) for end in claim.guards},
            self.noise(),
            self.prior(),
        )

    def prior(self) -> NoisePrior | None:
        """What identical code (A/A') and untouched endpoints say of the noise."""
        return self._known_noise()[0]

    def noise(self) -> float:
        """The standard deviation of an A/A' pair's log ratio, over the endpoints."""
        return self._known_noise()[1]

    def _known_noise(self) -> tuple[NoisePrior | None, float]:
        if self._noise_known[0] != len(self.sets):
            again = [ratios for ratios in self._again_ratios() if len(ratios) > 1]
            own = noise_prior(again)
            pooled = own.variance if own else fmean(map(variance, again)) if again else 0.0
            prior = noise_prior([*again, *self._guard_ratios()])
            self._noise_known = (len(self.sets), prior, math.sqrt(pooled))
        return self._noise_known[1:]

    def calibration(self) -> Calibration | None:
        """The noise of this machine while the trial ran; None before two A/A' pairs."""
        pairs = sum(AGAIN in one.samples for one in self.sets)
        if pairs < 2:
            return None
        noise = self.noise()
        waiting = fmean(one.waiting_share for one in self.sets)
        return Calibration(noise, waiting, smallest_detectable(noise, PLANNED_SETS), pairs)

    def _open(self) -> list[Claim]:
        return [claim for claim in self.claims if claim.settled is None]

    def _settle(self) -> None:
        found = {claim.key: self.measured(claim) for claim in self.claims}
        standing = e_bh({key: one.evidence for key, one in found.items()})
        for claim in self._open():
            judgement = judge(found[claim.key], stands=claim.key in standing)
            if judgement.kind is None and futile(found[claim.key], self._most_pairs()):
                judgement = Judgement("inconclusive", _too_little(found[claim.key]))
            if judgement.kind is not None:
                claim.settled, claim.pairs = judgement, len(self.sets)

    def _lose(self, error: ArmFailed) -> None:
        if error.arm in (BEFORE, AGAIN):
            raise UnslowError(f"the application itself failed in the measurement: {error}")
        lost = [claim for claim in self._open() if error.arm in (claim.after, claim.before)]
        if not lost:
            raise error
        for claim in lost:
            claim.settled, claim.pairs = Judgement("failed", str(error)), len(self.sets)

    def _wanted(self, reserve_sets: int) -> Wanted:
        arms = self._arms()
        seconds = self._set_seconds(len(arms), reserve_sets)
        return Wanted(arms, self._slices(seconds, len(arms)))

    def _arms(self) -> tuple[str, ...]:
        again = [AGAIN] if self.calibrate and len(self.sets) < CALIBRATION_SETS else []
        needed = [name for claim in self._open() for name in (claim.before, claim.after)]
        return tuple(dict.fromkeys([BEFORE, *again, *needed]))

    def _launch_s(self, arms: int) -> float:
        if not self.sets:
            return FIRST_LAUNCH_S * arms
        last = self.sets[-1]
        return last.launch_s / max(len(last.samples), 1) * arms

    def _set_seconds(self, arms: int, reserve_sets: int) -> float:
        """Seconds of requests that one set may take, so that the planned number of sets fits."""
        planned = max(1, PLANNED_SETS - len(self.sets)) + reserve_sets
        return max(self.seconds_left() / planned - self._launch_s(arms), 1.0)

    def _fits(self, sets: int) -> bool:
        if not self.sets:
            return self.seconds_left() > 0
        return self.seconds_left() >= sets * self.sets[-1].seconds

    def _most_pairs(self) -> int:
        """The number of pairs that there may be when the time ends."""
        more = self.seconds_left() / max(self.sets[-1].seconds, 0.01)
        return min(MOST_SETS, len(self.sets) + max(0, int(more)))

    def _slices(self, seconds: float, arms: int) -> dict[str, float]:
        """Seconds per endpoint: targets first, then the guards that were seen least."""
        claims = self._open()
        shown = {end for claim in claims for end in claim.targets}
        targets = {
            end for claim in claims if not promising(self.measured(claim)) for end in claim.targets
        }
        guards = self._needed_guards() - shown
        guard_slice_s = GUARD_SLICE_S if targets else TARGET_SLICE_S
        slices = {end: TARGET_SLICE_S if end in targets else GUARD_SLICE_S for end in sorted(shown)}
        used = sum(self._least_s(end, arms) for end in slices)
        for end in sorted(guards, key=lambda end: (self._pairs(end), end)):
            used += self._least_s(end, arms)
            if used <= seconds or self._pairs(end) < 1:
                slices[end] = guard_slice_s
        scale = min(1.0, seconds / sum(slices.values()))
        return {end: slice_s * scale for end, slice_s in slices.items()}

    def _needed_guards(self) -> set[str]:
        return {end for claim in self._open() for end in self._needed_guards_of(claim)}

    def _needed_guards_of(self, claim: Claim) -> Iterable[str]:
        still_open = open_guards(self.measured(claim))
        for end in claim.guards:
            if end in still_open or self._pairs(end, claim.after) < FEWEST_GUARD_PAIRS:
                yield end

    def _least_s(self, endpoint: str, arms: int) -> float:
        return 2 * arms * self.cost_s.get(endpoint, 0.0)  # once to warm up, once to measure

    def _pairs(self, endpoint: str, arm: str = BEFORE) -> int:
        return sum(endpoint in one.samples.get(arm, {}) for one in self.sets)

    def _learn_costs(self, one: LaunchSet) -> None:
        for endpoint in {end for samples in one.samples.values() for end in samples}:
            seen = [s[endpoint] for s in one.samples.values() if endpoint in s]
            self.cost_s[endpoint] = fmean(mean_ms(sample, "wall") for sample in seen) / 1e3

    def _again_ratios(self) -> Iterable[tuple[float, ...]]:
        for end, weight in self.weights.items():
            yield log_ratios(self.sets, BEFORE, AGAIN, {end: weight}, self.metric)

    def _guard_ratios(self) -> Iterable[tuple[float, ...]]:
        pairs = {(claim.before, claim.after, end) for claim in self.claims for end in claim.guards}
        for before, after, end in sorted(pairs):
            yield log_ratios(self.sets, before, after, {end: 1.0}, self.metric)


def _too_little(found: Measured) -> str:
    likely = -math.expm1(interval(found.values, prior=found.prior).low)
    return f"the gain is below {max(likely, 0.0):.1%}, which the time budget cannot tell from none"
