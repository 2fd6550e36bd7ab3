"""response-advice: how a long response gets shorter on its way; the proxy may do it already."""

from collections.abc import Iterator

from unslow.lab.prescribe._source import Source
from unslow.model import Finding, PayloadEvidence, Recommendation

DETECTORS = frozenset({"uncompressed-response", "oversized-payload"})
FIXER = "response-advice"
ADVICE = {
    "uncompressed-response": (
        "Compress in the proxy (nginx: gzip on; gzip_types application/json), or add "
        "GZipMiddleware (Django's, or Starlette's with minimum_size)",
        "a proxy in front may compress already, and compressing costs the application CPU",
    ),
    "oversized-payload": (
        "Send a page at a time, leave out fields that lists do not show, or stream the rows",
        "it changes what clients get",
    ),
}


def fix(finding: Finding, source: Source) -> Iterator[Recommendation]:
    """Advice alone: who compresses and what clients need lies outside the application."""
    if isinstance(finding.evidence, PayloadEvidence) and finding.id in ADVICE:
        yield Recommendation(FIXER, *ADVICE[finding.id])
