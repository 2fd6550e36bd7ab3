"""All kept fixes together, measured once more; leave-one-out drops what no longer pays."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from statistics import fmean
from typing import Literal

import msgspec

from unslow.lab.prove import counters, gate, outcome
from unslow.lab.prove._candidate import Candidate, Combination, Proof, rivals
from unslow.lab.prove.bundle import Bundle, bundles, compatible
from unslow.lab.prove.clocks import own
from unslow.lab.prove.evidence import PROVEN_EVIDENCE, interval
from unslow.lab.prove.gate import Baseline, Passed
from unslow.lab.prove.judge import LEAST_GAIN, speedup
from unslow.lab.prove.schedule import BEFORE, Arm, SignIn
from unslow.lab.prove.session import Clock, Session, deadline, weights
from unslow.lab.prove.trial import Claim, Trial
from unslow.lab.target import Lab
from unslow.lab.workload import Workload
from unslow.model import Total, Verdict
from unslow.progress import Progress

GATE_SHARE = 0.05
TOGETHER = "C"
MOST_ATTEMPTS = 6  # sets of fixes that are gated before the combination is given up
NO_GAIN_LEFT = "with the other fixes in place it gains nothing"


def combine(
    lab: Lab,
    workload: Workload,
    candidates: Sequence[Candidate],
    proof: Proof,
    *,
    budget_s: float,
    progress: Progress,
    seed: int = 0,
    sign_in: SignIn | None = None,
) -> Combination:
    """Put the proven fixes together, best first, gate and measure them, and drop the useless.

    Takes about `budget_s`. Raises `UnslowError` when the unpatched application fails.
    """
    seconds_left = deadline(budget_s)
    kept, dropped = choose(candidates, proof, lab, workload)
    if not kept:
        return Combination(_total(proof, "not-run"), (), dropped)
    progress.stage("all fixes together: check that answers stay the same")
    base = proof.baseline or gate.baseline(
        lab,
        workload,
        {end for one in kept for end in one.endpoints},
        budget_s=budget_s * GATE_SHARE,
        sign_in=sign_in,
        progress=progress,
    )
    run = _Run(lab, workload, base, progress, seconds_left, seed, sign_in)
    passed = run.gated(kept, dropped)
    if passed is None:
        return Combination(_total(proof, "failed"), (), dropped)
    kept = list(passed.bundle.candidates)
    progress.stage("all fixes together: measure")
    trial = run.measured(kept)
    if trial is None:
        keys = tuple(one.key for one in kept)
        return Combination(_total(proof, "not-run"), keys, dropped)
    without_gain = set(useless(trial))
    if without_gain and len(without_gain) < len(kept):
        dropped |= dict.fromkeys(without_gain, NO_GAIN_LEFT)
        kept = [one for one in kept if one.key not in without_gain]
        trial, passed = run.again(kept, trial, passed)
    keys = tuple(one.key for one in kept)
    return Combination(_measured_total(proof, trial, base, passed), keys, dropped)


def choose(
    candidates: Sequence[Candidate], proof: Proof, lab: Lab, workload: Workload
) -> tuple[list[Candidate], dict[str, str]]:
    """The candidates to keep that go together: the proven, those that save most first, then the
    harmless; why others do not."""
    traffic = weights(workload)
    worthy = [one for one in candidates if _is_worthy(proof.verdicts.get(one.key))]
    kept: list[Candidate] = []
    dropped: dict[str, str] = {}
    for one in sorted(worthy, key=lambda one: _order(proof.verdicts[one.key], traffic)):
        rival = next((other for other in kept if rivals(one, other)), None)
        if rival is not None:
            dropped[one.key] = f"{rival.patch.summary} saves more"
        elif not compatible([*kept, one], lab.read):
            dropped[one.key] = "it changes the same text as a fix that saves more"
        else:
            kept.append(one)
    return kept, dropped


def _is_worthy(verdict: Verdict | None) -> bool:
    return verdict is not None and verdict.verdict in ("proven", "harmless")


def _order(verdict: Verdict, traffic: Mapping[str, float]) -> tuple[bool, float]:
    return verdict.verdict != "proven", -_saved(verdict, traffic)


def _saved(verdict: Verdict, traffic: Mapping[str, float]) -> float:
    """Milliseconds per round of traffic."""
    return sum(
        traffic.get(one.endpoint, 1.0) * (fmean(one.samples.before) - fmean(one.samples.after))
        for one in verdict.effects
        if one.role == "target" and one.samples.before
    )


@dataclass(frozen=True)
class _Run:
    lab: Lab
    workload: Workload
    base: Baseline
    progress: Progress
    seconds_left: Clock
    seed: int
    sign_in: SignIn | None

    def gated(self, kept: Sequence[Candidate], dropped: dict[str, str]) -> Passed | None:
        """A large set that answers as before; `dropped` takes those that left it.

        Where no fix can be blamed, the half that saves less leaves.
        """
        left = list(kept)
        for _ in range(MOST_ATTEMPTS):
            found = gate.check_together(
                self.lab,
                self.base,
                Bundle(TOGETHER, tuple(left)),
                sign_in=self.sign_in,
                progress=self.progress,
            )
            if isinstance(found, Passed):
                return found
            guilty = [one for one in left if one.key in found][-1:] or left[len(left) // 2 :]
            reason = next(iter(found.values()))
            dropped |= {one.key: f"with the other fixes: {reason}" for one in guilty}
            left = [one for one in left if one not in guilty]
            if not left:
                return None
        dropped |= dict.fromkeys((one.key for one in left), "the fixes do not work together")
        return None

    def measured(self, kept: Sequence[Candidate]) -> Trial | None:
        """A against all fixes, and each bundle left out against all; None where none of them
        claims a gain."""
        if all(one.patch.metric == "gate" for one in kept):
            return None
        arms = {BEFORE: Arm(BEFORE, self.lab.tree()), TOGETHER: self._arm(TOGETHER, kept)}
        claims = [self._total(kept)]
        groups = bundles(kept, self.lab.read)
        for number, group in enumerate(groups, start=1):
            if all(one.patch.metric == "gate" for one in group.candidates):
                continue
            name = f"without {number}" if len(groups) > 1 else BEFORE
            rest = [one for one in kept if one not in group.candidates]
            arms.setdefault(name, self._arm(name, rest))
            claims += [
                Claim(
                    one.key,
                    TOGETHER,
                    self._known(one),
                    before=name,
                    metric=one.patch.metric,
                    at_once=_at_once([one]),
                )
                for one in group.candidates
                if one.patch.metric != "gate"
            ]
        trial = self._trial(claims, arms)
        trial.run()
        return trial

    def again(
        self, kept: Sequence[Candidate], trial: Trial, passed: Passed
    ) -> tuple[Trial, Passed]:
        """Gates and measures the smaller set; keeps the old figures where no time is left."""
        found = gate.check_together(
            self.lab,
            self.base,
            Bundle(TOGETHER, tuple(kept)),
            sign_in=self.sign_in,
            progress=self.progress,
        )
        if not isinstance(found, Passed):
            return trial, passed
        arms = {BEFORE: Arm(BEFORE, self.lab.tree()), TOGETHER: self._arm(TOGETHER, kept)}
        fresh = self._trial([self._total(kept)], arms)
        fresh.run()
        return (fresh, found) if len(fresh.sets) > 1 else (trial, passed)

    def _total(self, kept: Sequence[Candidate]) -> Claim:
        """All of the traffic; by wall time where nothing that is kept saves CPU."""
        judged = {one.patch.metric for one in kept} - {"gate"}
        waiting = [one for one in kept if one.patch.metric == "wall"]
        return Claim(
            "",
            TOGETHER,
            self.workload.endpoints,
            metric="wall" if judged == {"wall"} else "cpu",
            at_once=_at_once(waiting),
            waiting=frozenset(end for one in waiting for end in one.endpoints),
        )

    def _arm(self, name: str, candidates: Sequence[Candidate]) -> Arm:
        bundle = Bundle(name, tuple(candidates))
        return Arm(name, self.lab.tree(bundle.patches), bundle.sql)

    def _known(self, candidate: Candidate) -> tuple[str, ...]:
        return tuple(end for end in candidate.endpoints if end in self.workload.endpoints)

    def _trial(self, claims: list[Claim], arms: dict[str, Arm]) -> Trial:
        costs = {BEFORE: dict(self.base.cost_s)}
        session = Session(
            self.lab,
            self.workload,
            arms,
            costs,
            self.base.once,
            Random(self.seed + 1),
            self.progress,
            self.seconds_left,
            self.sign_in,
        )
        return Trial(
            claims,
            weights(self.workload),
            costs,
            session,
            self.seconds_left,
            calibrate=False,
        )


def _at_once(candidates: Sequence[Candidate]) -> dict[str, int]:
    found: dict[str, int] = {}
    for one in candidates:
        for end in one.endpoints:
            found[end] = max(found.get(end, 1), one.patch.at_once)
    return found


def useless(trial: Trial) -> Iterator[str]:
    """Fixes whose removal costs less than a proof's least gain and is not surely felt."""
    for claim in trial.claims:
        found = trial.measured(claim)
        if claim.key and len(found.values) > 1:
            gain = interval(found.values, prior=own(found).prior)
            if gain.mean > math.log1p(-LEAST_GAIN) and gain.high >= 0:
                yield claim.key


def _measured_total(proof: Proof, trial: Trial, base: Baseline, passed: Passed) -> Total:
    claim = trial.claims[0]
    found = trial.measured(claim)
    harmed = claim.settled is not None and claim.settled.kind != "proven"
    faster = found.evidence >= PROVEN_EVIDENCE and fmean(found.values) < 0
    return msgspec.structs.replace(
        _total(proof, "proven" if faster and not harmed else "inconclusive"),
        speedup=speedup(found.values),
        effects=tuple(outcome.effects(trial, claim, found, base.counters, passed.counters)),
        queries=counters.queries(base.counters, passed.counters, claim.targets),
        metric=trial.metric if claim.metric == "cpu" else "wall",
    )


def _total(proof: Proof, verdict: Literal["proven", "inconclusive", "not-run", "failed"]) -> Total:
    kinds = [one.verdict for one in proof.verdicts.values()]
    proven, open_ = kinds.count("proven"), kinds.count("inconclusive")
    not_run = kinds.count("not-run")
    rejected = len(kinds) - proven - open_ - not_run - kinds.count("harmless")
    return Total(None, proven, open_, rejected, verdict=verdict)
