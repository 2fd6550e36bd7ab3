"""What launch pairs under load show: a gain, a slowdown, no difference, or nothing yet."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from unslow.lab.prove.evidence import (
    CONFIDENCE,
    PROVEN_EVIDENCE,
    e_bh,
    e_value,
    fewest_pairs,
    interval,
    moderated,
    smallest_detectable,
)
from unslow.lab.prove.judge import LEAST_GAIN, ONE_SIDED, SURE, Judgement
from unslow.model import GeneratorCheck
from unslow.model.verdict import VerdictKind

TOO_FEW = "only {} of at least {} launch pairs fitted the time budget; see --time-budget"

Pairs = Sequence[float]  # log(after/before) of a cost per launch pair: a gain is negative


@dataclass(frozen=True)
class Claims:
    """The log ratios per launch pair of each claim, by what it is about ("p95 of GET /orders").

    `main` names those over all of the traffic.
    """

    values: Mapping[str, Pairs]
    main: tuple[str, ...]
    max_slowdown: float

    def judge(self) -> Judgement:
        """The verdict that the pairs so far allow; its kind is None while more may decide."""
        if slower := self.slower():
            return Judgement("slower", f"{slower[0]} is {_percent(self.values[slower[0]])} more")
        gains = self.gains()
        harmed = [name for name in self.values if self._seems_slower(name)]
        if gains and not harmed:
            name = gains[0]
            evidence = min(e_value(self.values[name]), 1e4)
            more = "above " if evidence == 1e4 else ""
            return Judgement(
                "proven",
                f"{name} is {_percent(self.values[name])} less, evidence {more}{evidence:.0f}",
            )
        if harmed and gains:
            return Judgement(
                None,
                f"{gains[0]} is {_percent(self.values[gains[0]])} less, and {harmed[0]} seems "
                f"{_percent(self.values[harmed[0]])} more",
            )
        if self.main and all(self._is_none(name) for name in self.main):
            return Judgement("no-gain", f"any difference is below {LEAST_GAIN:.0%}")
        best = max((e_value(values) for values in self.values.values()), default=0.0)
        return Judgement(None, f"the evidence is {best:.3g}, {PROVEN_EVIDENCE:.0f} proves")

    def gains(self) -> tuple[str, ...]:
        """Claims that stand together and gain enough for certain, those of all traffic first."""
        evidence = {name: e_value(values) for name, values in self.values.items()}
        found = [
            name
            for name in e_bh(evidence)
            if evidence[name] >= PROVEN_EVIDENCE
            and interval(self.values[name], CONFIDENCE).high < math.log1p(-LEAST_GAIN)
        ]
        return tuple(sorted(found, key=lambda name: (name not in self.main, -evidence[name])))

    def slower(self) -> tuple[str, ...]:
        """Claims shown to be slower by more than is allowed, by the same kind of evidence."""
        limit = math.log1p(self.max_slowdown)
        beyond = {
            name: e_value([value - limit for value in values])
            for name, values in self.values.items()
        }
        found = [
            name
            for name in e_bh(beyond)
            if beyond[name] >= PROVEN_EVIDENCE and fmean(self.values[name]) > limit
        ]
        return tuple(sorted(found, key=lambda name: -beyond[name]))

    def kind_of(self, names: Sequence[str]) -> VerdictKind:
        """What is shown of one part: any of its claims may gain, none may be slower."""
        known = [name for name in names if name in self.values]
        if not set(self.slower()).isdisjoint(known):
            return "slower"
        if not set(self.gains()).isdisjoint(known):
            return "proven"
        return "no-gain" if known and all(map(self._is_none, known)) else "inconclusive"

    def smallest_detectable(self) -> float | None:
        """The gain that so many pairs of this noise could have shown, by the calmest main claim."""
        found = [self.values[name] for name in self.main if len(self.values[name]) >= 2]
        if not found or max(map(len, found)) < fewest_pairs():
            return None
        return min(
            round(smallest_detectable(math.sqrt(moderated(one, None).variance), len(one)), 4)
            for one in found
        )

    def _seems_slower(self, name: str) -> bool:
        """Slower than allowed by its mean, and not by chance alone; noise must not veto."""
        values = self.values[name]
        return fmean(values) > math.log1p(self.max_slowdown) and interval(values, ONE_SIDED).low > 0

    def _is_none(self, name: str) -> bool:
        sure = interval(self.values[name], SURE)
        limit = -math.log1p(-LEAST_GAIN)
        return -limit < sure.low and sure.high < limit


def _percent(values: Pairs) -> str:
    return f"{abs(math.expm1(fmean(values))):.0%}"


def agrees(proven: Sequence[float], fresh: Sequence[float]) -> bool:
    """Each fresh pair is faster; together they show half of the effect, and the least gain."""
    mean = fmean(fresh)
    return max(fresh) < 0 and mean < math.log1p(-LEAST_GAIN) and mean <= fmean(proven) / 2


def settled(
    judgement: Judgement,
    claims: Claims,
    replicated: bool | None,
    generator: GeneratorCheck,
) -> tuple[VerdictKind, str]:
    """Verdict and reason in the end: nothing stands on a generator that could not keep up."""
    kind, reason = judgement.kind, judgement.reason
    if kind is not None and generator.bottleneck:
        return "inconclusive", generator.bottleneck
    if kind == "proven" and not replicated:
        return "inconclusive", "a replication on held-out requests did not agree"
    pairs = max(map(len, claims.values.values()), default=0)
    if kind is None and 0 < pairs < fewest_pairs():
        return "inconclusive", TOO_FEW.format(pairs, fewest_pairs())
    if kind is None:
        smallest = claims.smallest_detectable()
        seen = f"; a gain of {smallest:.0%} or more would have shown" if smallest else ""
        return "inconclusive", reason + seen
    return kind, reason


def finite(evidence: float) -> float:
    return round(min(evidence, 1e12), 3)
