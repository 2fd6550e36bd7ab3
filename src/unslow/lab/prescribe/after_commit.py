"""Advises to ask other services before a transaction writes, or after it is committed."""

from collections.abc import Iterator

from unslow.lab.prescribe._source import Source
from unslow.model import Finding, Recommendation, WaitEvidence

DETECTORS = frozenset({"long-transaction"})
FIXER = "after-commit"


def fix(finding: Finding, source: Source) -> Iterator[Recommendation]:
    """The advice: which side of the transaction is right, only its author knows."""
    if not isinstance(finding.evidence, WaitEvidence):
        return
    kind = source.trace.kind if source.trace is not None else ""
    later = "in transaction.on_commit()" if kind == "django" else "after the session's commit()"
    yield Recommendation(
        FIXER,
        f"Ask {finding.evidence.call} before the first write, or {later}",
        "what is written may depend on the answer, and the answer may depend on what is written",
    )
