"""The report for the terminal: what is slow, where, what cures it, and what to do next."""

import textwrap
from collections.abc import Collection, Sequence
from io import StringIO

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from unslow.lab.report import _budget as budget
from unslow.lab.report import _comparison as comparison
from unslow.lab.report import _growth as growth
from unslow.lab.report import _phrases as say
from unslow.lab.report import _selftest as selftest
from unslow.lab.report import _writes as writes
from unslow.lab.report._excerpt import span
from unslow.model import Endpoint, Excerpt, Fix, Report, ReportedFinding, Site

NO_BREAK = "\u00a0"
SHOWN_ENDPOINTS = 15  # the costliest; the whole list is in the HTML and JSON reports
SHOWN_FINDINGS = 20  # the costliest in full, the others in a line each
SHOWN_SKIPPED = 8  # endpoints that share a reason are named, beyond that counted
SEVERITY_STYLES = {"high": "bold red", "medium": "bold yellow", "low": "bold blue"}
MARKS = {
    "proven": ("✓", "bold green"),
    "harmless": ("✓", "green"),
    "different": ("✗", "red"),
    "slower": ("✗", "red"),
    "failed": ("✗", "red"),
    "no-gain": ("≈", "dim"),
    "inconclusive": ("?", "yellow"),
    "not-run": ("·", "dim"),
}


def render(report: Report, *, width: int = 80, color: bool = False) -> str:
    """The report as text, `width` columns wide; `color` adds ANSI styles."""
    console = Console(
        file=StringIO(),
        width=width,
        force_terminal=color,
        color_system="standard" if color else None,
        highlight=False,
        emoji=False,
        markup=False,
        legacy_windows=False,
    )
    for part in _parts(report, width):
        console.print(part)
    assert isinstance(console.file, StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines()) + "\n"


def _parts(report: Report, width: int) -> list[RenderableType]:
    if report.selftest:
        return [_head(report, width), *selftest.terminal(report.selftest)]
    if report.budget:
        return [_head(report, width), *budget.terminal(report, report.budget), *_causes(report)]
    if report.comparison:
        shown = comparison.terminal(report, report.comparison)
        return [_head(report, width), *shown, *_skipped(report)]
    parts: list[RenderableType] = [_head(report, width), "", _endpoints(report)]
    parts += growth.terminal(report)
    if not report.findings:
        parts += ["", Text("Nothing to fix: no finding in the endpoints above.", style="green")]
    shared = say.shared_reasons(report)
    for position, finding in enumerate(report.findings[:SHOWN_FINDINGS], 1):
        parts += ["", _finding(position, finding, shared)]
    parts += _brief(report.findings[SHOWN_FINDINGS:])
    parts += _totals(report)
    parts += _skipped(report)
    parts += _next(report)
    return parts


def _causes(report: Report) -> list[RenderableType]:
    """The findings alone."""
    return [
        part
        for position, finding in enumerate(report.findings[:SHOWN_FINDINGS], 1)
        for part in ("", _finding(position, finding, ()))
    ]


def _head(report: Report, width: int) -> Text:
    """The facts, broken between two of them and never within one."""
    facts = [fact.replace(" ", NO_BREAK) for fact in say.target(report)]
    name = f"unslow {report.unslow}"
    lines = textwrap.fill(f"{name}  {' · '.join(facts)}", width).replace(NO_BREAK, " ")
    return Text.assemble((lines[: len(name)], "bold"), (lines[len(name) :], "dim"))


def _endpoints(report: Report) -> RenderableType:
    table = Table(box=None, pad_edge=False, expand=True, header_style="dim", padding=(0, 0, 0, 2))
    table.add_column("Endpoint", overflow="fold", ratio=1)
    for name in ("p50 ms", "p95 ms", "CPU ms", "queries", "status"):
        table.add_column(name, justify="right", no_wrap=True)
    costliest = sorted(report.endpoints, key=lambda e: e.requests * e.cpu_ms, reverse=True)
    for endpoint in costliest[:SHOWN_ENDPOINTS]:
        table.add_row(*_endpoint_row(endpoint))
    hidden = len(costliest) - SHOWN_ENDPOINTS
    if hidden <= 0:
        return table
    return Group(table, Text(f"and {hidden} cheaper ones", style="dim"))


def _endpoint_row(endpoint: Endpoint) -> tuple[RenderableType, ...]:
    statuses = " ".join(sorted(endpoint.statuses))
    bad = any(status >= "400" for status in endpoint.statuses)
    return (
        Text(f"{endpoint.method} {endpoint.route}"),
        say.milliseconds(endpoint.latency_ms.p50),
        say.milliseconds(endpoint.latency_ms.p95),
        say.milliseconds(endpoint.cpu_ms),
        say.number(endpoint.queries.per_request),
        Text(statuses, style="red" if bad else ""),
    )


def _finding(position: int, finding: ReportedFinding, shared: Collection[str]) -> RenderableType:
    body: list[RenderableType] = [Text(say.title(finding), style="bold")]
    if finding.cause:
        body.append(_site("cause", finding.cause, "cyan"))
    if finding.cause and finding.excerpt:
        body.append(Padding(_quote(finding.excerpt, finding.cause), (0, 0, 0, 2)))
    if finding.symptom and finding.symptom != finding.cause:
        body.append(_site("shows", finding.symptom, ""))
    if len(finding.endpoints) > 1:
        body.append(Text(f"also   {', '.join(finding.endpoints[1:])}", style="dim"))
    for fix in finding.fixes:
        body += ["", _fix(fix, shared)]
    return Group(_finding_head(position, finding), Padding(Group(*body), (0, 0, 0, 3)))


def _brief(findings: Sequence[ReportedFinding]) -> list[RenderableType]:
    if not findings:
        return []
    lines: list[RenderableType] = ["", Text("Smaller findings", style="bold")]
    for position, finding in enumerate(findings, SHOWN_FINDINGS + 1):
        kept = next((fix for fix in finding.fixes if fix.kept and fix.proof.speedup), None)
        proof = say.interval(kept.proof.speedup) if kept and kept.proof.speedup else ""
        where = say.place(finding.cause, function=False) if finding.cause else ""
        line = f"{position}  {finding.id}  {where}  {say.percent(finding.cost.share)}  {proof}"
        lines.append(Text(line.rstrip(), no_wrap=True, overflow="ellipsis"))
    return lines


def _finding_head(position: int, finding: ReportedFinding) -> RenderableType:
    left = Text.assemble(
        (f"{position}", "bold"),
        "  ",
        (finding.id, SEVERITY_STYLES[finding.severity]),
        (f"  {finding.severity}, {finding.confidence}", "dim"),
    )
    cost = finding.cost
    right = Text(f"{say.milliseconds(cost.ms_per_request)} ms, {say.percent(cost.share)} of time")
    grid = Table.grid(expand=True, padding=(0, 1))
    grid.add_column(ratio=1)
    grid.add_column(justify="right", no_wrap=True)
    grid.add_row(left, right)
    return grid


def _site(word: str, site: Site, style: str) -> Text:
    text = Text.assemble((f"{word}  ", "dim"), (say.place(site, function=False), style))
    return text.append(f" in {site.function}" if site.function else "")


def _quote(excerpt: Excerpt, site: Site) -> RenderableType:
    """The source lines; a short expression is underlined, a long one has a bar beside it."""
    digits = len(str(excerpt.line + len(excerpt.lines)))
    is_long = site.end_line > site.line
    rows = []
    for line, source in enumerate(excerpt.lines, excerpt.line):
        text = source.expandtabs(1)
        marked = span(excerpt, site, line)
        bar = ("┃ ", "bold red") if marked and is_long else ("│ ", "dim")
        number = (f"{line:>{digits}} ", "dim")
        rows.append(Text.assemble(number, bar, (text, "" if marked else "dim")))
        if marked and not is_long:
            start, end = marked
            gap = cell_len(text[:start])
            rule = "─" * cell_len(text[start:end])
            rows.append(Text.assemble((" " * digits + " │ ", "dim"), " " * gap, (rule, "bold red")))
    for row in rows:
        row.no_wrap, row.overflow = True, "ellipsis"
    return Group(*rows)


def _fix(fix: Fix, shared: Collection[str]) -> RenderableType:
    by_hand = say.is_advice(fix)
    mark, style = ("→", "cyan") if by_hand else MARKS[fix.proof.verdict]
    head = Text("to do by hand", style=style) if by_hand else _fix_head(fix, style)
    lines: list[RenderableType] = [head, Text.assemble(fix.summary, (f" ({fix.fixer})", "dim"))]
    lines += [
        Text(say.sentence(line), style="dim")
        for line in (say.difference(fix.proof), say.evidence(fix.proof), say.masked(fix.proof))
        if line and line not in shared
    ]
    lines += [Text(line, style="dim") for line in writes.lines(fix.proof)]
    return _hanging(Text(mark, style=style), Group(*lines))


def _fix_head(fix: Fix, style: str) -> Text:
    proof = fix.proof
    head = Text(say.VERDICTS[proof.verdict], style=style)
    if proof.verdict in ("proven", "harmless") and not fix.kept:
        head.append(", not kept", style="not bold dim")
    if proof.speedup:
        head.append(f"  {say.interval(proof.speedup)} {say.metric(proof)}", style="bold")
    if proof.queries:
        head.append(f"  queries {say.counters(proof.queries)}", style="default not bold")
    return head


def _hanging(mark: Text, body: RenderableType) -> RenderableType:
    grid = Table.grid(expand=True, padding=(0, 1, 0, 0))
    grid.add_column(width=1)
    grid.add_column(ratio=1)
    grid.add_row(mark, body)
    return grid


def _totals(report: Report) -> list[RenderableType]:
    total = report.total
    if not report.findings:
        return []
    line = Text("Total  ", style="bold")
    if total.speedup:
        line.append(
            f"{say.interval(total.speedup)} {say.total_metric(report)} with all kept fixes",
            style="bold green",
        )
    else:
        line.append("no fix was kept" if total.verdict != "not-run" else "no fix is proven")
    parts: list[RenderableType] = ["", line]
    facts = [say.outcome(report)]
    if total.queries:
        facts.insert(0, f"queries {say.counters(total.queries)}")
    parts.append(Padding(Text("; ".join(facts)), (0, 0, 0, 7)))
    for reason, count in say.shared_reasons(report).items():
        parts.append(Padding(Text(f"{count} fixes: {reason}", style="yellow"), (0, 0, 0, 7)))
    if say.noise(report):
        parts.append(Padding(Text(say.noise(report), style="dim"), (0, 0, 0, 7)))
    return parts


def _skipped(report: Report) -> list[RenderableType]:
    parts: list[RenderableType] = []
    if report.skipped:
        parts += ["", Text("Not exercised", style="bold")]
    for reason, endpoints in say.skipped(report).items():
        names = ", ".join(endpoints)
        if len(endpoints) > SHOWN_SKIPPED:
            names = f"{say.count(len(endpoints), 'endpoint')}, listed in the other reports"
        parts.append(Padding(Text.assemble(f"{names}: ", (reason, "dim")), (0, 0, 0, 2)))
    if report.blocked:
        parts += ["", Text(f"Kept from leaving the machine: {', '.join(report.blocked)}")]
    return parts


def _next(report: Report) -> list[RenderableType]:
    kept = [fix for finding in report.findings for fix in finding.fixes if fix.kept]
    if not kept:
        return []
    proven = "proven " if all(fix.proof.verdict == "proven" for fix in kept) else ""
    what = f"the {proven}fix" if len(kept) == 1 else f"the {len(kept)} {proven}fixes"
    return ["", Text.assemble(("Next  ", "bold"), ("unslow fix", "cyan"), f"  writes {what}")]
