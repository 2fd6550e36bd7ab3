"""Quotes the causes of a report's findings, so that it reads without the sources."""

from collections.abc import Callable

import msgspec

from unslow.model import Excerpt, Report, ReportedFinding, Site

CONTEXT_LINES = 1
MAX_LINES = 12  # a longer expression is quoted from its first line on


def with_excerpts(report: Report, read: Callable[[str], bytes]) -> Report:
    """The report with the lines around each cause; `read` gives a file by its site's path."""
    findings = tuple(
        msgspec.structs.replace(finding, excerpt=finding.excerpt or _quote(finding, read))
        for finding in report.findings
    )
    return msgspec.structs.replace(report, findings=findings)


def _quote(finding: ReportedFinding, read: Callable[[str], bytes]) -> Excerpt | None:
    if finding.cause is None:
        return None
    try:
        text = read(finding.cause.path).decode()
    except (OSError, UnicodeDecodeError):
        return None
    return quote(text, finding.cause)


def quote(text: str, site: Site) -> Excerpt | None:
    lines = text.splitlines()
    if not 1 <= site.line <= len(lines):
        return None
    first = max(1, site.line - CONTEXT_LINES)
    last = min(len(lines), site.end_line + CONTEXT_LINES, first + MAX_LINES - 1)
    return Excerpt(first, tuple(lines[first - 1 : last]))


def span(excerpt: Excerpt, site: Site, line: int) -> tuple[int, int] | None:
    """The characters `start, end` of `line` that belong to the expression; None outside it.

    Sites count UTF-8 bytes; the answer counts characters. On the middle lines of a long expression
    the indentation is left out.
    """
    if not site.line <= line <= site.end_line:
        return None
    text = excerpt.lines[line - excerpt.line]
    encoded = text.encode()
    start = (
        len(encoded[: site.column].decode(errors="ignore"))
        if line == site.line
        else len(text) - len(text.lstrip())
    )
    end = (
        len(encoded[: site.end_column].decode(errors="ignore"))
        if line == site.end_line
        else len(text)
    )
    return (start, end) if start < end else None
