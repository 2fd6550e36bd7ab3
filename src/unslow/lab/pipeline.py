"""The audit, on one screen: target, workload, diagnose, prescribe, prove, report."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from unslow.lab import plans
from unslow.lab._observation import Fill, observe, prepare, running
from unslow.lab._summary import Case, Proven, summarise
from unslow.lab.diagnose import diagnose
from unslow.lab.growth.observing import observe_growing
from unslow.lab.prescribe import Source, prescribe
from unslow.lab.prove import Candidate, prove_all, traffic
from unslow.lab.prove.session import weights
from unslow.lab.seeding import Amount, Seeded, seed_database, told
from unslow.lab.target import Database, Description, Lab, Running, Target
from unslow.lab.workload import Wanted, Workload
from unslow.model import GrownData, Model, Patch, Report, TargetInfo, Trace
from unslow.progress import Progress, Silent


@dataclass(frozen=True)
class Options:
    """What the user may choose. `budget_s` bounds the proof, not the whole audit."""

    wanted: Wanted = field(default_factory=Wanted)
    login: str = ""
    prove: bool = True
    budget_s: float = 300.0
    seed: int = 0
    seed_rows: int = 0  # of each empty table of the clone; 0 leaves it as it is
    sizes: tuple[int, ...] = ()  # multiples of the data to observe at; () for the data as it is


@dataclass(frozen=True)
class Audited:
    """The report, and the trace that it rests on."""

    report: Report
    trace: Trace


def audit(target: Target, options: Options, progress: Progress) -> Audited:
    """Find what is slow, write the fixes, keep what is proven. The user's own data and sources
    are only read. Raises `UnslowError`."""
    started = time.monotonic()
    with Lab(target, progress) as lab:
        workload, description = prepare(
            lab, options.wanted, options.login, progress, fill=_filler(options, progress)
        )
        trace, grown = _observed(lab, workload, description, options, progress)
        cases = _cases(trace, Source(lab.roots, trace.models, trace), lab.read, progress)
        proven = (
            _prove(lab, workload, trace, cases, options, progress) if options.prove else Proven()
        )
        root = TargetInfo(trace.kind, trace.framework, trace.database, str(target.root))
        report = summarise(root, trace, workload.skipped, cases, proven, lab.read)
    seconds = round(time.monotonic() - started, 1)
    return Audited(msgspec.structs.replace(report, seconds=seconds, grown=grown), trace)


def _observed(
    lab: Lab, workload: Workload, description: Description, options: Options, progress: Progress
) -> tuple[Trace, GrownData | None]:
    if options.sizes:
        return observe_growing(lab, workload, description, options.login, options.sizes, progress)
    return observe(lab, workload, description, options.login, plans.collect, progress), None


def _filler(options: Options, progress: Progress) -> Fill | None:
    amount = Amount(options.seed_rows, options.seed)

    def fill(database: Database, models: Sequence[Model]) -> None:
        tables = seed_database(database, models, amount, progress)
        progress.note(told(Seeded(database.source, tables)))

    return fill if options.seed_rows else None


def diagnose_only(trace: Trace, read: Callable[[str], bytes]) -> Report:
    """Findings and candidate fixes of a saved trace; nothing is run."""
    source = Source((*trace.roots, "."), trace.models, trace)
    target = TargetInfo(trace.kind, trace.framework, trace.database, ".")
    cases = _cases(trace, source, read, Silent())
    return summarise(target, trace, (), cases, Proven(), read)


def _cases(
    trace: Trace, source: Source, read: Callable[[str], bytes], progress: Progress
) -> list[Case]:
    progress.stage("diagnose")
    findings = diagnose(trace, read)
    progress.stage("write fixes", len(findings))
    cases = []
    for number, finding in enumerate(findings):
        progress.step(finding.title)
        cases.append(Case(f"{finding.id}-{number}", finding, tuple(prescribe(finding, source))))
    return cases


def _prove(
    lab: Lab,
    workload: Workload,
    trace: Trace,
    cases: list[Case],
    options: Options,
    progress: Progress,
) -> Proven:
    candidates = [
        Candidate(
            case.key_of(position),
            advice,
            case.finding.endpoints,
            case.key,
            running(trace, case.finding.cause),
        )
        for case in cases
        for position, advice in enumerate(case.advice)
        if isinstance(advice, Patch)
    ]
    if not candidates:
        return Proven()

    def sign_in(app: Running) -> Mapping[str, str]:
        return app.login(options.login) if options.login else {}

    proof, combination = prove_all(
        lab,
        workload,
        candidates,
        budget_s=options.budget_s,
        progress=progress,
        seed=options.seed,
        sign_in=sign_in,
        traffic=traffic(
            trace.requests, weights(workload), recorded=bool(options.wanted.recordings)
        ),
    )
    return Proven(proof, combination)
