"""Says where a slow import can wait: in the functions that use it."""

from collections.abc import Iterator

from unslow.lab.prescribe._source import Source
from unslow.model import Finding, ImportEvidence, Recommendation

DETECTORS = frozenset({"slow-import"})
FIXER = "deferred-import"
REASON = "the first request that needs it would wait instead, which only you can weigh"


def fix(finding: Finding, source: Source) -> Iterator[Recommendation]:
    """One recommendation: a start is no request, so that no proof could judge a patch."""
    if isinstance(finding.evidence, ImportEvidence):
        module = finding.evidence.module
        yield Recommendation(FIXER, f"Import {module} in the functions that use it", REASON)
