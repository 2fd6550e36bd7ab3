"""How sure a measurement makes us: e-values that may be looked at after every launch pair.

Every function takes the log ratios of the launch pairs, y = mean over rounds of log(after/before),
so a gain is negative. SciPy is loaded when a distribution is first needed.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from statistics import fmean

PRIOR_VARIANCE = 16.0
"""g: the expected effect is N(0, g) in units of the pair noise (arXiv 2205.14762).

Any g fixed before the data keeps the error rate. With g = 1 no effect, however large, reaches
e = 100 before the sixth pair: the formula is bounded by (1 + n·g)^((n-1)/2). CPU noise per pair is
1 to 3 %, a fix worth proving is 5 % to several hundred, so effects of four times the noise are
what we expect. g = 16 stops a plain doubling after four pairs (bound 524) and needs at 40 pairs an
effect only 10 % larger than g = 1 does.
"""

PROVEN_EVIDENCE = 100.0  # at most 1 % false alarms at any stopping time (Ville's inequality)
FALSE_DISCOVERY_RATE = 0.05
"""The share of proven claims of one report that may be mistaken before the replication.

Each claim needs `PROVEN_EVIDENCE` by itself as well, and is measured afresh on other requests. At
1 % one claim among the 70 of a neglected application would need 70 times the evidence.
"""
CONFIDENCE = 0.99
TINY_VARIANCE = 1e-12  # the clock counts nanoseconds; below it a spread of zero is luck


def variance(values: Sequence[float]) -> float:
    """The sample variance, in floats: `statistics.variance` is exact, and thirty times slower."""
    mean = fmean(values)
    return math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)


def e_value(values: Sequence[float], g: float = PRIOR_VARIANCE) -> float:
    """Evidence against "no effect" after `len(values)` pairs; 1.0 while it cannot be judged."""
    pairs = len(values)
    if pairs < 2:
        return 1.0
    spread = max(variance(values), TINY_VARIANCE)
    return _evidence(pairs, pairs * fmean(values) ** 2 / spread, g)


def _evidence(pairs: int, t_squared: float, g: float) -> float:
    freedom, shrink = pairs - 1, 1 + pairs * g
    ratio = (1 + t_squared / freedom) / (1 + t_squared / (freedom * shrink))
    return float(shrink**-0.5 * ratio ** ((freedom + 1) / 2))


def fewest_pairs(evidence: float = PROVEN_EVIDENCE, g: float = PRIOR_VARIANCE) -> int:
    """The number of pairs below which no effect, however large, reaches `evidence`."""
    pairs = 2
    while (1 + pairs * g) ** ((pairs - 1) / 2) < evidence:
        pairs += 1
    return pairs


def e_bh(evidence: Mapping[str, float], error_rate: float = FALSE_DISCOVERY_RATE) -> frozenset[str]:
    """The claims that stand together (Wang and Ramdas' e-BH, any dependence between the claims).

    The k largest e-values stand when the k-th is at least m/(k·error_rate) of m claims.
    """
    ordered = sorted(evidence, key=lambda key: evidence[key], reverse=True)
    standing = 0
    for rank, key in enumerate(ordered, start=1):
        if evidence[key] >= len(ordered) / (rank * error_rate):
            standing = rank
    return frozenset(ordered[:standing])


@dataclass(frozen=True)
class LogInterval:
    """A mean log ratio (after/before) and its confidence interval."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class NoisePrior:
    """The variance that endpoints of this machine share, worth `freedom` degrees of freedom."""

    variance: float
    freedom: float


def interval(
    values: Sequence[float], confidence: float = CONFIDENCE, prior: NoisePrior | None = None
) -> LogInterval:
    """Student's interval of the mean; unbounded below two values.

    With `prior` the variance is moderated (Smyth 2004, 10.2202/1544-6115.1027): own and shared
    variance weighted by their degrees of freedom, so that a few pairs suffice for a guard.
    """
    return _interval(tuple(values), confidence, prior)


@lru_cache(maxsize=100_000)  # a whole change asks for every endpoint on behalf of every other
def _interval(
    values: tuple[float, ...], confidence: float, prior: NoisePrior | None
) -> LogInterval:
    if not values:
        return LogInterval(0.0, -math.inf, math.inf)
    mean, spread = fmean(values), moderated(values, prior)
    if spread.freedom == 0:
        return LogInterval(mean, -math.inf, math.inf)
    deviation = math.sqrt(max(spread.variance, TINY_VARIANCE) / len(values))
    half = _t_quantile(confidence, spread.freedom) * deviation
    return LogInterval(mean, mean - half, mean + half)


def moderated(values: Sequence[float], prior: NoisePrior | None) -> NoisePrior:
    """The variance of one pair, from the values and what is known of such values."""
    freedom = max(len(values) - 1.0, 0.0)
    own = variance(values) if freedom else 0.0
    if prior is None:
        return NoisePrior(own, freedom)
    total = freedom + prior.freedom
    return NoisePrior((freedom * own + prior.freedom * prior.variance) / total, total)


def noise_prior(samples: Sequence[Sequence[float]]) -> NoisePrior | None:
    """The shared noise of many endpoints' log ratios, by Smyth's moment estimator.

    None when fewer than two endpoints have two pairs: there is nothing to share.
    """
    usable = [(max(variance(one), TINY_VARIANCE), len(one) - 1) for one in samples if len(one) > 1]
    if len(usable) < 2:
        return None
    from scipy.special import digamma, polygamma  # type: ignore[import-untyped]

    logs = [math.log(v) - float(digamma(d / 2)) + math.log(d / 2) for v, d in usable]
    centre = fmean(logs)
    excess = variance(logs) - fmean(float(polygamma(1, d / 2)) for _, d in usable)
    known = float(sum(d for _, d in usable))
    if excess <= 0:
        return NoisePrior(math.exp(centre), known)
    freedom = 2 * _inverse_trigamma(excess)
    shared = math.exp(centre + float(digamma(freedom / 2)) - math.log(freedom / 2))
    return NoisePrior(shared, min(freedom, known))


def _inverse_trigamma(value: float) -> float:
    """x with trigamma(x) = value, by Newton's method on 1/trigamma, which is nearly linear."""
    from scipy.special import polygamma

    x = 0.5 + 1 / value
    for _ in range(50):
        first, second = float(polygamma(1, x)), float(polygamma(2, x))
        step = first * (1 - first / value) / second
        x += step
        if -step / x < 1e-8:
            break
    return x


def smallest_detectable(
    noise: float, pairs: int, *, power: float = 0.9, g: float = PRIOR_VARIANCE
) -> float:
    """The gain (a fraction of the cost, 0.1 is 10 %) that `pairs` launch pairs would prove.

    `noise` is the standard deviation of one pair's log ratio. 1.0 means: none, too few pairs.
    """
    if pairs < fewest_pairs(g=g):
        return 1.0
    return 1 - math.exp(-noise * _needed_effect(pairs, power, g))


def _bisect(holds: Callable[[float], bool], low: float = 0.0, high: float = 1e3) -> float:
    """The smallest value between `low` and `high` from which on `holds`."""
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


@cache
def _needed_effect(pairs: int, power: float, g: float) -> float:
    """The effect, in units of the pair noise, that `pairs` pairs prove with `power`."""
    from scipy.special import nctdtr

    def proves(effect: float) -> bool:
        missed = float(nctdtr(pairs - 1, math.sqrt(pairs) * effect, threshold))
        return math.isnan(missed) or 1 - missed >= power  # not a number: too far to miss

    threshold = _bisect(lambda t: _evidence(pairs, t * t, g) >= PROVEN_EVIDENCE)
    return _bisect(proves)


@cache
def _t_quantile(confidence: float, freedom: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 0.5 + confidence / 2))
