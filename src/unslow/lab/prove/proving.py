"""From candidates to verdicts: the gates, then the clock, then a replication."""

from collections.abc import Mapping, Sequence
from random import Random

import msgspec

from unslow.lab.prove import gate, outcome
from unslow.lab.prove._candidate import Candidate, Proof, rivals
from unslow.lab.prove.bundle import Bundle, bundles
from unslow.lab.prove.gate import Baseline, Gated
from unslow.lab.prove.schedule import AGAIN, BEFORE, Arm, SignIn
from unslow.lab.prove.session import Clock, Session, deadline, weights
from unslow.lab.prove.trial import REPLICATION_SETS, Claim, Trial
from unslow.lab.target import Lab
from unslow.lab.workload import Workload
from unslow.model import Calibration, Verdict
from unslow.progress import Progress

GATE_SHARE = 0.25  # of the budget, for the gates of all arms together
NO_OTHERS: Mapping[str, float] = {}
GATES_END = 0.6  # what the gates have not reached by then is not measured


def prove(
    lab: Lab,
    workload: Workload,
    candidates: Sequence[Candidate],
    *,
    budget_s: float,
    progress: Progress,
    seed: int = 0,
    sign_in: SignIn | None = None,
    beside: Sequence[Candidate] = (),
    others: Mapping[str, float] = NO_OTHERS,
) -> Proof:
    """Judge every candidate within about `budget_s` seconds.

    `sign_in` gives the headers of a session on one launch's own clone. `beside` are fixes that are
    in place in every arm, `others` the evidence of claims judged elsewhere in the same report, by
    key. Raises `UnslowError` when the unpatched application fails.
    """
    seconds_left = deadline(budget_s)
    gates_left = deadline(budget_s * GATES_END)
    known = set(workload.endpoints)
    reachable = [one for one in candidates if known.intersection(one.endpoints)]
    groups = bundles(reachable, lab.read, beside)
    where = f"beside {len(beside)} fixes: " if beside else ""
    progress.stage(f"{where}check that answers stay the same", len(groups) + 1)
    targets = {end for group in groups for end in group.targets}
    arm_s = seconds_left() * GATE_SHARE / (len(groups) + 2)
    base = gate.baseline(
        lab,
        workload,
        targets,
        budget_s=arm_s,
        sign_in=sign_in,
        progress=progress,
        beside=beside,
    )
    gated = gate.check(
        lab, base, groups, sign_in=sign_in, progress=progress, seconds_left=gates_left
    )
    trial = _trial(
        lab, workload, base, gated, Random(seed), progress, seconds_left, sign_in, beside
    )
    trial.others = others
    progress.stage(f"{where}measure", None)
    trial.run(REPLICATION_SETS)
    progress.stage(f"{where}replicate on held-out requests", REPLICATION_SETS)
    trial.replicate()
    verdicts = {one.key: Verdict("inconclusive", outcome.NOT_REACHED) for one in candidates}
    verdicts |= _verdicts(trial, base, gated)
    verdicts = {
        key: msgspec.structs.replace(one, beside=len(beside)) for key, one in verdicts.items()
    }
    return Proof(verdicts, trial.calibration(), base)


def calibrate(
    lab: Lab,
    workload: Workload,
    *,
    budget_s: float,
    progress: Progress,
    seed: int = 0,
    sign_in: SignIn | None = None,
) -> Calibration | None:
    """The noise between two copies of the unpatched application; None when no two pairs fit."""
    seconds_left = deadline(budget_s)
    base = gate.baseline(
        lab, workload, (), budget_s=budget_s * 0.05, sign_in=sign_in, progress=progress
    )
    trial = _trial(lab, workload, base, Gated(), Random(seed), progress, seconds_left, sign_in)
    trial.claims.append(Claim("calibration", AGAIN, workload.endpoints))
    trial.run()
    return trial.calibration()


def _trial(
    lab: Lab,
    workload: Workload,
    base: Baseline,
    gated: Gated,
    random: Random,
    progress: Progress,
    seconds_left: Clock,
    sign_in: SignIn | None,
    beside: Sequence[Candidate] = (),
) -> Trial:
    start = Bundle(BEFORE, (), tuple(beside))
    arms = {name: Arm(name, lab.tree(start.patches), start.sql) for name in (BEFORE, AGAIN)}
    for passed in gated.passed:
        bundle = passed.bundle
        arms[bundle.name] = Arm(bundle.name, lab.tree(bundle.patches), bundle.sql)
    costs = {passed.bundle.name: dict(passed.cost_s) for passed in gated.passed}
    costs[BEFORE] = dict(base.cost_s)
    session = Session(
        lab, workload, arms, costs, base.once, random, progress, seconds_left, sign_in
    )
    return Trial(_claims(gated, workload), weights(workload), costs, session, seconds_left)


def _claims(gated: Gated, workload: Workload) -> list[Claim]:
    """A candidate answers for its own endpoints and for all that no other of its bundle changes.

    An endpoint that sends other statements than before is guarded by the candidates that touch its
    code; by all of the bundle where none is known to.
    """
    candidates = [one for passed in gated.passed for one in passed.bundle.candidates]
    claims = []
    for passed in gated.passed:
        bundle = passed.bundle
        others = [end for end in workload.endpoints if end not in bundle.targets]
        by_index = {end for ends in passed.indexed.values() for end in ends}
        touched = {end for one in bundle.candidates for end in one.touches}
        for one in bundle.candidates:
            felt = passed.felt & (one.touches | (passed.felt - touched))
            felt |= passed.indexed.get(one.key, frozenset())
            claims.append(
                Claim(
                    one.key,
                    bundle.name,
                    targets=tuple(end for end in one.endpoints if end in workload.endpoints),
                    guards=tuple(end for end in others if end in felt),
                    rest=tuple(end for end in others if end not in passed.felt | by_index),
                    rivals=tuple(other.key for other in candidates if rivals(one, other)),
                    metric=one.patch.metric,
                    at_once=dict.fromkeys(one.endpoints, one.patch.at_once),
                )
            )
    return claims


def _verdicts(trial: Trial, base: Baseline, gated: Gated) -> dict[str, Verdict]:
    found = {
        one.key: Verdict(
            "failed" if one.crashed else "different",
            one.reason,
            responses=gated.responses.get(one.key),
        )
        for one in gated.rejected
    }
    after = {one.bundle.name: one.counters for one in gated.passed}
    for claim in trial.claims:
        responses = gated.responses.get(claim.key)
        found[claim.key] = outcome.verdict(
            trial, claim, base.counters, after[claim.after], responses
        )
    return found
