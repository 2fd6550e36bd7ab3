"""Says how a template gets its rows: all at once, and from the view."""

from collections.abc import Iterator

from unslow.lab.prescribe._source import Source
from unslow.model import Finding, Recommendation, RenderEvidence

DETECTORS = frozenset({"repeated-render", "queryset-in-template"})
FIXER = "rows-for-template"


def fix(finding: Finding, source: Source) -> Iterator[Recommendation]:
    """One recommendation: templates are not rewritten."""
    evidence = finding.evidence
    if isinstance(evidence, RenderEvidence):
        yield Recommendation(
            FIXER,
            f"Render {evidence.template} once: give it all rows, and loop in the template",
            "where the pieces go is in the code around it",
        )
    elif finding.id == "queryset-in-template":
        yield Recommendation(
            FIXER,
            "Ask in the view and hand the rows to the template, which can then be seen and cached",
            "templates are not rewritten",
        )
