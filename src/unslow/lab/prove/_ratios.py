"""From launch sets to log ratios (after/before), one per launch pair."""

import math
from collections.abc import Collection, Mapping, Sequence
from statistics import fmean, median
from typing import Literal

from unslow.lab.prove.schedule import LaunchSet, Sample
from unslow.model import Distribution

Metric = Literal["cpu", "wall"]
Clock = Literal["cpu", "wall", "latency"]  # latency: the median of a round, where wall is its mean

LEAST_MS = 1e-3  # a request below one microsecond was not measured


def log_ratios(
    sets: Sequence[LaunchSet],
    before: str,
    after: str,
    weights: Mapping[str, float],
    metric: Clock,
) -> tuple[float, ...]:
    """y of each launch set that holds both arms: the mean over rounds of log(after/before).

    Several endpoints count together, each with its weight in the traffic.
    """
    values = []
    for one in sets:
        pair = one.samples.get(before), one.samples.get(after)
        if pair[0] is not None and pair[1] is not None:
            value = _log_ratio(pair[0], pair[1], weights, metric)
            if value is not None:
                values.append(value)
    return tuple(values)


def mean_log_ratios(
    sets: Sequence[LaunchSet],
    before: str,
    after: str,
    endpoints: Collection[str],
    metric: Clock,
) -> tuple[float, ...]:
    """The mean over those `endpoints` that a launch set measured in both arms, per launch set."""
    values = []
    for one in sets:
        found = [
            y for end in endpoints for y in log_ratios([one], before, after, {end: 1.0}, metric)
        ]
        if found:
            values.append(fmean(found))
    return tuple(values)


def _log_ratio(
    before: Mapping[str, Sample],
    after: Mapping[str, Sample],
    weights: Mapping[str, float],
    metric: Clock,
) -> float | None:
    both = [end for end in weights if end in before and end in after]
    if len(both) < len(weights):
        return None
    old = _rounds([(weights[end], _means(before[end], metric)) for end in both])
    new = _rounds([(weights[end], _means(after[end], metric)) for end in both])
    return fmean(
        math.log(max(right, LEAST_MS) / max(left, LEAST_MS))
        for left, right in zip(old, new, strict=True)
    )


def _rounds(parts: Sequence[tuple[float, Sequence[float]]]) -> list[float]:
    """Weighted sums per round; one sum of means where the endpoints differ in their rounds."""
    if len({len(values) for _, values in parts}) == 1:
        return [
            sum(weight * value for (weight, _), value in zip(parts, row, strict=True))
            for row in zip(*(values for _, values in parts), strict=True)
        ]
    return [sum(weight * fmean(values) for weight, values in parts)]


def distribution(
    sets: Sequence[LaunchSet], before: str, after: str, endpoint: str, metric: Clock
) -> Distribution:
    """Milliseconds per request of both arms, a number per launch."""
    pairs = [
        (one.samples[before][endpoint], one.samples[after][endpoint])
        for one in sets
        if endpoint in one.samples.get(before, {}) and endpoint in one.samples.get(after, {})
    ]
    return Distribution(
        tuple(round(mean_ms(left, metric), 4) for left, _ in pairs),
        tuple(round(mean_ms(right, metric), 4) for _, right in pairs),
    )


def metric_of(sets: Collection[LaunchSet]) -> Metric:
    """CPU where the scheduler's accounting covers application and database, else wall time."""
    return "wall" if unseen(sets) else "cpu"


def unseen(sets: Collection[LaunchSet]) -> str:
    """Why CPU would not be all that a request costs; "" where it is."""
    for one in sets:
        measured = [sample for arm in one.samples.values() for sample in arm.values()]
        if one.unseen:
            return one.unseen
        if measured and not any(mean_ms(sample, "cpu") > 0 for sample in measured):
            return "no CPU time was counted"
    return ""


def mean_ms(sample: Sample, metric: Clock) -> float:
    """Milliseconds per request."""
    if metric == "latency":
        return fmean(_means(sample, metric))
    return fmean(value for values in _values(sample, metric) for value in values)


def _means(sample: Sample, metric: Clock) -> list[float]:
    middle = median if metric == "latency" else fmean
    return [middle(values) for values in _values(sample, metric)]


def _values(sample: Sample, metric: Clock) -> Sequence[Sequence[float]]:
    return sample.cpu_ms if metric == "cpu" else sample.wall_ms
