"""Reads reports into what the tools answer."""

from collections.abc import Iterator

from unslow.errors import UnslowError
from unslow.lab.mcp._answers import (
    Audited,
    Breach,
    Checked,
    Effect,
    Finding,
    Findings,
    Fix,
    Gain,
    Judgement,
    Place,
    Statement,
)
from unslow.model import EndpointEffect, Interval, Report, ReportedFinding, Site, Verdict
from unslow.model import Fix as ReportedFix
from unslow.model.budget import Budget, EndpointBudget
from unslow.model.comparison import Comparison

_APPLY = "Read the fixes with the findings tool, apply the kept diffs, and run the tests."
_PROVE_YOURSELF = (
    "No fix was kept. Read the findings, change the code, and have the change judged by prove."
)
_NOTHING = "Nothing to do: no finding."
_NOTHING_OVER = "Nothing to do: every endpoint keeps its budget."
_OVER = "Bring the endpoints back within budget: the statements name what to change."
_NEXT = {
    "proven": "Keep the change. It answers the same and is faster; run the project's tests.",
    "harmless": "Keep the change: it answers the same and is not slower; it is no gain in speed.",
    "no-gain": "Drop the change, or name the endpoints that it is for if they were not among them.",
    "slower": "Do not keep the change as it is; see which of the endpoints pay for it.",
    "different": (
        "Do not keep the change as it is: look at first_difference. If the base itself may answer "
        "either way, mask that field in [tool.unslow.mask]."
    ),
    "failed": "Mend the change: the reason and the output say where it fails.",
    "inconclusive": "Nothing is shown yet. Allow more time_budget_s, or name fewer endpoints.",
    "not-run": "Nothing was measured.",
}


def audited(report: Report) -> Audited:
    """The summary of an audit, without diffs and quotes."""
    findings = tuple(_findings(report, whole=False))
    kept = any(fix.kept for one in findings for fix in one.fixes)
    return Audited(
        application=_application(report),
        seconds=report.seconds,
        endpoints=len(report.endpoints),
        findings=findings,
        skipped=tuple(f"{one.endpoint}: {one.reason}" for one in report.skipped),
        total=_gain(report.total.speedup),
        next=_APPLY if kept else _PROVE_YOURSELF if findings else _NOTHING,
    )


def findings(report: Report, number: int | None) -> Findings:
    """All findings with their diffs, or one. Raises `UnslowError` when there is no such number."""
    found = tuple(_findings(report, whole=True))
    if number is not None:
        found = tuple(one for one in found if one.number == number)
        if not found:
            raise UnslowError(
                f"the last audit has no finding {number}; "
                + (f"it has 1 to {len(report.findings)}" if report.findings else "it has none")
            )
    return Findings(_application(report), report.created, found)


def judgement(comparison: Comparison) -> Judgement:
    verdict = comparison.verdict
    answers = verdict.responses
    return Judgement(
        base=comparison.base,
        candidate=comparison.candidate,
        verdict=verdict.verdict,
        reason=verdict.reason,
        next=_next(verdict),
        speedup=_gain(verdict.speedup),
        evidence=verdict.evidence,
        launches=verdict.launches,
        requests=verdict.requests,
        compared=answers.compared if answers else 0,
        equal=answers.equal if answers else 0,
        masked=answers.masked if answers else (),
        first_difference=answers.first_difference if answers else "",
        endpoints=tuple(_effect(one) for one in verdict.effects),
        only_in_base=comparison.only_base,
        only_in_candidate=comparison.only_candidate,
        files=comparison.files,
        notes=comparison.notes,
        output=comparison.output,
        smallest_detectable=verdict.smallest_detectable,
    )


def checked(budget: Budget) -> Checked:
    breaches = tuple(breach for one in budget.endpoints for breach in _breaches(one))
    return Checked(
        passed=not breaches,
        base=budget.base,
        endpoints=len(budget.endpoints),
        breaches=breaches,
        open=tuple(one.endpoint for one in budget.endpoints if _is_open(one)),
        unchecked=budget.unchecked,
        next=_OVER if breaches else _NOTHING_OVER,
    )


def _breaches(endpoint: EndpointBudget) -> Iterator[Breach]:
    for spent in endpoint.counters:
        if spent.limit is not None and spent.exceeded:
            statements = tuple(
                Statement(one.shape, one.count, _place(one.cause)) for one in spent.spenders
            )
            yield Breach(
                endpoint=endpoint.endpoint,
                what=spent.counter,
                found=spent.found,
                limit=spent.limit,
                base=spent.base,
                budget=spent.glob,
                call=spent.call,
                statements=statements,
            )
    time = endpoint.time
    if time and time.speedup and time.status == "exceeded":
        slower = round(100 / time.speedup.estimate - 100, 1)
        yield Breach(endpoint.endpoint, "time", slower, 100 * time.limit, None, time.glob)


def _is_open(endpoint: EndpointBudget) -> bool:
    return endpoint.time is not None and endpoint.time.status in ("open", "not-measured")


def _application(report: Report) -> str:
    target = report.target
    return f"{target.framework} on {target.database}" if target.database else target.framework


def _findings(report: Report, *, whole: bool) -> Iterator[Finding]:
    for number, one in enumerate(report.findings, start=1):
        yield Finding(
            number=number,
            kind=one.id,
            title=one.title,
            severity=one.severity,
            confidence=one.confidence,
            endpoints=one.endpoints,
            cause=_place(one.cause),
            ms_per_request=one.cost.ms_per_request,
            queries_per_request=one.cost.queries_per_request,
            share=one.cost.share,
            fixes=tuple(_fix(fix, whole=whole) for fix in one.fixes),
            source=_source(one) if whole else "",
        )


def _fix(fix: ReportedFix, *, whole: bool) -> Fix:
    return Fix(
        fixer=fix.fixer,
        summary=fix.summary,
        verdict=fix.proof.verdict,
        reason=fix.proof.reason,
        kept=fix.kept,
        safety=fix.safety,
        speedup=_gain(fix.proof.speedup),
        diff=fix.diff if whole else "",
    )


def _source(finding: ReportedFinding) -> str:
    excerpt = finding.excerpt
    if excerpt is None:
        return ""
    return "\n".join(f"{n} {line}" for n, line in enumerate(excerpt.lines, start=excerpt.line))


def _effect(effect: EndpointEffect) -> Effect:
    counted = effect.queries
    return Effect(
        endpoint=effect.endpoint,
        speedup=_gain(effect.speedup),
        queries_before=counted.before if counted else None,
        queries_after=counted.after if counted else None,
    )


def _gain(interval: Interval | None) -> Gain | None:
    if interval is None:
        return None
    return Gain(interval.estimate, interval.low, interval.high)


def _place(site: Site | None) -> Place | None:
    if site is None:
        return None
    return Place(site.path, site.line, site.end_line, site.function)


def _next(verdict: Verdict) -> str:
    found = _NEXT[verdict.verdict]
    if verdict.verdict == "inconclusive" and verdict.smallest_detectable:
        found += f" A gain of {verdict.smallest_detectable:.0%} or more would have shown."
    return found
