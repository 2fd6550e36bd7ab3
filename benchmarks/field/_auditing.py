"""The parts of an audit that a mutant needs: its own calls, and what they repeat since the cut."""

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from benchmarks.field._application import CACHE, Ready
from unslow.lab import plans
from unslow.lab._observation import observe, prepare, running
from unslow.lab.diagnose import diagnose
from unslow.lab.prescribe import Source, prescribe
from unslow.lab.prove import Candidate, prove_all, traffic
from unslow.lab.prove.proving import prove
from unslow.lab.prove.session import weights
from unslow.lab.target import Database, Description, Lab, discover, read_settings
from unslow.lab.workload import Wanted, Workload
from unslow.model import Finding, Patch, Recommendation, RepeatEvidence, Trace, Verdict
from unslow.progress import Progress

FREE = ("PYTHONPYCACHEPREFIX", "PYTHONDONTWRITEBYTECODE")
NOT_RUN = Verdict("not-run")

Collect = Callable[[Trace, Sequence[Database]], Trace]


@dataclass(frozen=True)
class Fix:
    """A patch and what its proof said."""

    patch: Patch
    verdict: Verdict

    @property
    def proven(self) -> bool:
        return self.verdict.verdict == "proven"


@dataclass(frozen=True)
class Case:
    """A finding that the unchanged application does not have; its patches, the proven first."""

    finding: Finding
    fixes: tuple[Fix, ...]
    advice: tuple[str, ...] = ()

    def chosen(self) -> tuple[Fix, ...]:
        """The first fix of each load: of rivals one is kept."""
        kept: list[Fix] = []
        for fix in self.fixes:
            if all(set(fix.patch.covers).isdisjoint(one.patch.covers) for one in kept):
                kept.append(fix)
        return tuple(kept)


@dataclass(frozen=True)
class Audits:
    """What is the same for every mutant of an application: its calls, and its own repeats."""

    ready: Ready
    workload: Workload
    description: Description
    known: frozenset[str]
    progress: Progress

    def endpoint(self, path: str) -> str:
        calls = (*self.workload.calls, *self.workload.held_out, *self.workload.compared)
        return next((call.endpoint for call in calls if call.path == path), "")

    def audit(self, sources: Path, endpoints: Collection[str], proof_s: float) -> tuple[Case, ...]:
        """What is new on the endpoints with these sources, with patches; proven in `proof_s`
        seconds, not at all when that is 0."""
        workload = _only(self.workload, endpoints)
        with _lab(self.ready, sources, self.progress) as lab:
            trace = observe(lab, workload, self.description, "", _no_plans, self.progress)
            source = Source(lab.roots, trace.models, trace)
            found = [one for one in diagnose(trace, lab.read) if repeats(one) - self.known]
            advice = [prescribe(finding, source) for finding in found]
            candidates = list(_candidates(found, advice, trace))
            verdicts: Mapping[str, Verdict] = {}
            if candidates and proof_s:
                proof = prove(lab, workload, candidates, budget_s=proof_s, progress=self.progress)
                verdicts = proof.verdicts
        return tuple(
            _case(number, finding, given, verdicts)
            for number, (finding, given) in enumerate(zip(found, advice, strict=True))
        )

    def audit_indexes(self, endpoints: Collection[str], proof_s: float) -> tuple[Case, ...]:
        """Every finding on the endpoints, plans read, with patches that are flipped and proven."""
        workload = _only(self.workload, endpoints)
        with _lab(self.ready, None, self.progress) as lab:
            trace = observe(lab, workload, self.description, "", plans.collect, self.progress)
            source = Source(lab.roots, trace.models, trace)
            found = [
                one for one in diagnose(trace, lab.read) if one.id in ("unindexed-filter",
                                                                        "unindexed-sort")
            ]  # fmt: skip
            advice = [prescribe(finding, source) for finding in found]
            candidates = list(_candidates(found, advice, trace))
            verdicts: Mapping[str, Verdict] = {}
            if candidates and proof_s:
                seen = traffic(trace.requests, weights(workload), recorded=False)
                proof, _ = prove_all(
                    lab, workload, candidates, budget_s=proof_s, progress=self.progress,
                    traffic=seen,
                )  # fmt: skip
                verdicts = proof.verdicts
        return tuple(
            _case(number, finding, given, verdicts)
            for number, (finding, given) in enumerate(zip(found, advice, strict=True))
        )


def unchanged(ready: Ready, recording: Path, progress: Progress) -> Audits:
    """Audit the application as it is: which calls it answers, and what they repeat already."""
    name, _, value = ready.header.partition(": ")
    wanted = Wanted(headers={name: value}, recordings=(recording,), every_call=True)
    with _lab(ready, None, progress) as lab:
        workload, description = prepare(lab, wanted, "", progress)
        everything = msgspec.structs.replace(
            workload, calls=(*workload.calls, *workload.held_out), held_out=()
        )
        trace = observe(lab, everything, description, "", _no_plans, progress)
        found = diagnose(trace, lab.read)
    known = frozenset(key for finding in found for key in repeats(finding))
    return Audits(ready, workload, description, known, progress)


def repeats(finding: Finding) -> set[str]:
    """What it repeats, and where: by endpoint, model, relations and statement."""
    if not isinstance(finding.evidence, RepeatEvidence):
        return set()
    return {
        " ".join(
            (endpoint, one.load.parent if one.load else "", *one.relation_path, one.fingerprint)
        )
        for endpoint in finding.endpoints
        for one in finding.evidence.loads
    }


def _lab(ready: Ready, sources: Path | None, progress: Progress) -> Lab:
    environment = {k: v for k, v in ready.environment.items() if k not in FREE}
    if sources is not None:
        given = environment.get("PYTHONPATH", "")
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, (str(sources), given)))
    settings = replace(read_settings(ready.folder), env=environment)
    target = discover(None, ready.command, cwd=ready.folder, settings=settings)
    return Lab(target, progress, compiled=CACHE / "compiled")


def _only(workload: Workload, endpoints: Collection[str]) -> Workload:
    return Workload(
        tuple(call for call in workload.calls if call.endpoint in endpoints),
        tuple(call for call in workload.held_out if call.endpoint in endpoints),
        compared=tuple(call for call in workload.compared if call.endpoint in endpoints),
    )


def _no_plans(trace: Trace, databases: Sequence[Database]) -> Trace:
    return trace


def _candidates(
    found: Sequence[Finding], advice: Sequence[Sequence[Patch | Recommendation]], trace: Trace
) -> Iterator[Candidate]:
    for number, (finding, given) in enumerate(zip(found, advice, strict=True)):
        for position, one in enumerate(given):
            if isinstance(one, Patch):
                yield Candidate(
                    f"{number}.{position}",
                    one,
                    finding.endpoints,
                    f"{number}",
                    running(trace, finding.cause),
                )


def _case(
    number: int,
    finding: Finding,
    given: Sequence[Patch | Recommendation],
    verdicts: Mapping[str, Verdict],
) -> Case:
    fixes = [
        Fix(one, verdicts.get(f"{number}.{position}", NOT_RUN))
        for position, one in enumerate(given)
        if isinstance(one, Patch)
    ]
    advice = [f"{one.summary}: {one.reason}" for one in given if isinstance(one, Recommendation)]
    return Case(finding, tuple(sorted(fixes, key=lambda fix: not fix.proven)), tuple(advice))
