"""Spends the time budget: launch sets until every claim is settled, looked at after each."""

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean, variance
from typing import Protocol

from unslow.errors import UnslowError
from unslow.lab.prove._ratios import (
    Clock,
    Metric,
    log_ratios,
    mean_log_ratios,
    mean_ms,
    metric_of,
)
from unslow.lab.prove.clocks import judge_gate, judge_waiting, own
from unslow.lab.prove.evidence import (
    NoisePrior,
    e_bh,
    fewest_pairs,
    interval,
    noise_prior,
    smallest_detectable,
)
from unslow.lab.prove.judge import (
    FEWEST_PAIRS_AGAINST,
    FIXES,
    REST,
    Judgement,
    Measured,
    Rules,
    open_guards,
    promising,
    replicates,
)
from unslow.lab.prove.schedule import AGAIN, BEFORE, SLOW_S, ArmFailed, LaunchSet, Slice
from unslow.model import Calibration
from unslow.model.patch import PatchMetric

CALIBRATION_SETS = 3
CALIBRATION_ENDPOINTS = 8  # the cheapest ones
REPLICATION_SETS = 2
MOST_SETS = 40
PLANNED_SETS = 8  # the time is spread over so many; a doubling needs four
FEWEST_GUARD_PAIRS = 3
REST_SHARE = 0.2  # of a launch set's seconds, for endpoints that no patch should reach
FEWEST_REST = 3
TARGET_SLICE_S = 1.5  # per endpoint and launch set, in all arms together
GUARD_SLICE_S = 0.5  # for targets too, where the gain is plain
PLAIN_GAIN = 0.6  # the cost that a fix with a plain gain leaves
FIRST_LAUNCH_S = 2.0  # per arm, until the first set tells better

Costs = dict[str, dict[str, float]]  # seconds of one call: arm -> endpoint -> seconds


@dataclass(frozen=True)
class Wanted:
    """What the next launch set is to measure: arms by name, a slice by endpoint."""

    arms: tuple[str, ...]
    slices: Mapping[str, Slice]
    held_out: bool = False


class Sampler(Protocol):
    """Measures one launch set. Raises `ArmFailed`."""

    def __call__(self, wanted: Wanted) -> LaunchSet: ...


@dataclass
class Claim:
    """`after` is faster than `before` on `targets` and harms nobody.

    `guards` may feel the patch and are watched one by one, `rest` together (see `Measured`).
    `metric` decides about it (see `Patch`); `at_once` copies of a call are sent together to the
    endpoints that it names, and `waiting` are those that wall time guards where CPU decides.
    """

    key: str
    after: str
    targets: tuple[str, ...]
    guards: tuple[str, ...] = ()
    rest: tuple[str, ...] = ()
    rivals: tuple[str, ...] = ()
    before: str = BEFORE
    settled: Judgement | None = None
    pairs: int = 0  # launch sets seen when it was settled
    replicated: bool | None = None
    metric: PatchMetric = "cpu"
    at_once: Mapping[str, int] = field(default_factory=dict)
    waiting: frozenset[str] = frozenset()


@dataclass
class Trial:
    """The claims, what was measured so far, and the clock.

    `weights` are the endpoints' parts of the traffic. `costs` may lack arms and endpoints; it is
    kept up to date here.
    """

    claims: list[Claim]
    weights: Mapping[str, float]
    costs: Costs
    sample: Sampler
    seconds_left: Callable[[], float]
    calibrate: bool = True
    sets: list[LaunchSet] = field(default_factory=list)
    fresh: list[LaunchSet] = field(default_factory=list)
    standing: frozenset[str] = frozenset()  # the claims that stand together, by e-BH
    others: Mapping[str, float] = field(default_factory=dict)  # evidence judged elsewhere
    rules: Rules = FIXES
    first_launch_s: float = FIRST_LAUNCH_S
    _measured_known: dict[str, tuple[int, Measured]] = field(default_factory=dict)
    _single_known: dict[tuple[object, ...], tuple[float, ...]] = field(default_factory=dict)
    _slowness: float = 1.0  # how much longer a launch set takes than its least
    _noise_known: dict[Clock, tuple[int, NoisePrior | None, float]] = field(default_factory=dict)

    @property
    def metric(self) -> Metric:
        return metric_of(self.sets)

    def run(self, reserve_sets: int = 0) -> None:
        """Measure until every claim is settled, the time ends or `MOST_SETS` is reached.

        `reserve_sets` is the number of launch sets that must still fit afterwards. Raises
        `UnslowError` when the unpatched application fails.
        """
        while self._open() and not self._ended() and len(self.sets) < MOST_SETS:
            claims = self._affordable(reserve_sets)
            if self._set_s(claims) + self._reserve_s(claims, reserve_sets) > self.seconds_left():
                break
            try:
                self.sets.append(self.sample(self._wanted(claims, reserve_sets)))
            except ArmFailed as error:
                self._lose(error)
                continue
            self._learn_costs(self.sets[-1])
            self._learn_slowness(self.sets[-1], claims)
            self._settle()

    def replicate(self) -> None:
        """Measure what seems proven in fresh launches, on requests that no fixer saw."""
        claims = [one for one in self.claims if _is_proven(one)]
        arms = tuple(dict.fromkeys(name for one in claims for name in (one.before, one.after)))
        slices = _merged(
            (end, Slice(TARGET_SLICE_S, (one.before, one.after), one.at_once.get(end, 1)))
            for one in claims
            for end in one.targets
        )
        seconds = max(self.seconds_left() / REPLICATION_SETS - self._launch_s(len(arms)), 1.0)
        slices = _scaled(slices, seconds)
        while arms and len(self.fresh) < REPLICATION_SETS:  # `run` has kept the time for it
            try:
                self.fresh.append(self.sample(Wanted(arms, slices, held_out=True)))
            except ArmFailed as error:
                arms = tuple(name for name in arms if name != error.arm)
                for claim in claims:
                    if error.arm == claim.after:
                        claim.settled = Judgement("failed", str(error))
        if len(self.fresh) == REPLICATION_SETS:
            for claim in claims:
                fresh = self._measured(self.fresh, claim)
                claim.replicated = replicates(own(self.measured(claim)), own(fresh))

    def measured(self, claim: Claim) -> Measured:
        """The log ratios of a claim, up to the set in which it was settled."""
        known = self._measured_known.get(claim.key)
        if known is None or known[0] != len(self.sets):
            sets = self.sets[: claim.pairs] if claim.settled else self.sets
            known = (len(self.sets), self._measured(sets, claim))
            self._measured_known[claim.key] = known
        return known[1]

    def of_all(self, claim: Claim) -> Measured:
        """The log ratios of a claim over all sets, those after it was settled included."""
        return self._measured(self.sets, claim)

    def _measured(self, sets: Sequence[LaunchSet], claim: Claim) -> Measured:
        metric = self.metric
        clock = self.clock(claim)

        def ratios(endpoints: Collection[str], by: Clock) -> tuple[float, ...]:
            chosen = {end: self.weights.get(end, 1.0) for end in endpoints}
            return log_ratios(sets, claim.before, claim.after, chosen, by)

        def single(endpoint: str, by: Clock = metric) -> tuple[float, ...]:
            key = sets is self.fresh, len(sets), by, claim.before, claim.after, endpoint
            if key not in self._single_known:
                self._single_known[key] = ratios((endpoint,), by)
            return self._single_known[key]

        found = Measured(
            ratios(claim.targets, clock),
            {
                end: single(end, "latency" if end in claim.waiting else clock)
                for end in claim.targets
            },
            {end: single(end) for end in claim.guards},
            {end: single(end) for end in claim.rest},
            mean_log_ratios(sets, claim.before, claim.after, claim.rest, self.metric),
            self.noise(),
            self.prior(),
            self.rules.limit,
        )
        if claim.metric == "cpu":
            return found
        cpu = {end: single(end) for end in claim.targets} if metric == "cpu" else {}
        return replace(found, cpu=cpu, waits=(self.noise(clock), self.prior(clock)))

    def clock(self, claim: Claim) -> Clock:
        """What decides about a claim."""
        return self.metric if claim.metric == "cpu" else "latency"

    def judged(self, claim: Claim) -> Judgement:
        """The verdict that the launch sets so far allow."""
        found, stands = self.measured(claim), claim.key in self.standing
        if claim.metric == "gate":
            return judge_gate(found)
        if claim.metric == "wall":
            return judge_waiting(found, stands=stands)
        return self.rules.judge(found, stands=stands)

    def prior(self, clock: Clock | None = None) -> NoisePrior | None:
        """What identical code (A/A') and untouched endpoints say of the noise."""
        return self._known_noise(clock or self.metric)[0]

    def noise(self, clock: Clock | None = None) -> float:
        """The standard deviation of an A/A' pair's log ratio, over the endpoints."""
        return self._known_noise(clock or self.metric)[1]

    def _known_noise(self, clock: Clock) -> tuple[NoisePrior | None, float]:
        known = self._noise_known.get(clock)
        if known is None or known[0] != len(self.sets):
            again = [ratios for ratios in self._again_ratios(clock) if len(ratios) > 1]
            own = noise_prior(again)
            pooled = own.variance if own else fmean(map(variance, again)) if again else 0.0
            prior = noise_prior([*again, *self._guard_ratios(clock)])
            known = self._noise_known[clock] = (len(self.sets), prior, math.sqrt(pooled))
        return known[1:]

    def calibration(self) -> Calibration | None:
        """The noise of this machine while the trial ran; None before two A/A' pairs."""
        pairs = sum(AGAIN in one.samples for one in self.sets)
        noise = self.noise()
        if pairs < 2 or noise == 0:  # no endpoint was measured twice
            return None
        waiting = fmean(one.waiting_share for one in self.sets)
        return Calibration(noise, waiting, smallest_detectable(noise, PLANNED_SETS), pairs)

    def _open(self) -> list[Claim]:
        return [claim for claim in self.claims if claim.settled is None]

    def _ended(self) -> bool:
        """Whether one claim's verdict decides about all of them."""
        return any(one.settled and one.settled.kind in self.rules.end for one in self.claims)

    def _settle(self) -> None:
        found = {claim.key: self.measured(claim) for claim in self.claims}
        # What the time did not reach is no claim: it was left out by its cost, not by its result.
        judged = {
            claim.key: found[claim.key]
            for claim in self.claims
            if claim.metric != "gate" and len(found[claim.key].values) >= fewest_pairs()
        }
        evidence = {key: one.evidence for key, one in judged.items()}
        self.standing = e_bh({**self.others, **evidence})
        for claim in self._open():
            judgement, mine = self.judged(claim), own(found[claim.key])
            hopeless = claim.metric != "gate" and self.rules.futile(mine, self._most_pairs())
            if judgement.kind is None and hopeless:
                judgement = Judgement("inconclusive", _too_little(mine))
            if judgement.kind is not None:
                claim.settled, claim.pairs = judgement, len(self.sets)
        self._settle_rivals(found)

    def _settle_rivals(self, found: Mapping[str, Measured]) -> None:
        """At most one of several rivals is kept: what a proven one outdoes needs no proof."""
        proven = {one.key: one for one in self.claims if _is_proven(one)}
        for claim in self._open():
            for key in claim.rivals:
                if key in proven and _gains_less(found[claim.key], self.measured(proven[key])):
                    claim.settled = Judgement("inconclusive", "a proven rival saves more")
                    claim.pairs = len(self.sets)

    def _lose(self, error: ArmFailed) -> None:
        if error.arm in (BEFORE, AGAIN):
            raise UnslowError(f"the application itself failed in the measurement: {error}")
        lost = [claim for claim in self._open() if error.arm in (claim.after, claim.before)]
        if not lost:
            raise error
        for claim in lost:
            claim.settled, claim.pairs = Judgement("failed", str(error)), len(self.sets)

    def _wanted(self, claims: Sequence[Claim], reserve_sets: int) -> Wanted:
        needed = [name for claim in claims for name in (claim.before, claim.after)]
        again = [AGAIN] if self.calibrate and len(self.sets) < CALIBRATION_SETS else []
        arms = tuple(dict.fromkeys([BEFORE, *again, *needed]))
        planned = max(1, PLANNED_SETS - len(self.sets)) + reserve_sets
        seconds = max(self.seconds_left() / planned - self._launch_s(len(arms)), 1.0)
        slices = self._slices(claims, seconds)
        if again:
            cheapest = sorted(slices, key=lambda end: self._cost_s(BEFORE, end))
            for end in cheapest[:CALIBRATION_ENDPOINTS]:
                slices = _merged([*slices.items(), (end, Slice(0.0, (BEFORE, AGAIN)))])
        return Wanted(arms, _scaled(slices, seconds))

    def _affordable(self, reserve_sets: int) -> list[Claim]:
        """The open claims that can be measured often enough, begun ones and those that save most
        first; the others wait for their turn."""
        missing = {claim.key: self._missing_pairs(claim) for claim in self._open()}
        started = {key for key, pairs in missing.items() if pairs < fewest_pairs()}
        chosen: list[Claim] = []
        for claim in sorted(
            self._open(), key=lambda one: (one.key not in started, -self._savings_s(one))
        ):
            more = [*chosen, claim]
            needed_s = sum(
                self._set_s([one for one in more if missing[one.key] > number])
                for number in range(max(missing[one.key] for one in more))
            )
            if not chosen or needed_s + self._reserve_s(more, reserve_sets) <= self.seconds_left():
                chosen = more
        return chosen

    def _reserve_s(self, claims: Sequence[Claim], sets: int) -> float:
        """Seconds that `sets` launch sets of all that is or may become proven take."""
        proven = [one for one in self.claims if _is_proven(one)]
        return sets * self._set_s([*proven, *claims])

    def _missing_pairs(self, claim: Claim) -> int:
        fewest = FEWEST_PAIRS_AGAINST if claim.metric == "gate" else fewest_pairs()
        return max(1, fewest - len(self.measured(claim).values))

    def _savings_s(self, claim: Claim) -> float:
        """What the claim promises to save per round of traffic, by what is known of its cost."""
        return self._traffic_s(claim.before, claim) - self._traffic_s(claim.after, claim)

    def _promises_much(self, claim: Claim) -> bool:
        """Whether few requests per launch will do: their noise is small beside such a gain."""
        return self._traffic_s(claim.after, claim) < PLAIN_GAIN * self._traffic_s(
            claim.before, claim
        )

    def _traffic_s(self, arm: str, claim: Claim) -> float:
        return sum(self.weights.get(end, 1.0) * self._cost_s(arm, end) for end in claim.targets)

    def _least_requests_s(self, claims: Sequence[Claim]) -> float:
        places = {
            (name, end)
            for claim in claims
            for name in (claim.before, claim.after)
            for end in claim.targets
        }
        return sum(self._least_s(*place) for place in places)

    def _set_s(self, claims: Sequence[Claim]) -> float:
        """Seconds that a launch set of these claims takes, judging by the last one."""
        arms = {name for claim in claims for name in (claim.before, claim.after)}
        return self._launch_s(len(arms)) + self._slowness * self._least_requests_s(claims)

    def _launch_s(self, arms: int) -> float:
        if not self.sets:
            return self.first_launch_s * arms
        last = self.sets[-1]
        return last.launch_s / max(len(last.samples), 1) * arms

    def _most_pairs(self) -> int:
        """The number of pairs that there may be when the time ends."""
        more = self.seconds_left() / max(self.sets[-1].seconds, 0.01)
        return min(MOST_SETS, len(self.sets) + max(0, int(more)))

    def _slices(self, claims: Sequence[Claim], seconds: float) -> dict[str, Slice]:
        """Targets, then the guards that are not cleared yet, then a few of the rest."""
        parts: list[tuple[str, Slice]] = []
        rest: dict[str, list[str]] = {}
        for claim in claims:
            both, found = (claim.before, claim.after), self.measured(claim)
            still_open = open_guards(found)
            plain = promising(found) or self._promises_much(claim)
            target_s = GUARD_SLICE_S if plain else TARGET_SLICE_S
            parts += [
                (end, Slice(target_s, both, claim.at_once.get(end, 1))) for end in claim.targets
            ]
            for end in claim.guards:
                if end in still_open or len(found.guards[end]) < FEWEST_GUARD_PAIRS:
                    parts.append((end, Slice(GUARD_SLICE_S, both)))
            if REST in still_open or len(found.rest_mean) < FEWEST_GUARD_PAIRS:
                for end in claim.rest:
                    rest.setdefault(end, []).extend(both)
        parts += self._some(rest, seconds * REST_SHARE)
        return _merged(parts)

    def _some(
        self, rest: Mapping[str, Sequence[str]], seconds: float
    ) -> Iterable[tuple[str, Slice]]:
        """As many of the rest as the time allows, those that were seen least first."""
        used = 0.0
        ordered = sorted(rest, key=lambda end: (self._pairs(end), self._cost_s(BEFORE, end)))
        for number, end in enumerate(ordered):
            used += sum(self._least_s(arm, end) for arm in set(rest[end]))
            if used > seconds and number >= FEWEST_REST:
                return
            yield end, Slice(GUARD_SLICE_S, tuple(rest[end]))

    def _least_s(self, arm: str, endpoint: str) -> float:
        """Seconds of one warm-up, which slow endpoints do without, and one measured call."""
        cost = self._cost_s(arm, endpoint)
        return cost if cost > SLOW_S else 2 * cost

    def _cost_s(self, arm: str, endpoint: str) -> float:
        for name in (arm, BEFORE):
            if endpoint in self.costs.get(name, {}):
                return self.costs[name][endpoint]
        return 0.1

    def _pairs(self, endpoint: str) -> int:
        return sum(endpoint in one.samples.get(BEFORE, {}) for one in self.sets)

    def _learn_slowness(self, one: LaunchSet, claims: Sequence[Claim]) -> None:
        """What a set takes beyond its least: other endpoints, longer slices, a busy machine.

        It falls slowly, so that one lucky set does not fill the next one up.
        """
        found = (one.seconds - one.launch_s) / max(self._least_requests_s(claims), 1e-3)
        self._slowness = max(1.0, found, 0.7 * self._slowness)

    def _learn_costs(self, one: LaunchSet) -> None:
        for arm, samples in one.samples.items():
            known = self.costs.setdefault(arm, {})
            known |= {end: mean_ms(sample, "wall") / 1e3 for end, sample in samples.items()}

    def _again_ratios(self, clock: Clock) -> Iterable[tuple[float, ...]]:
        for end, weight in self.weights.items():
            yield log_ratios(self.sets, BEFORE, AGAIN, {end: weight}, clock)

    def _guard_ratios(self, clock: Clock) -> Iterable[tuple[float, ...]]:
        pairs = {(claim.before, claim.after, end) for claim in self.claims for end in claim.guards}
        for before, after, end in sorted(pairs):
            yield log_ratios(self.sets, before, after, {end: 1.0}, clock)


def _is_proven(claim: Claim) -> bool:
    return claim.settled is not None and claim.settled.kind == "proven"


def _gains_less(one: Measured, other: Measured) -> bool:
    return bool(one.values) and fmean(one.values) > fmean(other.values)


def _too_little(found: Measured) -> str:
    likely = -math.expm1(interval(found.values, prior=found.prior).low)
    return f"the gain is below {max(likely, 0.0):.1%}, which the time budget cannot tell from none"


def _scaled(slices: Mapping[str, Slice], seconds: float) -> dict[str, Slice]:
    """The slices made shorter where they would take more than `seconds` together."""
    total = sum(one.seconds for one in slices.values())
    scale = min(1.0, seconds / total) if total else 1.0
    return {end: replace(one, seconds=one.seconds * scale) for end, one in slices.items()}


def _merged(parts: Iterable[tuple[str, Slice]]) -> dict[str, Slice]:
    """One slice per endpoint: the longest time, all the arms, the most at once."""
    slices: dict[str, Slice] = {}
    for end, one in parts:
        before = slices.get(end, Slice(0.0, ()))
        arms = tuple(dict.fromkeys((*before.arms, *one.arms)))
        at_once = max(before.at_once, one.at_once)
        slices[end] = Slice(max(before.seconds, one.seconds), arms, at_once)
    return slices
