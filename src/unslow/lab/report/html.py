"""The report as one HTML file that needs nothing else: no network, no script."""

from dataclasses import dataclass
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from unslow.lab.report import _budget as budget
from unslow.lab.report import _charts as charts
from unslow.lab.report import _comparison as comparison
from unslow.lab.report import _growth as growth
from unslow.lab.report import _load as load
from unslow.lab.report import _phrases as say
from unslow.lab.report import _selftest as selftest
from unslow.lab.report import _writes as writes
from unslow.lab.report._diff import diff_lines
from unslow.lab.report._excerpt import span
from unslow.model import Endpoint, Report, ReportedFinding


@dataclass(frozen=True)
class QuotedLine:
    """A source line in three parts; `marked` belongs to the expression."""

    number: int
    before: str
    marked: str
    after: str


def render(report: Report) -> str:
    if report.selftest:
        return _template("_selftest.html.jinja").render(report=report)
    if report.comparison:
        return _template("_comparison.html.jinja").render(report=report)
    return _template().render(
        report=report,
        forest=charts.forest(report),
        endpoints=sorted(report.endpoints, key=_traffic, reverse=True),
        compared=_compared(report),
        kept=sum(fix.kept for finding in report.findings for fix in finding.fixes),
    )


@cache
def _template(name: str = "report.html.jinja") -> Template:
    environment = Environment(
        loader=PackageLoader("unslow.lab.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {
        "say": say,
        "budget": budget,
        "selftest": selftest,
        "comparison": comparison,
        "charts": charts,
        "growth": growth,
        "load": load,
        "writes": writes,
        "diff_lines": diff_lines,
        "quoted": quoted,
    }
    return environment.get_template(name)


def _traffic(endpoint: Endpoint) -> float:
    return endpoint.requests * endpoint.cpu_ms


def _compared(report: Report) -> int:
    """How many responses of kept fixes were compared and equal."""
    return sum(
        fix.proof.responses.equal
        for finding in report.findings
        for fix in finding.fixes
        if fix.kept and fix.proof.responses
    )


def quoted(finding: ReportedFinding) -> list[QuotedLine]:
    """The lines around the cause; empty when the source was not at hand."""
    if finding.excerpt is None or finding.cause is None:
        return []
    lines = []
    for number, text in enumerate(finding.excerpt.lines, finding.excerpt.line):
        start, end = span(finding.excerpt, finding.cause, number) or (len(text), len(text))
        lines.append(QuotedLine(number, text[:start], text[start:end], text[end:]))
    return lines
