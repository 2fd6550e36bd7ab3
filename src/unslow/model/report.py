"""The report: the one public contract, from which every other format is made."""

from typing import Literal

import msgspec

from unslow.model.budget import Budget
from unslow.model.comparison import Comparison
from unslow.model.finding import Confidence, Cost, Evidence, Severity
from unslow.model.growth import GrownData, Growth
from unslow.model.interval import Interval
from unslow.model.patch import NewFile, Safety, TextEdit
from unslow.model.selftest import Selftest
from unslow.model.site import Site
from unslow.model.verdict import Counters, EndpointEffect, Verdict


class TargetInfo(msgspec.Struct, frozen=True):
    """What was audited: kind "django", framework "Django 5.2", database "postgresql 18.4"."""

    kind: str
    framework: str
    database: str
    root: str


class Noise(msgspec.Struct, frozen=True):
    """How much identical code differs on this machine."""

    standard_deviation: float
    waiting_share: float
    smallest_detectable: float
    pairs: int


class Environment(msgspec.Struct, frozen=True):
    """Where it was measured. `python` is the version that runs the application."""

    cpus: int
    python: str
    noise: Noise | None = None


class Latency(msgspec.Struct, frozen=True):
    """Milliseconds."""

    p50: float
    p95: float
    p99: float


class QueryTotals(msgspec.Struct, frozen=True):
    per_request: float
    shapes: int
    ms: float


class WaterfallBar(msgspec.Struct, frozen=True):
    """One query in the waterfall of an endpoint's slowest request, in ms from its start."""

    start_ms: float
    duration_ms: float
    shape: str
    site: Site | None = None


class Endpoint(msgspec.Struct, frozen=True):
    method: str
    route: str
    requests: int
    statuses: dict[str, int]
    latency_ms: Latency
    cpu_ms: float
    queries: QueryTotals
    waterfall: tuple[WaterfallBar, ...] = ()
    rows: float = 0.0  # that the statements of a request gave or changed
    bytes: float = 0.0  # of a response's body
    growth: Growth | None = None


class Fix(msgspec.Struct, frozen=True):
    """A patch with its proof. `unslow fix` applies `edits`, `files`, `sql`; `diff` is for reading.

    A recommendation is a fix without a diff: `proof.verdict` is "not-run" and `summary` says what
    to do.
    """

    fixer: str
    summary: str
    safety: Safety
    diff: str
    proof: Verdict
    kept: bool = False
    edits: tuple[TextEdit, ...] = ()
    files: tuple[NewFile, ...] = ()
    sql: tuple[str, ...] = ()


class Excerpt(msgspec.Struct, frozen=True):
    """The source lines around a finding's cause, from line `line` on, so that a report can quote
    the expression without the application at hand."""

    line: int
    lines: tuple[str, ...]


class ReportedFinding(msgspec.Struct, frozen=True):
    id: str
    title: str
    severity: Severity
    confidence: Confidence
    endpoints: tuple[str, ...]
    cause: Site | None
    symptom: Site | None
    evidence: Evidence
    cost: Cost
    fixes: tuple[Fix, ...] = ()
    excerpt: Excerpt | None = None


class Skipped(msgspec.Struct, frozen=True):
    """An endpoint that could not be exercised, and why."""

    endpoint: str
    reason: str


class Total(msgspec.Struct, frozen=True):
    """All kept fixes together, measured once more: total CPU per round of traffic; wall time where
    all that was proven saves waiting."""

    speedup: Interval | None
    proven: int
    inconclusive: int
    rejected: int
    effects: tuple[EndpointEffect, ...] = ()
    queries: Counters | None = None
    verdict: Literal["proven", "inconclusive", "not-run", "failed"] = "not-run"
    metric: Literal["cpu", "wall"] = "cpu"


class Report(msgspec.Struct, frozen=True):
    schema: int
    unslow: str
    target: TargetInfo
    environment: Environment
    endpoints: tuple[Endpoint, ...]
    findings: tuple[ReportedFinding, ...]
    skipped: tuple[Skipped, ...]
    total: Total
    created: str = ""  # RFC 3339
    seconds: float = 0.0
    blocked: tuple[str, ...] = ()
    files: dict[str, str] = {}  # path -> SHA-256 of the file as audited, so that fix detects drift
    budget: Budget | None = None  # what `unslow check` held the endpoints to
    selftest: Selftest | None = None
    comparison: Comparison | None = None
    grown: GrownData | None = None  # set where the audit ran at several sizes of the data
