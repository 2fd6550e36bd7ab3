"""Judges a whole change: the gates, then every endpoint and their total, then a replication."""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Literal

import msgspec

from unslow.errors import UnslowError
from unslow.lab.prove import gate, outcome
from unslow.lab.prove._candidate import Candidate
from unslow.lab.prove.bundle import Bundle
from unslow.lab.prove.counters import Counted
from unslow.lab.prove.evidence import fewest_pairs, interval
from unslow.lab.prove.gate import Baseline, Passed
from unslow.lab.prove.judge import (
    LEAST_GAIN,
    may_be_slower,
    of_change,
    own_guards,
    promising,
    surely_slower,
)
from unslow.lab.prove.loaded import judge_loaded
from unslow.lab.prove.schedule import AGAIN, BEFORE, Arm, SignIn
from unslow.lab.prove.session import Clock, Session, deadline, weights
from unslow.lab.prove.trial import REPLICATION_SETS, Claim, Trial
from unslow.lab.target import Lab
from unslow.lab.workload import Workload
from unslow.model import Calibration, EndpointEffect, Patch, Responses, Verdict
from unslow.model.verdict import VerdictKind
from unslow.progress import Progress

CANDIDATE = "B"
TOTAL = "total"
GATE_SHARE = 0.25  # of the budget, for the gates of the three arms
MEASURE_SHARE = 0.8  # of what is left then, for the fewest launch sets that can prove anything
SHOWN_DIFFERENCES = 5  # beside the first one
LAUNCH_S = 4.0  # of a launch set, before any was seen


@dataclass(frozen=True)
class Judged:
    """The verdict on a change, the noise that it was measured in, what a failure printed."""

    verdict: Verdict
    calibration: Calibration | None = None
    output: tuple[str, ...] = ()
    before: Mapping[str, Counted] = field(default_factory=dict)
    after: Mapping[str, Counted] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def judge_change(
    lab: Lab,
    workload: Workload,
    patch: Patch,
    *,
    budget_s: float,
    max_slowdown: float,
    progress: Progress,
    seed: int = 0,
    sign_in: SignIn | None = None,
    measure: Literal["cpu", "latency", "throughput"] = "cpu",
) -> Judged:
    """Compare the lab's own version with `patch` on all endpoints within about `budget_s` seconds.

    Raises `UnslowError` when the version without the patch fails.
    """
    seconds_left = deadline(budget_s)
    candidate = Candidate(TOTAL, patch, workload.endpoints)
    progress.stage("check that answers stay the same", 2)
    arm_s = budget_s * GATE_SHARE / 3
    base = gate.baseline(
        lab, workload, workload.endpoints, budget_s=arm_s, sign_in=sign_in, progress=progress
    )
    gated = gate.check(
        lab,
        base,
        [Bundle(CANDIDATE, (candidate,))],
        sign_in=sign_in,
        progress=progress,
        seconds_left=lambda: 1.0,
        apart=_apart(lab, patch, progress) if patch.prepare else frozenset(),
    )
    responses = gated.responses.get(TOTAL)
    for one in gated.rejected:
        kind: VerdictKind = "failed" if one.crashed else "different"
        effects = tuple(
            msgspec.structs.replace(
                effect, verdict="different" if effect.endpoint in one.differences else "not-run"
            )
            for effect in _counted(workload.endpoints, base.counters, one.counters)
        )
        verdict = Verdict(kind, one.reason, responses=responses, effects=effects)
        others = tuple(text for text in one.differences.values() if text != one.reason)
        return Judged(
            verdict, None, one.output, base.counters, one.counters, others[:SHOWN_DIFFERENCES]
        )
    passed = gated.passed[0]
    if measure != "cpu":
        verdict = judge_loaded(
            lab,
            workload,
            (Arm(BEFORE, lab.tree()), Arm(CANDIDATE, lab.tree([patch]), patch.sql)),
            (base.counters, passed.counters),
            measure,
            seconds_left=seconds_left,
            max_slowdown=max_slowdown,
            progress=progress,
            seed=seed,
            sign_in=sign_in,
        )
        return _judged(verdict, responses, None, base.counters, passed.counters)
    chosen = affordable(workload, base, passed, seconds_left())
    trial = _trial(
        lab, workload, base, passed, chosen, max_slowdown, Random(seed), progress, seconds_left,
        sign_in,
    )  # fmt: skip
    progress.stage("measure", None)
    trial.run(REPLICATION_SETS)
    progress.stage("replicate on held-out requests", REPLICATION_SETS)
    trial.replicate()
    found = _Found(trial, chosen, workload.endpoints, base.counters, passed.counters)
    return _judged(found.verdict(), responses, trial.calibration(), base.counters, passed.counters)


def _judged(
    verdict: Verdict,
    responses: Responses | None,
    calibration: Calibration | None,
    before: Mapping[str, Counted],
    after: Mapping[str, Counted],
) -> Judged:
    """A failure's first line is its reason, the others are what was printed."""
    reason, *output = verdict.reason.splitlines() or [""]
    verdict = msgspec.structs.replace(verdict, reason=reason, responses=responses)
    printed = tuple(output) if verdict.verdict == "failed" else ()
    return Judged(verdict, calibration, printed, before, after)


def _apart(lab: Lab, patch: Patch, progress: Progress) -> frozenset[str]:
    """The tables that the migrations alone leave with other rows than before."""
    progress.step("what the migrations change", 0)
    states: list[Mapping[str, str]] = []
    for name, tree in ((BEFORE, lab.tree()), (CANDIDATE, lab.tree([patch]))):
        try:
            running = lab.launch(tree, name, record="light")
        except UnslowError:
            return frozenset()  # the gate says why
        try:
            states.append(running.end_state())
        finally:
            running.stop()
    old, new = states
    return frozenset(name for name in {*old, *new} if old.get(name) != new.get(name))


def affordable(
    workload: Workload, base: Baseline, passed: Passed, seconds: float
) -> tuple[str, ...]:
    """The endpoints that can be measured often enough, those that send other statements first."""
    seconds = seconds * MEASURE_SHARE / (fewest_pairs() + REPLICATION_SETS) - LAUNCH_S
    changed = {
        end
        for end in workload.endpoints
        if end in base.counters and base.counters[end] != passed.counters.get(end)
    }
    chosen: list[str] = []
    for end in sorted(
        workload.endpoints, key=lambda end: (end not in changed, base.cost_s.get(end, 0.0))
    ):
        seconds -= 2 * (base.cost_s.get(end, 0.0) + passed.cost_s.get(end, 0.0))
        if seconds < 0 and chosen:
            break
        chosen.append(end)
    return tuple(end for end in workload.endpoints if end in chosen)


def _trial(
    lab: Lab,
    workload: Workload,
    base: Baseline,
    passed: Passed,
    chosen: Sequence[str],
    max_slowdown: float,
    random: Random,
    progress: Progress,
    seconds_left: Clock,
    sign_in: SignIn | None,
) -> Trial:
    bundle = passed.bundle
    arms = {name: Arm(name, lab.tree()) for name in (BEFORE, AGAIN)}
    arms[CANDIDATE] = Arm(CANDIDATE, lab.tree(bundle.patches), bundle.sql)
    costs = {BEFORE: dict(base.cost_s), CANDIDATE: dict(passed.cost_s)}
    session = Session(
        lab, workload, arms, costs, base.once, random, progress, seconds_left, sign_in
    )
    trial = Trial(claims(chosen), weights(workload), costs, session, seconds_left)
    trial.rules = of_change(max_slowdown)
    return trial


def claims(endpoints: Sequence[str]) -> list[Claim]:
    """The total, and each endpoint by itself where there are several: none may harm another."""
    total = Claim(TOTAL, CANDIDATE, tuple(endpoints))
    if len(endpoints) == 1:
        return [total]
    singly = (
        Claim(end, CANDIDATE, (end,), guards=tuple(one for one in endpoints if one != end))
        for end in endpoints
    )
    return [total, *singly]


def verdict_of(trial: Trial, endpoints: Sequence[str]) -> Verdict:
    """The verdict of a trial of `claims` on some of `endpoints`, in which nothing was counted."""
    return _Found(trial, trial.claims[0].targets, endpoints, {}, {}).verdict()


@dataclass(frozen=True)
class _Found:
    """What a trial of a change came to."""

    trial: Trial
    chosen: Sequence[str]
    endpoints: Sequence[str]
    before: Mapping[str, Counted]
    after: Mapping[str, Counted]

    def verdict(self) -> Verdict:
        singly = {claim.key: self._of(claim) for claim in self.trial.claims}
        total = singly[TOTAL]
        effects = tuple(self._effects(singly))
        kind, reason = self._together(singly)
        return msgspec.structs.replace(total, verdict=kind, reason=reason, effects=effects)

    def _of(self, claim: Claim) -> Verdict:
        return outcome.verdict(self.trial, claim, self.before, self.after, None)

    def _together(self, singly: Mapping[str, Verdict]) -> tuple[VerdictKind, str]:
        """Harm first, then gain, then the absence of both."""
        total = singly[TOTAL]
        for kind in ("failed", "slower"):
            for one in singly.values():
                if one.verdict == kind:
                    return one.verdict, one.reason
        if total.verdict == "proven":
            return "proven", f"the total costs {total.reason}"
        proven = {end: one for end, one in singly.items() if one.verdict == "proven"}
        if proven:
            first, best = max(proven.items(), key=lambda one: one[1].evidence)
            more = f", and {len(proven) - 1} more endpoints gain" if len(proven) > 1 else ""
            return "proven", f"{first} costs {best.reason}{more}"
        return self._without_proof(total)

    def _without_proof(self, total: Verdict) -> tuple[VerdictKind, str]:
        claim = self.trial.claims[0]
        measured = self.trial.measured(claim)
        bounds = interval(measured.values, prior=measured.prior)
        least = math.log1p(LEAST_GAIN)
        gains = [
            one.targets[0] for one in self.trial.claims[1:] if promising(self.trial.measured(one))
        ]
        if gains:
            return "inconclusive", f"{gains[0]} seems to gain, but {total.reason}"
        if total.verdict == "no-gain" or (-least < bounds.low and bounds.high < least):
            open_ends = own_guards(measured)
            more = f"; {may_be_slower(measured)}" if open_ends else ""
            return "no-gain", f"the total changes by less than {LEAST_GAIN:.0%}{more}"
        return "inconclusive", total.reason

    def _effects(self, singly: Mapping[str, Verdict]) -> Iterator[EndpointEffect]:
        total = self.trial.claims[0]
        measured = self.trial.of_all(total)
        counted = outcome.effects(self.trial, total, measured, self.before, self.after)
        for effect in counted:
            own = singly.get(effect.endpoint, singly[TOTAL]).verdict
            if surely_slower(measured.targets[effect.endpoint], measured):
                own = "slower"
            elif own == "slower":
                own = "inconclusive"  # another endpoint is the slower one
            yield msgspec.structs.replace(effect, verdict=own)
        missing = [end for end in self.endpoints if end not in self.chosen]
        yield from _counted(missing, self.before, self.after)


def _counted(
    endpoints: Collection[str], before: Mapping[str, Counted], after: Mapping[str, Counted]
) -> Iterator[EndpointEffect]:
    """Endpoints that no clock has seen: their counters alone."""
    for end in endpoints:
        one = outcome.counted(end, before, after)
        yield msgspec.structs.replace(one, verdict="not-run")
