"""The rules: when a measured candidate is proven, without gain, slower, or still open."""

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from statistics import fmean

from unslow.lab.prove.evidence import (
    PROVEN_EVIDENCE,
    LogInterval,
    NoisePrior,
    e_value,
    interval,
    moderated,
    smallest_detectable,
)
from unslow.model import Interval
from unslow.model.verdict import VerdictKind

LEAST_GAIN = 0.03  # of the cost; below it a patch is not worth its lines
GUARD_LIMIT = 0.05  # how much slower another endpoint may possibly be
SURE = 0.999  # for verdicts that end a measurement early, looked at after every pair
FEWEST_PAIRS_AGAINST = 3
REST = "the mean of the other endpoints"
ONE_SIDED = 0.98  # the upper end of this interval bounds a slowdown with 99 % confidence


@dataclass(frozen=True)
class Measured:
    """The log ratios of one candidate, a number per launch pair.

    `values` is over all its endpoints together. `targets` holds each of them, `guards` each other
    endpoint that may feel the patch, `rest` those that send the database the same statements as
    before. The rest is guarded together: `rest_mean` is the mean over those of them that a launch
    pair measured. `noise` is the standard deviation of A/A' pairs, `prior` what endpoints share,
    `limit` the slowdown that an endpoint may have (0.05 is 5 %). Where waiting time decides,
    `values` and `targets` are of it, `waits` is its noise with its prior, and `cpu` is what the
    CPU of the targets did.
    """

    values: tuple[float, ...]
    targets: Mapping[str, tuple[float, ...]]
    guards: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    rest: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    rest_mean: tuple[float, ...] = ()
    noise: float = 0.0
    prior: NoisePrior | None = None
    limit: float = GUARD_LIMIT
    cpu: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    waits: tuple[float, NoisePrior | None] | None = None

    @property
    def evidence(self) -> float:
        return e_value(self.values)

    @property
    def least_gain(self) -> float:
        """The gain that must be certain: 3 %, or half the noise where that is more."""
        return max(LEAST_GAIN, self.noise / 2)


@dataclass(frozen=True)
class Judgement:
    """`kind` is None while more pairs may decide."""

    kind: VerdictKind | None
    reason: str


def judge(measured: Measured, *, stands: bool) -> Judgement:
    """The verdict that the pairs so far allow. `stands`: the claim holds among all claims (e-BH).

    "proven" here means that the measurement proves it; the replication follows.
    """
    sure = interval(measured.values, SURE, measured.prior)
    if len(measured.values) >= FEWEST_PAIRS_AGAINST:
        if sure.low > math.log1p(LEAST_GAIN):
            return Judgement("slower", f"it costs {_percent(sure.mean)} more")
        if sure.low > math.log1p(-LEAST_GAIN):
            return Judgement("no-gain", f"any gain is below {LEAST_GAIN:.0%}")
    harm = slowed(measured)
    if harm:
        return Judgement("slower", harm)
    gain = interval(measured.values)
    if measured.evidence < PROVEN_EVIDENCE or gain.mean >= 0:
        return Judgement(
            None, f"the evidence is {measured.evidence:.3g}, {PROVEN_EVIDENCE:.0f} proves"
        )
    if -math.expm1(gain.high) <= measured.least_gain:
        return Judgement(None, f"the gain may be below {measured.least_gain:.1%}")
    if not stands:
        return Judgement(None, "the evidence does not stand among so many claims")
    if open_guards(measured):
        return Judgement(None, may_be_slower(measured))
    return Judgement("proven", f"{_percent(gain.mean)} less, evidence {_short(measured.evidence)}")


def judge_change(measured: Measured, *, stands: bool) -> Judgement:
    """The verdict on a whole change, of one endpoint or of the total.

    It is slower where the lower bound of a slowdown passes the limit, and without gain only when
    no harm beyond the limit is left possible on what it is about.
    """
    for endpoint, values in (*measured.guards.items(), *measured.targets.items()):
        if surely_slower(values, measured):
            mean = interval(values, SURE, measured.prior).mean
            return Judgement("slower", f"{endpoint} costs {_percent(mean)} more")
    if surely_slower(measured.values, measured):
        return Judgement("slower", f"the total costs {_percent(fmean(measured.values))} more")
    sure = interval(measured.values, SURE, measured.prior)
    if len(measured.values) >= FEWEST_PAIRS_AGAINST and sure.low > math.log1p(-LEAST_GAIN):
        if not own_guards(measured):
            return Judgement("no-gain", f"any gain is below {LEAST_GAIN:.0%}")
        return Judgement(None, may_be_slower(measured))
    found = judge(measured, stands=stands)
    return found if found.kind in ("proven", None) else Judgement(None, found.reason)


def futile_change(measured: Measured, most_pairs: int) -> bool:
    """Neither a gain nor the absence of harm can be shown with so many pairs."""
    return not own_guards(measured) and futile(measured, most_pairs)


def surely_slower(values: tuple[float, ...], measured: Measured) -> bool:
    """Whether even the lower bound of the slowdown passes the limit."""
    enough = len(values) >= FEWEST_PAIRS_AGAINST
    return enough and interval(values, SURE, measured.prior).low > math.log1p(measured.limit)


def own_guards(measured: Measured) -> tuple[str, ...]:
    """The claim's own endpoints whose slowdown may still exceed the limit."""
    return tuple(end for end, v in measured.targets.items() if _may_be_slow(v, measured))


def promising(measured: Measured) -> bool:
    """Evident gain; only other endpoints or other claims stand between it and "proven"."""
    gain = interval(measured.values)
    return measured.evidence >= PROVEN_EVIDENCE and -math.expm1(gain.high) > measured.least_gain


def futile(measured: Measured, most_pairs: int) -> bool:
    """Whether even `most_pairs` pairs could hardly prove the largest gain that is still likely."""
    if len(measured.values) < FEWEST_PAIRS_AGAINST or promising(measured):
        return False
    spread = moderated(measured.values, measured.prior)
    likely = -math.expm1(interval(measured.values, prior=measured.prior).low)
    return smallest_detectable(math.sqrt(spread.variance), most_pairs) > likely


def open_guards(measured: Measured) -> tuple[str, ...]:
    """Endpoints whose slowdown may still exceed the limit, the candidate's own included."""
    singly = (*measured.guards.items(), *measured.targets.items())
    found = [end for end, values in singly if _may_be_slow(values, measured)]
    # The rest runs none of the changed code: its own noise must not veto, a shown slowdown does.
    if measured.rest_mean and fmean(measured.rest_mean) > math.log1p(measured.limit):
        found.append(REST)
    return tuple(found)


def may_be_slower(measured: Measured) -> str:
    """The sentence for an open guard."""
    return f"{open_guards(measured)[0]} may be more than {100 * measured.limit:g} % slower"


def _may_be_slow(values: tuple[float, ...], measured: Measured) -> bool:
    return interval(values, ONE_SIDED, measured.prior).high > math.log1p(measured.limit)


def replicates(measured: Measured, fresh: Measured) -> bool:
    """Whether fresh launches on requests that the fixers never saw agree with the proof.

    Each pair is faster, and together they show at least half of the effect and the least gain.
    """
    if not fresh.values or max(fresh.values) >= 0:
        return False
    mean = fmean(fresh.values)
    return -math.expm1(mean) > measured.least_gain and mean <= fmean(measured.values) / 2


def speedup(values: Collection[float], prior: NoisePrior | None = None) -> Interval | None:
    """before/after with its 99 % interval; None below three pairs, which bound nothing."""
    if len(values) < 3:
        return None
    found: LogInterval = interval(tuple(values), prior=prior)
    return Interval(_exp(-found.mean), _exp(-found.high), _exp(-found.low))


def slowed(measured: Measured) -> str:
    """What surely became slower by more than the limit; "" where nothing did."""
    everyone = (*measured.guards.items(), *measured.targets.items(), *measured.rest.items())
    for endpoint, values in everyone:
        found = interval(values, SURE, measured.prior)
        enough = len(values) >= FEWEST_PAIRS_AGAINST
        if enough and found.low > 0 and found.mean > math.log1p(measured.limit):
            return f"{endpoint} costs {_percent(found.mean)} more"
    return ""


@dataclass(frozen=True)
class Rules:
    """How a trial judges its claims, and when it gives one up. `end`: one such verdict ends all."""

    judge: Callable[..., Judgement]
    futile: Callable[[Measured, int], bool]
    limit: float = GUARD_LIMIT
    end: frozenset[VerdictKind] = frozenset()


FIXES = Rules(judge, futile)


def of_change(max_slowdown: float) -> Rules:
    """The rules for a whole change, which may slow no endpoint down by more than that."""
    return Rules(judge_change, futile_change, max_slowdown, frozenset({"slower", "failed"}))


def _percent(log_ratio: float) -> str:
    return f"{abs(math.expm1(log_ratio)):.1%}"


def _short(evidence: float) -> str:
    return f"{evidence:.0f}" if evidence < 1e4 else "above 10000"


def _exp(value: float) -> float:
    return round(math.exp(min(value, 50.0)), 4)
