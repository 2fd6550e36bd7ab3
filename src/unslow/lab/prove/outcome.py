"""Writes down what a claim came to: the verdict with everything that backs it."""

import math
from collections.abc import Iterator, Mapping, Sequence

from unslow.lab.prove import counters
from unslow.lab.prove._ratios import distribution, unseen
from unslow.lab.prove.clocks import own
from unslow.lab.prove.counters import Counted
from unslow.lab.prove.evidence import e_value, fewest_pairs, moderated, smallest_detectable
from unslow.lab.prove.judge import FEWEST_PAIRS_AGAINST, Judgement, Measured, speedup
from unslow.lab.prove.trial import Claim, Trial
from unslow.model import EndpointEffect, Responses, Verdict

NOT_REACHED = "the time budget ended before it was measured; allow more with --time-budget"
_TOO_FEW = "only {} of at least {} launch pairs fitted the time budget; see --time-budget"
Counts = Mapping[str, Counted]


def verdict(
    trial: Trial, claim: Claim, before: Counts, after: Counts, responses: Responses | None
) -> Verdict:
    """The verdict of a claim that passed the gates. `before` and `after` count its queries."""
    found = trial.measured(claim)
    judgement = _judgement(trial, claim, found)
    claims_gain = claim.metric != "gate"
    return Verdict(
        verdict=judgement.kind or "inconclusive",
        reason=judgement.reason,
        speedup=speedup(found.values) if claims_gain else None,
        evidence=_finite(found.evidence) if claims_gain else 0.0,
        queries=counters.queries(dict(before), dict(after), claim.targets),
        launches=len(found.values),
        requests=_requests(trial, claim),
        responses=responses,
        effects=tuple(effects(trial, claim, found, before, after)),
        smallest_detectable=detectable(found) if claims_gain else None,
        replicated=claim.replicated,
        metric=trial.metric if claim.metric == "cpu" else "wall",
        uncounted=unseen(trial.sets) if claim.metric == "cpu" else "",
    )


def effects(
    trial: Trial, claim: Claim, found: Measured, before: Counts, after: Counts
) -> Iterator[EndpointEffect]:
    """What was measured on each endpoint, targets first."""
    groups: Sequence[tuple[str, Mapping[str, tuple[float, ...]]]] = (
        ("target", found.targets),
        ("guard", found.guards),
        ("guard", found.rest),
    )
    for role, endpoints in groups:
        for end, values in endpoints.items():
            if role == "guard" and not values:
                continue
            yield EndpointEffect(
                endpoint=end,
                speedup=speedup(values, own(found).prior if role == "target" else found.prior),
                evidence=_finite(e_value(values)),
                role="target" if role == "target" else "guard",
                queries=counters.queries(dict(before), dict(after), (end,)),
                samples=distribution(
                    trial.sets,
                    claim.before,
                    claim.after,
                    end,
                    trial.clock(claim) if role == "target" else trial.metric,
                ),
                rows=counters.per_request("rows", before, after, (end,)),
                bytes=counters.per_request("bytes", before, after, (end,)),
            )


def counted(endpoint: str, before: Counts, after: Counts) -> EndpointEffect:
    """What was counted on an endpoint that no clock has seen."""
    return EndpointEffect(
        endpoint,
        None,
        1.0,
        "target",
        queries=counters.per_request("queries", before, after, (endpoint,)),
        rows=counters.per_request("rows", before, after, (endpoint,)),
        bytes=counters.per_request("bytes", before, after, (endpoint,)),
    )


def detectable(found: Measured) -> float | None:
    """The gain that so many pairs of this noise could have shown; None where none could."""
    spread = moderated(found.values, own(found).prior)
    if spread.freedom == 0 or len(found.values) < fewest_pairs():
        return None
    return round(smallest_detectable(math.sqrt(spread.variance), len(found.values)), 4)


def _judgement(trial: Trial, claim: Claim, found: Measured) -> Judgement:
    settled = claim.settled or trial.judged(claim)
    if settled.kind == "proven":
        if claim.replicated is None:
            return Judgement("inconclusive", f"{settled.reason}; no time was left to replicate it")
        if not claim.replicated:
            return Judgement("inconclusive", "a replication on held-out requests did not agree")
    if settled.kind is None and not found.values:
        return Judgement("inconclusive", NOT_REACHED)
    fewest = FEWEST_PAIRS_AGAINST if claim.metric == "gate" else fewest_pairs()
    if settled.kind is None and len(found.values) < fewest:
        return Judgement("inconclusive", _TOO_FEW.format(len(found.values), fewest))
    if settled.kind is None:
        smallest = detectable(found) if claim.metric != "gate" else None
        seen = f"; a gain of {smallest:.0%} or more would have shown" if smallest else ""
        return Judgement("inconclusive", settled.reason + seen)
    return settled


def _requests(trial: Trial, claim: Claim) -> int:
    sets = trial.sets[: claim.pairs] if claim.settled else trial.sets
    return sum(
        one.samples[arm][end].requests
        for one in sets
        for arm in (claim.before, claim.after)
        for end in claim.targets
        if end in one.samples.get(arm, {})
    )


def _finite(evidence: float) -> float:
    return round(min(evidence, 1e12), 3)
