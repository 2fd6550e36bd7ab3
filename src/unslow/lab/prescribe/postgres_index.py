"""Writes the SQL of a missing index for a table that no ORM model describes."""

from collections.abc import Iterator

from unslow.lab.prescribe import _indexes as indexes
from unslow.lab.prescribe._source import Source
from unslow.model import Finding, IndexEvidence, Patch, Recommendation

DETECTORS = indexes.DETECTORS
FIXER = "postgres-index"


def fix(finding: Finding, source: Source) -> Iterator[Patch | Recommendation]:
    """A patch without edits per rival index: SQL to run, without blocking writes in production."""
    evidence = finding.evidence
    if not isinstance(evidence, IndexEvidence) or source.model(evidence.model) is not None:
        return
    found = indexes.table(evidence.table, source)
    taken = {index.name for index in found.indexes} if found is not None else set()
    for candidate in indexes.candidates(finding, source):
        name = candidate.name(candidate.table, "_idx")
        if name not in taken:
            summary = f"Run {candidate.sql(name, concurrently=True)}"
            yield Patch(FIXER, summary, "safe", sql=(candidate.sql(name),))
