"""Whole expressions in a finding, where the recorder knows a part of each."""

from collections.abc import Callable

from msgspec.structs import replace

from unslow.lab.diagnose._views import place
from unslow.model import Finding, RepeatEvidence, Site


def widened(finding: Finding, whole: Callable[[Site], Site]) -> Finding:
    """The finding with whole expressions as cause, symptom and uses."""
    cause = whole(finding.cause) if finding.cause else None
    evidence = finding.evidence
    if isinstance(evidence, RepeatEvidence):
        loads = (
            replace(one, uses=tuple(dict.fromkeys(map(whole, one.uses)))) for one in evidence.loads
        )
        evidence = RepeatEvidence(tuple(loads))
    return replace(
        finding,
        title=finding.title.replace(place(finding.cause), place(cause)),
        cause=cause,
        symptom=whole(finding.symptom) if finding.symptom else None,
        evidence=evidence,
    )
