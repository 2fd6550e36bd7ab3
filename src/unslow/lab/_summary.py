"""Puts the report together: what the endpoints cost, what was found, what was proven."""

import hashlib
import os
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec

from unslow import __version__
from unslow.lab.patching import diff
from unslow.lab.prove import Combination, Proof, counters
from unslow.model import (
    SCHEMA_VERSION,
    Endpoint,
    Environment,
    Finding,
    Fix,
    Latency,
    Noise,
    Patch,
    QueryTotals,
    Recommendation,
    Report,
    ReportedFinding,
    Request,
    Skipped,
    TargetInfo,
    Total,
    Trace,
    Verdict,
    WaterfallBar,
)

WATERFALL_BARS = 400  # beyond that a waterfall is a wall
Read = Callable[[str], bytes]


@dataclass(frozen=True)
class Case:
    """A finding with what the fixers say to it."""

    key: str
    finding: Finding
    advice: tuple[Patch | Recommendation, ...]

    def key_of(self, position: int) -> str:
        return f"{self.key}.{position}"

    @property
    def patches(self) -> Iterator[Patch]:
        return (advice for advice in self.advice if isinstance(advice, Patch))


@dataclass(frozen=True)
class Proven:
    """Every candidate's verdict, and the combination of those that were kept."""

    proof: Proof = field(default_factory=lambda: Proof({}))
    combination: Combination = field(default_factory=lambda: Combination(Total(None, 0, 0, 0)))


def summarise(
    target: TargetInfo,
    trace: Trace,
    skipped: Sequence[Skipped],
    cases: Sequence[Case],
    proven: Proven,
    read: Read,
) -> Report:
    """The report of one audit. `read` gives the audited sources."""
    blocked = (host for request in trace.requests for host in request.blocked)
    return Report(
        schema=SCHEMA_VERSION,
        unslow=__version__,
        target=target,
        environment=_environment(trace.python, proven.proof),
        endpoints=_endpoints(trace),
        findings=tuple(_reported(case, proven, read) for case in cases),
        skipped=tuple(skipped),
        total=proven.combination.total,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        blocked=tuple(dict.fromkeys(blocked)),
        files=_digests(cases, read),
    )


def _environment(python: str, proof: Proof) -> Environment:
    noise = None
    if proof.calibration is not None:
        measured = proof.calibration
        noise = Noise(
            measured.noise, measured.waiting_share, measured.smallest_detectable, measured.pairs
        )
    return Environment(len(os.sched_getaffinity(0)), python, noise)


def _reported(case: Case, proven: Proven, read: Read) -> ReportedFinding:
    finding = case.finding
    fixes = (_fix(case.key_of(n), advice, proven, read) for n, advice in enumerate(case.advice))
    return ReportedFinding(
        id=finding.id,
        title=finding.title,
        severity=finding.severity,
        confidence=finding.confidence,
        endpoints=finding.endpoints,
        cause=finding.cause,
        symptom=finding.symptom,
        evidence=finding.evidence,
        cost=finding.cost,
        fixes=tuple(sorted(fixes, key=lambda fix: not fix.kept)),
    )


def _fix(key: str, advice: Patch | Recommendation, proven: Proven, read: Read) -> Fix:
    if isinstance(advice, Recommendation):
        verdict = Verdict("not-run", reason=advice.reason)
        return Fix(advice.fixer, advice.summary, "review", "", verdict)
    return Fix(
        fixer=advice.fixer,
        summary=advice.summary,
        safety=advice.safety,
        diff=diff([advice], read),
        proof=proven.proof.verdicts.get(key, Verdict("not-run", reason="not measured")),
        kept=key in proven.combination.kept,
        edits=advice.edits,
        files=advice.files,
        sql=advice.sql,
    )


def _digests(cases: Sequence[Case], read: Read) -> dict[str, str]:
    paths = {edit.path for case in cases for patch in case.patches for edit in patch.edits}
    return {path: hashlib.sha256(read(path)).hexdigest() for path in sorted(paths)}


def _endpoints(trace: Trace) -> tuple[Endpoint, ...]:
    """One row per endpoint, the slowest first."""
    grouped: dict[str, list[Request]] = defaultdict(list)
    for request in trace.requests:
        grouped[request.endpoint].append(request)
    growth = {one.endpoint: one.growth for one in trace.growth}
    rows = [
        msgspec.structs.replace(_endpoint(requests), growth=growth.get(endpoint))
        for endpoint, requests in grouped.items()
    ]
    return tuple(sorted(rows, key=lambda row: -row.latency_ms.p50))


def _endpoint(requests: Sequence[Request]) -> Endpoint:
    durations = sorted(request.duration_ms for request in requests)
    queries = [query for request in requests for query in request.queries]
    slowest = max(requests, key=lambda request: request.duration_ms)
    return Endpoint(
        method=requests[0].method,
        route=requests[0].route,
        requests=len(requests),
        statuses=dict(sorted(Counter(str(request.status) for request in requests).items())),
        latency_ms=Latency(*(_percentile(durations, share) for share in (0.5, 0.95, 0.99))),
        cpu_ms=round(statistics.fmean(request.cpu_ms for request in requests), 2),
        queries=QueryTotals(
            per_request=round(len(queries) / len(requests), 1),
            shapes=len({query.fingerprint for query in queries}),
            ms=round(sum(query.duration_ms for query in queries) / len(requests), 2),
        ),
        waterfall=tuple(_bars(slowest)),
        rows=round(statistics.fmean(map(counters.rows, requests)), 1),
        bytes=round(statistics.fmean(request.response_bytes for request in requests), 1),
    )


def _bars(request: Request) -> Iterable[WaterfallBar]:
    for query in request.queries[:WATERFALL_BARS]:
        site = query.stack[0] if query.stack else None
        yield WaterfallBar(round(query.start_ms, 2), round(query.duration_ms, 3), query.shape, site)


def _percentile(ordered: Sequence[float], share: float) -> float:
    """The nearest-rank percentile of ordered values."""
    rank = max(0, min(len(ordered) - 1, round(share * len(ordered) + 0.5) - 1))
    return round(ordered[rank], 2)
