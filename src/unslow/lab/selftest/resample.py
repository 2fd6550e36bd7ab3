"""Resamples recorded launch sets into whole trials, judged by the rules of a proof."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from statistics import fmean

from unslow.lab.prove._ratios import LEAST_MS, Metric
from unslow.lab.prove.schedule import AGAIN, BEFORE, LaunchSet, Sample
from unslow.lab.prove.trial import REPLICATION_SETS, Claim, Trial, Wanted

TRIAL_S = 150.0
"""What a proof of five minutes has for launch pairs, besides its gates and the combination."""
GAINS = (0.03, 0.04, 0.05, 0.06, 0.07, 0.08, 0.1, 0.12, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.7)
SEARCH_TRIALS = 100
LEAST_POWER = 0.9


@dataclass(frozen=True)
class Recording:
    """A launch set reduced to what a trial looks at: a cost per arm and endpoint, in the metric
    that judges.

    `launch_s` is per arm, `request_s` what the requests of one arm took.
    """

    samples: Mapping[str, Mapping[str, Sample]]
    launch_s: float
    request_s: Mapping[str, Mapping[str, float]]
    waiting_share: float

    def faster(self, arm: str, gain: float) -> "Recording":
        """The same as if `arm` had cost less by `gain`, a fraction."""
        cheaper = {
            end: _sample(one.cpu_ms[0][0] * (1 - gain)) for end, one in self.samples[arm].items()
        }
        return replace(self, samples={**self.samples, arm: cheaper})

    def swapped(self) -> "Recording":
        """The same with the two identical arms in each other's place."""
        samples = dict(self.samples)
        samples[BEFORE], samples[AGAIN] = samples[AGAIN], samples[BEFORE]
        return replace(self, samples=samples)


def reduced(one: LaunchSet, metric: Metric) -> Recording:
    """A recorded launch set for trials that are judged by `metric`."""
    busy = one.seconds - one.launch_s
    walls = {
        arm: {end: sum(map(sum, sample.wall_ms)) for end, sample in samples.items()}
        for arm, samples in one.samples.items()
    }
    total = sum(ms for by_end in walls.values() for ms in by_end.values()) or 1.0
    return Recording(
        {
            arm: {end: _sample(_cost_ms(one, metric)) for end, one in samples.items()}
            for arm, samples in one.samples.items()
        },
        one.launch_s / len(one.samples),
        {
            arm: {end: busy * ms / total for end, ms in by_end.items()}
            for arm, by_end in walls.items()
        },
        one.waiting_share,
    )


def _cost_ms(sample: Sample, metric: Metric) -> float:
    """The geometric mean over the rounds: the logarithm of its ratio is the mean over the rounds
    of the logarithms, which is what a proof looks at."""
    rounds = sample.cpu_ms if metric == "cpu" else sample.wall_ms
    return math.exp(fmean(math.log(max(fmean(one), LEAST_MS)) for one in rounds))


def _sample(cost_ms: float) -> Sample:
    """One metric is all that a trial is to see."""
    return Sample([[cost_ms]], [[cost_ms]])


@dataclass
class Resampler:
    """A sampler that measures nothing: it draws recorded launch sets, each for its own time."""

    claimed: "Claimed"
    random: Random
    left_s: float

    def seconds_left(self) -> float:
        return self.left_s

    def __call__(self, wanted: Wanted) -> LaunchSet:
        drawn = self.random.choice(self.claimed.recordings)
        if self.random.random() < 0.5:
            drawn = drawn.swapped()
        if self.claimed.gain:
            drawn = drawn.faster(self.claimed.after, self.claimed.gain)
        samples = {
            arm: {
                end: drawn.samples[arm][end]
                for end, one in wanted.slices.items()
                if arm in one.arms
            }
            for arm in wanted.arms
        }
        launch_s = drawn.launch_s * len(wanted.arms)
        seconds = launch_s + sum(
            drawn.request_s[arm][end] for arm, ends in samples.items() for end in ends
        )
        self.left_s -= seconds
        return LaunchSet(samples, drawn.waiting_share, launch_s=launch_s, seconds=seconds)


@dataclass(frozen=True)
class Claimed:
    """The claim that `after` is faster than `before`, tried again and again on resampled sets.

    `gain` is what `after` is made to cost less than it was recorded to.
    """

    before: str
    after: str
    recordings: tuple[Recording, ...]
    gain: float = 0.0


@dataclass
class Trials:
    """How the trials of one claim ended; `pairs` are the launch pairs that each used."""

    proven: int = 0
    pairs: list[int] = field(default_factory=list)

    @property
    def count(self) -> int:
        return len(self.pairs)


def try_once(
    claimed: Claimed, endpoint: str, random: Random, seconds: float = TRIAL_S
) -> tuple[bool, int]:
    """One trial on one endpoint: whether it ended in "proven", and after how many pairs.

    The measurement, the rules and the replication are those of `unslow.lab.prove`.
    """
    claim = Claim("known", claimed.after, (endpoint,), before=claimed.before)
    sampler = Resampler(claimed, random, seconds)
    trial = Trial([claim], {endpoint: 1.0}, {}, sampler, sampler.seconds_left)
    trial.run(REPLICATION_SETS)
    trial.replicate()
    proven = claim.settled is not None and claim.settled.kind == "proven"
    return proven and claim.replicated is True, claim.pairs or len(trial.sets)


def resample(
    claims: Mapping[str, tuple[Claimed, int]],
    endpoints: Sequence[str],
    *,
    seed: int,
    seconds_left: Callable[[], float],
) -> dict[str, Trials]:
    """The trials of every claim, as many as it asks for or as the time allows; the endpoints in
    turn, so that all claims have seen about the same when the time ends."""
    done = {key: Trials() for key in claims}
    draws = {key: Random(f"{seed} {key}") for key in claims}
    most = max(count for _, count in claims.values())
    for number in range(most):
        endpoint = endpoints[number % len(endpoints)]
        for key, (claimed, count) in claims.items():
            if number < count:
                if seconds_left() <= 0:
                    return done
                proven, pairs = try_once(claimed, endpoint, draws[key])
                done[key].proven += proven
                done[key].pairs.append(pairs)
    return done


def smallest_gain(
    claimed: Claimed, endpoints: Sequence[str], *, seed: int, seconds_left: Callable[[], float]
) -> float:
    """The least of `GAINS` that is proven nine times in ten; 1.0 when none is or the time ends.

    By bisection: a larger gain is proven more often.
    """
    low, high = 0, len(GAINS)
    while low < high:
        middle = (low + high) // 2
        wanted = replace(claimed, gain=GAINS[middle])
        draw = Random(f"{seed} {GAINS[middle]}")
        proven = 0
        for number in range(SEARCH_TRIALS):
            if seconds_left() <= 0:
                return 1.0
            proven += try_once(wanted, endpoints[number % len(endpoints)], draw)[0]
        low, high = (low, middle) if proven >= LEAST_POWER * SEARCH_TRIALS else (middle + 1, high)
    return GAINS[low] if low < len(GAINS) else 1.0
