"""What a selftest found: how often this machine's proofs are wrong, and what they can see."""

from typing import Literal

import msgspec

DelayKind = Literal["cpu", "wait"]


class Rate(msgspec.Struct, frozen=True):
    """`proven` of `trials` ended in "proven", with the exact (Clopper-Pearson) 95 % interval."""

    proven: int
    trials: int
    low: float
    high: float

    @property
    def share(self) -> float:
        return self.proven / self.trials if self.trials else 0.0


class DelayPower(msgspec.Struct, frozen=True):
    """How often the removal of a known delay was proven.

    `delay` is a share of the endpoint's own cost. `shown` is the delay as the recorded launch
    pairs show it on the mean, `pairs` how many a trial used on the mean.
    """

    kind: DelayKind
    delay: float
    shown: float
    power: Rate
    pairs: float


class MetricQuality(msgspec.Struct, frozen=True):
    """How well one kind of change can be judged, by what `metric`.

    `noise` is the standard deviation of an A/A pair's log ratio. `smallest_detectable` is the least
    gain (0.04 is 4 %) that nine in ten resampled trials prove, 1.0 when they prove none. `pairs`
    is how many launch pairs a trial has time for.
    """

    kind: DelayKind
    metric: Literal["cpu", "wall"]
    false_proven: Rate
    noise: float
    smallest_detectable: float
    pairs: int


class MeasuredEndpoint(msgspec.Struct, frozen=True):
    """An endpoint that was measured: its cost, and its noise by each metric."""

    endpoint: str
    cpu_ms: float
    wall_ms: float
    cpu_noise: float
    wall_noise: float


class Selftest(msgspec.Struct, frozen=True):
    """A/A launch pairs and launch pairs with a known delay, resampled into whole trials.

    `recorded` launch sets were measured; `trials_s` is the time that each trial may use, by the
    recorded sets' own durations. `failures` says what keeps the machine from its targets, with the
    remedy; it is empty when they are met.
    """

    quality: tuple[MetricQuality, ...]
    delays: tuple[DelayPower, ...]
    endpoints: tuple[MeasuredEndpoint, ...]
    recorded: int
    waiting_share: float
    trials_s: float
    seed: int
    failures: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
