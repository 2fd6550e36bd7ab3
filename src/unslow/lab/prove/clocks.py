"""How fixes are judged that CPU does not decide: by waiting time, or by the gates alone."""

import math
from dataclasses import replace
from statistics import fmean

from unslow.lab.prove.evidence import interval
from unslow.lab.prove.judge import (
    FEWEST_PAIRS_AGAINST,
    ONE_SIDED,
    SURE,
    Judgement,
    Measured,
    judge,
    may_be_slower,
    open_guards,
    slowed,
)

OWN_LIMIT = 0.25
"""How much more its own endpoints may cost: threads, tasks and further connections are paid
in CPU, and a fix that pays more than it should is no gain to a busy server."""


def own(measured: Measured) -> Measured:
    """The endpoints that a fix is about, by the clock that decides, with that clock's noise."""
    if measured.waits is None:
        return measured
    noise, prior = measured.waits
    return replace(measured, guards={}, rest={}, rest_mean=(), noise=noise, prior=prior)


def judge_waiting(measured: Measured, *, stands: bool) -> Judgement:
    """The verdict on a fix that saves waiting: by wall time, with CPU as the guard."""
    harm = _costs_cpu(measured) or slowed(_others(measured))
    if harm:
        return Judgement("slower", harm)
    found = judge(own(measured), stands=stands)
    if found.kind == "proven" and open_guards(_others(measured)):
        return Judgement(None, may_be_slower(_others(measured)))
    if found.kind == "proven" and (dear := _may_cost_cpu(measured)):
        return Judgement(None, f"{dear} may cost more than {OWN_LIMIT:.0%} more CPU")
    return found


def judge_gate(measured: Measured) -> Judgement:
    """The verdict on a fix that makes the code right and has passed the gates.

    It is harmless when a few pairs show no slowdown of its own endpoints, and none of the others
    can have one; it needs no gain, so its own noise is no veto.
    """
    harm = _costs_cpu(measured) or slowed(_others(measured)) or slowed(own(measured))
    if harm:
        return Judgement("slower", harm)
    if len(measured.values) < FEWEST_PAIRS_AGAINST:
        return Judgement(None, f"{len(measured.values)} launch pairs tell too little of harm")
    if open_guards(_others(measured)):
        return Judgement(None, may_be_slower(_others(measured)))
    for what, values in (("CPU", _all_cpu(measured)), ("waiting", measured.values)):
        if values and fmean(values) > math.log1p(OWN_LIMIT):
            return Judgement(None, f"it seems to cost {math.expm1(fmean(values)):.0%} more {what}")
    if interval(measured.values, ONE_SIDED, own(measured).prior).low > 0:
        return Judgement(None, "it seems to be slower")
    return Judgement("harmless", "every answer is the same and nothing is slower")


def _all_cpu(measured: Measured) -> tuple[float, ...]:
    return tuple(value for values in measured.cpu.values() for value in values)


def _others(measured: Measured) -> Measured:
    return replace(measured, values=(), targets={})


def _costs_cpu(measured: Measured) -> str:
    for end, values in measured.cpu.items():
        found = interval(values, SURE, measured.prior)
        enough = len(values) >= FEWEST_PAIRS_AGAINST
        if enough and found.low > 0 and found.mean > math.log1p(OWN_LIMIT):
            return f"{end} costs {math.expm1(found.mean):.0%} more CPU"
    return ""


def _may_cost_cpu(measured: Measured) -> str:
    """The endpoint whose CPU may have grown by more than allowed, or ""."""
    limit = math.log1p(OWN_LIMIT)
    ends = measured.cpu.items()
    return next((e for e, v in ends if interval(v, ONE_SIDED, measured.prior).high > limit), "")
