"""Sums up the trials: rates with exact intervals, noise, and whether the targets are met."""

import math
from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean, variance

from unslow.lab.prove._ratios import Metric, log_ratios, mean_ms
from unslow.lab.prove.schedule import AGAIN, BEFORE, LaunchSet
from unslow.lab.prove.trial import MOST_SETS
from unslow.lab.selftest.delay import KINDS, Delay
from unslow.lab.selftest.record import Recorded
from unslow.lab.selftest.resample import LEAST_POWER, TRIAL_S, Trials
from unslow.model import (
    DelayKind,
    DelayPower,
    MeasuredEndpoint,
    MetricQuality,
    Rate,
    Selftest,
)

MOST_FALSE = 0.01  # the error rate that a proof promises
TARGET = Delay("cpu", 0.1)  # what that power is asked for
FEWEST_TRIALS = 300
CONFIDENCE = 0.95
METRICS = {"cpu": "CPU", "wall": "wall time"}
DRIFT = 0.25  # of a delay; beyond it the recordings show another one
BUSY = 0.05  # of the threads' time spent waiting for a core: something else runs here


def summarise(
    recorded: Recorded, trials: Mapping[str, Trials], least: Mapping[str, float], seed: int
) -> Selftest:
    """The result, from the trials by arm; those of identical code are under "cpu" and "wait", as
    the smallest detectable gains in `least` are."""
    quality = tuple(_quality(recorded, kind, trials[kind], least[kind]) for kind in KINDS)
    delays = tuple(
        _power(recorded, delay, trials[delay.arm])
        for delay in sorted(recorded.delays, key=lambda one: (one.kind, one.share))
    )
    return Selftest(
        quality=quality,
        delays=delays,
        endpoints=tuple(_endpoint(recorded, end) for end in recorded.endpoints),
        recorded=len(recorded.sets),
        waiting_share=round(recorded.waiting_share, 4),
        trials_s=TRIAL_S,
        seed=seed,
        failures=tuple(_failures(quality, delays, recorded.waiting_share)),
        notes=tuple(_notes(recorded, delays)),
    )


def exact(proven: int, trials: int) -> Rate:
    """The Clopper-Pearson interval, by the quantiles of the beta distribution."""
    from scipy.special import betaincinv  # type: ignore[import-untyped]

    tail = (1 - CONFIDENCE) / 2
    missed = trials - proven
    low = float(betaincinv(proven, missed + 1, tail)) if proven else 0.0
    high = float(betaincinv(proven + 1, missed, 1 - tail)) if missed else 1.0
    return Rate(proven, trials, round(low, 5), round(high, 5))


def _quality(recorded: Recorded, kind: DelayKind, trials: Trials, least: float) -> MetricQuality:
    metric = recorded.metric(kind)
    noise = math.sqrt(fmean(_noise(recorded.sets, end, metric) ** 2 for end in recorded.endpoints))
    return MetricQuality(
        kind=kind,
        metric=metric,
        false_proven=exact(trials.proven, trials.count),
        noise=round(noise, 5),
        smallest_detectable=least,
        pairs=_pairs(recorded),
    )


def _pairs(recorded: Recorded) -> int:
    """The launch pairs of one endpoint that a trial has time for."""
    per_arm_s = fmean(
        (one.launch_s + (one.seconds - one.launch_s) / len(recorded.endpoints)) / len(one.samples)
        for one in recorded.sets
    )
    return min(MOST_SETS, int(TRIAL_S / (2 * per_arm_s)))


def _power(recorded: Recorded, delay: Delay, trials: Trials) -> DelayPower:
    metric = recorded.metric(delay.kind)
    shown = [
        y
        for end in recorded.endpoints
        for y in log_ratios(recorded.sets, BEFORE, delay.arm, {end: 1.0}, metric)
    ]
    return DelayPower(
        kind=delay.kind,
        delay=delay.share,
        shown=round(math.expm1(fmean(shown)), 4),
        power=exact(trials.proven, trials.count),
        pairs=round(fmean(trials.pairs), 1) if trials.pairs else 0.0,
    )


def _endpoint(recorded: Recorded, endpoint: str) -> MeasuredEndpoint:
    samples = [one.samples[BEFORE][endpoint] for one in recorded.sets]
    return MeasuredEndpoint(
        endpoint=endpoint,
        cpu_ms=round(fmean(mean_ms(one, "cpu") for one in samples), 3),
        wall_ms=round(fmean(mean_ms(one, "wall") for one in samples), 3),
        cpu_noise=round(_noise(recorded.sets, endpoint, "cpu"), 5),
        wall_noise=round(_noise(recorded.sets, endpoint, "wall"), 5),
    )


def _noise(sets: Sequence[LaunchSet], endpoint: str, metric: Metric) -> float:
    """The standard deviation of an A/A' pair's log ratio."""
    ratios = log_ratios(sets, BEFORE, AGAIN, {endpoint: 1.0}, metric)
    return math.sqrt(variance(ratios))


def _notes(recorded: Recorded, delays: Sequence[DelayPower]) -> Iterator[str]:
    if recorded.unseen:
        yield f"All delays are judged by wall time: {recorded.unseen}."
    if recorded.waiting_share > BUSY:
        yield "The machine was busy with other work. On a quiet one smaller gains can be seen."
    for one in delays:
        if abs(one.shown / one.delay - 1) > DRIFT:
            yield (
                f"The {'CPU' if one.kind == 'cpu' else 'waiting'} delay of {_percent(one.delay)} "
                f"was measured as {_percent(one.shown, 1)}, so its power is that of a "
                f"{'larger' if one.shown > one.delay else 'smaller'} one."
            )


def _failures(
    quality: Sequence[MetricQuality], delays: Sequence[DelayPower], waiting_share: float
) -> Iterator[str]:
    """What misses a target, with the remedy."""
    cure = (
        "Other work runs here: stop it, or allow more with --time-budget."
        if waiting_share > BUSY
        else "Allow more with --time-budget, or take a quieter machine."
    )
    power = next(one.power for one in delays if Delay(one.kind, one.delay) == TARGET)
    if min(power.trials, *(one.false_proven.trials for one in quality)) < FEWEST_TRIALS:
        yield f"The time ended before {FEWEST_TRIALS} trials of each kind. {cure}"
    for one in quality:
        if one.false_proven.share > MOST_FALSE:
            yield (
                f"By {METRICS[one.metric]}, identical code was called faster in "
                f"{_percent(one.false_proven.share, 1)} of the trials; {_percent(MOST_FALSE)} is "
                f"the limit. {cure}"
            )
    if power.share < LEAST_POWER:
        yield (
            f"A change of {_percent(TARGET.share)} CPU was proven in {_percent(power.share)} of "
            f"the trials; {_percent(LEAST_POWER)} is the target. {cure}"
        )


def _percent(share: float, digits: int = 0) -> str:
    return f"{share * 100:.{digits}f} %"
