"""What the tools answer: plain data, from which clients get a schema."""

from dataclasses import dataclass

from unslow.model.verdict import VerdictKind


@dataclass(frozen=True)
class Gain:
    """How many times cheaper, before/after (above 1 is faster), with its 99 % interval."""

    estimate: float
    low: float
    high: float


@dataclass(frozen=True)
class Place:
    """An expression in the source, relative to the application's folder. Lines are 1-based."""

    path: str
    line: int
    end_line: int
    function: str


@dataclass(frozen=True)
class Fix:
    """A change that unslow wrote (`diff`), or advice (no `diff`), with what its proof said.

    `kept` tells that it stands together with the other kept fixes. `safety` is "safe" or "review".
    """

    fixer: str
    summary: str
    verdict: VerdictKind
    reason: str
    kept: bool
    safety: str
    speedup: Gain | None = None
    diff: str = ""


@dataclass(frozen=True)
class Finding:
    """A cost with its cause. `number` is what the findings tool takes; `kind` is the rule.

    `share` is its part of the time of all requests, 0 to 1. `source` quotes the lines around the
    cause.
    """

    number: int
    kind: str
    title: str
    severity: str
    confidence: str
    endpoints: tuple[str, ...]
    cause: Place | None
    ms_per_request: float
    queries_per_request: float
    share: float
    fixes: tuple[Fix, ...]
    source: str = ""


@dataclass(frozen=True)
class Audited:
    """The outcome of an audit. `skipped` names the endpoints that were not exercised, and why.

    `total` is what all kept fixes gain together.
    """

    application: str
    seconds: float
    endpoints: int
    findings: tuple[Finding, ...]
    skipped: tuple[str, ...]
    total: Gain | None
    next: str


@dataclass(frozen=True)
class Findings:
    """Findings of the last audit, with the source of the cause and the diff of each fix."""

    application: str
    audited_at: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Effect:
    """What the change does to one endpoint; queries are per request."""

    endpoint: str
    speedup: Gain | None
    queries_before: float | None
    queries_after: float | None


@dataclass(frozen=True)
class Judgement:
    """The verdict on a change with its evidence, and what to do `next`.

    `evidence` is an e-value: 100 proves. `compared` answers were compared with the base's and
    `equal` were the same, apart from what is `masked` because the base itself gives it differently
    each time. `output` is what a version that failed printed last.
    """

    base: str
    candidate: str
    verdict: VerdictKind
    reason: str
    next: str
    speedup: Gain | None
    evidence: float
    launches: int
    requests: int
    compared: int
    equal: int
    masked: tuple[str, ...]
    first_difference: str
    endpoints: tuple[Effect, ...]
    only_in_base: tuple[str, ...]
    only_in_candidate: tuple[str, ...]
    files: tuple[str, ...]
    notes: tuple[str, ...]
    output: tuple[str, ...]
    smallest_detectable: float | None


@dataclass(frozen=True)
class Statement:
    """A statement of the costliest call, how often it ran, and the expression to change."""

    shape: str
    count: int
    cause: Place | None


@dataclass(frozen=True)
class Breach:
    """An endpoint over its budget. `what` is "queries", "rows", "bytes" or "time".

    `found`, `limit` and `base` are per call; of "time" they are a slowdown in percent against the
    base. `budget` is the entry of [tool.unslow.budget] that sets the limit.
    """

    endpoint: str
    what: str
    found: float
    limit: float
    base: float | None
    budget: str
    call: str = ""
    statements: tuple[Statement, ...] = ()


@dataclass(frozen=True)
class Checked:
    """Whether every endpoint keeps its budget. `open` may be slower, which was not shown."""

    passed: bool
    base: str
    endpoints: int
    breaches: tuple[Breach, ...]
    open: tuple[str, ...]
    unchecked: tuple[str, ...]
    next: str
