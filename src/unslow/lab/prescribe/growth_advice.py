"""Says what to do about a cost that grows with the data, and why no edit does it."""

from collections.abc import Iterator

from unslow.lab.prescribe._source import Source
from unslow.model import Finding, GrowthEvidence, Patch, Recommendation

DETECTORS = frozenset({"growing-cost", "unbounded-result"})
FIXER = "growth-advice"


def fix(finding: Finding, source: Source) -> Iterator[Patch | Recommendation]:
    """The advice of the finding, with what was seen at each size."""
    evidence = finding.evidence
    if isinstance(evidence, GrowthEvidence):
        values = ", ".join(
            f"{value:g} at {size}×"
            for size, value in zip(evidence.sizes, evidence.values, strict=True)
        )
        what = evidence.counter.replace("_", " ")
        yield Recommendation(FIXER, f"{evidence.advice} ({what}: {values})", evidence.reason)
