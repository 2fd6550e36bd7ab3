"""Findings that the source allows: `# unslow: allow repeated-query -- why it is fine`."""

import re
from collections.abc import Callable

from unslow.model import Finding, Site

COMMENT = re.compile(r"#\s*unslow:\s*allow\s+([a-z][a-z0-9, -]*?)\s*(?:--|$)")


def allowed(finding: Finding, read: Callable[[str], bytes]) -> bool:
    """Whether a comment on the cause or symptom, or alone on the line above, names the finding."""
    places = dict.fromkeys(site for site in (finding.cause, finding.symptom) if site)
    return any(finding.id in _names_at(site, read) for site in places)


def _names_at(site: Site, read: Callable[[str], bytes]) -> set[str]:
    try:
        lines = read(site.path).decode("utf-8", "replace").splitlines()
    except OSError:
        return set()
    candidates = lines[site.line - 1 : site.end_line]
    above = lines[site.line - 2].strip() if site.line > 1 else ""
    if above.startswith("#"):
        candidates.append(above)
    return {name for line in candidates for name in _names(line)}


def _names(line: str) -> list[str]:
    match = COMMENT.search(line)
    return [name.strip() for name in match[1].split(",")] if match else []
