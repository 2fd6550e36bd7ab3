"""The check, on one screen: observe, count, compare with a base, hold against the budget."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import msgspec

from unslow.errors import UnslowError
from unslow.lab._observation import observe, prepare
from unslow.lab._summary import Case, Proven, summarise
from unslow.lab.budget import counting, timing
from unslow.lab.budget.counting import Call
from unslow.lab.budget.rules import DEFAULT, TIME, Limit, Rules
from unslow.lab.budget.timing import BASE, HEAD
from unslow.lab.diagnose import diagnose
from unslow.lab.prescribe import Source, prescribe
from unslow.lab.prove.schedule import Arm
from unslow.lab.prove.session import Session, deadline
from unslow.lab.target import Database, Description, Lab, Running, Target
from unslow.lab.workload import Wanted, Workload
from unslow.model import (
    Budget,
    EndpointBudget,
    Finding,
    Report,
    Slowdown,
    TargetInfo,
    Trace,
)
from unslow.progress import Progress

if TYPE_CHECKING:
    from unslow.lab.compare import Versions

IS_NEW = "the base does not answer it"
ONCE = "it answers otherwise when it is asked again, so it cannot be measured"

Rulebook = Mapping[str, Mapping[str, Limit]]  # limits by name, by endpoint
Calls = Mapping[str, tuple[Call, ...]]


@dataclass(frozen=True)
class Options:
    """What the user may choose. `budget_s` bounds the measurement against the base."""

    wanted: Wanted = field(default_factory=Wanted)
    login: str = ""
    budget_s: float = 300.0
    seed: int = 0


@dataclass(frozen=True)
class Checked:
    """The report, whose `budget` holds the result, and the trace that it rests on."""

    report: Report
    trace: Trace


@dataclass(frozen=True)
class _Base:
    """What the base was seen to do, and how much slower than it the endpoints are."""

    calls: Calls = field(default_factory=dict)
    slowdowns: Mapping[str, Slowdown] = field(default_factory=dict)
    label: str = ""


def check(
    target: Target,
    rules: Rules,
    options: Options,
    progress: Progress,
    versions: "Versions | None" = None,
    base: str = "",
) -> Checked:
    """Count what every endpoint takes and hold it against `rules`.

    With `versions` the work tree is compared with their base, too; `base` alone is the label of a
    base of the same code. Nothing of the user's is written. Raises `UsageError` for rules that
    match no endpoint or contradict each other, `UnslowError` when a version fails.
    """
    started = time.monotonic()
    ground = versions.base.patch if versions else None
    with Lab(target, progress, ground) as lab:
        run = _Run(lab, _head(lab, versions), options, progress)
        workload, description = prepare(
            lab, options.wanted, options.login, progress, tree=run.head.tree, sql=run.head.sql,
            read=run.read,
        )  # fmt: skip
        limits = _limits(rules, workload, description)
        trace = run.observe(run.head, "observe", workload, description)
        calls = counting.by_endpoint(trace)
        compared = run.compare(versions, workload, description, calls, limits, base)
        findings = diagnose(trace, run.read)
        budget = _budget(calls, compared, limits, findings, workload)
        cases = _cases(budget, findings, trace, lab.roots)
        place = TargetInfo(trace.kind, trace.framework, trace.database, str(target.root))
        report = summarise(place, trace, workload.skipped, cases, Proven(), run.read)
    seconds = round(time.monotonic() - started, 1)
    return Checked(msgspec.structs.replace(report, budget=budget, seconds=seconds), trace)


def _head(lab: Lab, versions: "Versions | None") -> Arm:
    """The user's work tree; the lab's own sources are the base where there is one."""
    if versions is None:
        return Arm(HEAD, lab.tree())
    patch = versions.candidate.patch
    return Arm(HEAD, lab.tree([patch]), patch.sql)


@dataclass(frozen=True)
class _Run:
    lab: Lab
    head: Arm
    options: Options
    progress: Progress

    def read(self, path: str) -> bytes:
        """The user's own source, which the lab's may differ from."""
        for root in map(Path, self.lab.roots):
            if (root / path).is_file():
                return (root / path).read_bytes()
        return self.lab.read(path)

    def observe(self, arm: Arm, name: str, workload: Workload, description: Description) -> Trace:
        """Every call at least once, slow ones too: the counters are to be exact."""
        return observe(
            self.lab, workload, description, self.options.login, _as_it_is, self.progress,
            tree=arm.tree, sql=arm.sql, name=name, whole_rounds=1,
        )  # fmt: skip

    def compare(
        self,
        versions: "Versions | None",
        workload: Workload,
        description: Description,
        calls: Calls,
        limits: Rulebook,
        label: str,
    ) -> _Base:
        timed = {end: limits[end][TIME] for end in calls if TIME in limits[end]}
        if versions is None:
            return _Base(calls, timing.same_code(timed), label) if label else _Base()
        arm = Arm(BASE, self.lab.tree(), versions.base.patch.sql)
        try:
            trace = self.observe(arm, "observe the base", workload, description)
        except OSError as error:
            raise UnslowError(f"{versions.base.label} stops answering: {error}") from error
        before = {e: c for e, c in counting.by_endpoint(trace).items() if counting.answers(c)}
        why = {end: IS_NEW for end in timed if end not in before}
        why |= {end: ONCE for end in _once(calls) if end not in why}
        measured = {end: limit for end, limit in timed.items() if end not in why}
        slowdowns = timing.unmeasured(timed, why)
        if measured:
            self.progress.stage("measure against the base")
            sample = self._session(workload, arm, {BASE: before, HEAD: calls})
            slowdowns |= timing.slowdowns(sample, measured, sample.seconds_left)
        return _Base(before, slowdowns, versions.base.label)

    def _session(self, workload: Workload, base: Arm, calls: Mapping[str, Calls]) -> Session:
        return Session(
            lab=self.lab,
            workload=workload,
            arms={BASE: base, HEAD: self.head},
            costs={
                arm: {end: _cost_s(of) for end, of in ends.items()} for arm, ends in calls.items()
            },
            once=frozenset(),
            random=Random(self.options.seed),
            progress=self.progress,
            seconds_left=deadline(self.options.budget_s),
            sign_in=self._sign_in,
        )

    def _sign_in(self, app: Running) -> Mapping[str, str]:
        return app.login(self.options.login) if self.options.login else {}


def _as_it_is(trace: Trace, databases: Sequence[Database]) -> Trace:
    return trace


def _limits(rules: Rules, workload: Workload, description: Description) -> Rulebook:
    """Raises `UsageError` before anything is measured."""
    skipped = [one.endpoint for one in workload.skipped]
    declared = [f"{route.method} {route.route}" for route in description.routes]
    known = tuple(dict.fromkeys((*workload.endpoints, *skipped, *declared)))
    rules.require_known(known)
    return {endpoint: rules.limits(endpoint) for endpoint in known}


def _budget(
    calls: Calls, base: _Base, limits: Rulebook, findings: Sequence[Finding], workload: Workload
) -> Budget:
    causes = counting.causes(findings)
    rows = [
        EndpointBudget(
            endpoint=endpoint,
            calls=len(own),
            counters=counting.spent(own, base.calls.get(endpoint, ()), limits[endpoint], causes),
            time=base.slowdowns.get(endpoint),
            view=next((one.view for call in own for one in call.requests if one.view), None),
            is_new=bool(base.label) and endpoint not in base.calls,
        )
        for endpoint, own in calls.items()
    ]
    skipped = (one.endpoint for one in workload.skipped)
    return Budget(
        endpoints=tuple(sorted(rows, key=lambda row: (not row.exceeded, not row.budgeted))),
        base=base.label,
        unchecked=tuple(end for end in skipped if _is_own(end, limits)),
    )


def _is_own(endpoint: str, limits: Rulebook) -> bool:
    """Whether an entry other than the default names the endpoint."""
    return any(limit.glob != DEFAULT for limit in limits.get(endpoint, {}).values())


def _cases(
    budget: Budget, findings: Sequence[Finding], trace: Trace, roots: Sequence[str]
) -> list[Case]:
    """The findings on endpoints that exceed their counters, with the fixes that would be tried."""
    over = {row.endpoint for row in budget.exceeded if any(one.exceeded for one in row.counters)}
    source = Source(tuple(roots), trace.models, trace)
    return [
        Case(f"{finding.id}-{number}", finding, tuple(prescribe(finding, source)))
        for number, finding in enumerate(findings)
        if over.intersection(finding.endpoints)
    ]


def _once(calls: Calls) -> list[str]:
    """Writing endpoints whose calls answer otherwise when they are sent again."""
    return [
        endpoint
        for endpoint, own in calls.items()
        if any(
            len({request.status for request in call.requests}) > 1
            for call in own
            if call.requests[0].method not in ("GET", "HEAD")
        )
    ]


def _cost_s(calls: Sequence[Call]) -> float:
    return min(request.duration_ms for call in calls for request in call.requests) / 1e3
