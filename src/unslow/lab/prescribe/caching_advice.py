"""caching-advice: what to keep, for how long, and how it is forgotten: a person's decision."""

from collections.abc import Iterator

from unslow.lab.prescribe._source import Source
from unslow.model import CacheEvidence, Finding, ReadEvidence, Recommendation

DETECTORS = frozenset({"uncached-read", "cache-scan", "unexpiring-cache", "cache-stampede"})
FIXER = "caching-advice"
ADVICE = {
    "cache-scan": (
        "Keep the keys that belong together in a set (SADD when one is written), and read that",
        "what writes the keys must name their group, and that is not in this expression",
    ),
    "unexpiring-cache": (
        "Give each value an end: set(key, value, ex=seconds), in Django timeout=seconds",
        "how old a value may be is for the application to say",
    ),
    "cache-stampede": (
        "Let one request compute and the others wait for it or take the old value: a lock by key",
        "which of them may see an old value is for the application to say",
    ),
}


def fix(finding: Finding, source: Source) -> Iterator[Recommendation]:
    """Advice alone: a cache changes what later requests see."""
    evidence = finding.evidence
    if isinstance(evidence, ReadEvidence):
        yield Recommendation(FIXER, _keeping(evidence), _worth(evidence, finding))
    elif isinstance(evidence, CacheEvidence) and finding.id in ADVICE:
        yield Recommendation(FIXER, *ADVICE[finding.id])


def _keeping(evidence: ReadEvidence) -> str:
    return (
        f"Keep the {evidence.rows} rows in the cache for some seconds, under a key that names "
        "everything that the answer depends on"
    )


def _worth(evidence: ReadEvidence, finding: Finding) -> str:
    saved = f"{evidence.ms:.0f} ms of each request, {finding.cost.share:.0%} of all traffic's time"
    tables = " and ".join(evidence.tables)
    writers = ", ".join(evidence.writers)
    known = f"{writers} write {tables}: forget it there" if writers else f"nothing wrote {tables}"
    return f"it would spare {saved}; {known}; how old the answer may be is yours to say"
