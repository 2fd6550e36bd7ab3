"""Says which workers to try, and what to measure: the best ones depend on the machine."""

from collections.abc import Iterator

from unslow.lab.prescribe._source import Source
from unslow.model import Finding, Recommendation, ServerEvidence

DETECTORS = frozenset({"misfit-workers"})
FIXER = "gunicorn-workers"
REASON = (
    "the best number depends on the machine and the traffic: measure requests per second and p95 "
    "with as many clients as you expect, and the memory of all workers"
)


def fix(finding: Finding, source: Source) -> Iterator[Recommendation]:
    """One recommendation, with the options to try."""
    evidence = finding.evidence
    if not isinstance(evidence, ServerEvidence):
        return
    server = evidence.server
    most = 2 * server.cores + 1
    if server.worker in ("sync", "gthread") and server.workers <= most:
        tried = "--worker-class gthread with --threads 2, 4 and 8"
    else:
        tried = f"--workers {server.cores}, {server.cores + 1} and {most}"
    yield Recommendation(FIXER, f"Try {tried}", REASON)
