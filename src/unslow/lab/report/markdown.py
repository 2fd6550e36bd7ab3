"""The report as Markdown, for the comment on a pull request."""

from unslow.lab.report import _budget as budget
from unslow.lab.report import _comparison as comparison
from unslow.lab.report import _growth as growth
from unslow.lab.report import _phrases as say
from unslow.lab.report import _selftest as selftest
from unslow.lab.report import _writes as writes
from unslow.lab.report._markup import code, fence, fold, text
from unslow.model import Fix, Report, ReportedFinding

MAX_CHARACTERS = 60_000  # GitHub refuses comments above 65 536
SHOWN_ENDPOINTS = 20


def render(report: Report) -> str:
    """The whole report; diffs give way, the last first, when it would not fit into a comment."""
    if report.selftest:
        return selftest.markdown(report, report.selftest)
    if report.budget:
        return budget.markdown(report, report.budget)
    if report.comparison:
        return comparison.markdown(report, report.comparison)
    shown = len(report.findings)
    while True:
        text = "\n\n".join(_blocks(report, shown)) + "\n"
        if len(text) <= MAX_CHARACTERS or shown == 0:
            return text
        shown -= 1


def _blocks(report: Report, shown: int) -> list[str]:
    blocks = [_headline(report), text(" · ".join(say.target(report)))]
    if report.findings:
        blocks.append(_findings(report))
    blocks += [_details(i, finding) for i, finding in enumerate(report.findings[:shown], 1)]
    if shown < len(report.findings):
        blocks.append(f"The details of {len(report.findings) - shown} findings did not fit here.")
    blocks.append(fold("Endpoints", _endpoints(report)))
    if report.grown:
        blocks.append(growth.markdown(report))
    if report.skipped:
        grouped = say.skipped(report).items()
        lines = [f"- {text(why)}: {', '.join(map(code, names))}" for why, names in grouped]
        blocks.append(fold(f"Not exercised: {len(report.skipped)}", "\n".join(lines)))
    if say.noise(report):
        blocks.append(f"<sub>{text(say.noise(report))}</sub>")
    return blocks


def _headline(report: Report) -> str:
    if not report.findings:
        return "### unslow: nothing to fix"
    total = report.total
    if total.speedup:
        gain = f"{say.interval(total.speedup)} {say.total_metric(report)}"
        return f"### unslow: {gain} with {say.outcome(report)}"
    return f"### unslow: {say.count(len(report.findings), 'finding')}, {say.outcome(report)}"


def _findings(report: Report) -> str:
    rows = ["| | finding | cause | ms per request | of time | best fix |", "|--|--|--|--:|--:|--|"]
    for position, finding in enumerate(report.findings, 1):
        cells = (
            str(position),
            f"**{finding.id}**<br>{text(say.title(finding))}",
            code(say.place(finding.cause, function=False)) if finding.cause else "",
            say.milliseconds(finding.cost.ms_per_request),
            say.percent(finding.cost.share),
            _best(finding),
        )
        rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(rows)


def _best(finding: ReportedFinding) -> str:
    best = say.best(finding)
    if best is None:
        return "none yet"
    if say.is_advice(best):
        return "by hand"
    gain = f" {say.interval(best.proof.speedup)}" if best.proof.speedup else ""
    queries = f"<br>queries {say.counters(best.proof.queries)}" if best.proof.queries else ""
    return f"{say.VERDICTS[best.proof.verdict]}{gain}{queries}"


def _details(position: int, finding: ReportedFinding) -> str:
    where = f"Caused by {code(say.place(finding.cause))}." if finding.cause else ""
    fixes = [_fix(fix) for fix in finding.fixes]
    return fold(
        f"{position}. {finding.id}: {text(say.title(finding))}", "\n\n".join([where, *fixes])
    )


def _fix(fix: Fix) -> str:
    proof = fix.proof
    gain = f" {say.interval(proof.speedup)} {say.metric(proof)}" if proof.speedup else ""
    verdict = "to do by hand" if say.is_advice(fix) else say.VERDICTS[proof.verdict]
    lines = [f"**{verdict}**{gain} ({code(fix.fixer)}): {text(fix.summary)}"]
    lines += [
        text(say.sentence(line))
        for line in (say.difference(proof), say.evidence(proof), say.masked(proof))
        if line
    ]
    lines += [text(line) for line in writes.lines(proof)]
    block = "\\\n".join(lines)
    changes = fix.diff or "\n".join(fix.sql)
    return f"{block}\n\n{fence(changes, 'diff' if fix.diff else 'sql')}" if changes else block


def _endpoints(report: Report) -> str:
    rows = ["| endpoint | p50 ms | p95 ms | CPU ms | queries |", "|--|--:|--:|--:|--:|"]
    costliest = sorted(report.endpoints, key=lambda e: e.requests * e.cpu_ms, reverse=True)
    rows += [
        f"| {code(f'{e.method} {e.route}')} | {say.milliseconds(e.latency_ms.p50)} "
        f"| {say.milliseconds(e.latency_ms.p95)} | {say.milliseconds(e.cpu_ms)} "
        f"| {say.number(e.queries.per_request)} |"
        for e in costliest[:SHOWN_ENDPOINTS]
    ]
    return "\n".join(rows)
