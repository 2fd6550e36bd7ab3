"""Says what to do about a statement that is slow as it is written, and why no edit does it."""

from collections.abc import Iterator

from unslow.lab.prescribe._source import Source
from unslow.model import Finding, Patch, PlanEvidence, Recommendation

DETECTORS = frozenset(
    {"count-per-page", "deep-offset", "duplicate-index"}
    | {"leading-wildcard", "slow-query", "unused-index"}
)
FIXER = "query-advice"


def fix(finding: Finding, source: Source) -> Iterator[Patch | Recommendation]:
    """The advice of the finding; what clients see would change with it."""
    evidence = finding.evidence
    if isinstance(evidence, PlanEvidence):
        form = f": {evidence.reference}" if evidence.reference else ""
        yield Recommendation(FIXER, f"{evidence.advice}{form}", evidence.reason)
