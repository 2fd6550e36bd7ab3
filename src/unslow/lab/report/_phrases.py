"""How the reports say numbers, places and verdicts: the same words in every format."""

import re
from collections import Counter

from unslow.model import Counters, Fix, Interval, Report, ReportedFinding, Responses, Site, Verdict

SHARED_BY = 4  # fixes; a reason that so many have is said once for all
LONG_COLUMNS = re.compile(r"^(SELECT (?:DISTINCT )?)([^()]{24,}?)( FROM )", re.IGNORECASE)
VERDICTS = {
    "proven": "proven",
    "harmless": "right, and not slower",
    "no-gain": "no gain",
    "slower": "slower",
    "different": "different response",
    "failed": "failed",
    "inconclusive": "inconclusive",
    "not-run": "not measured",
}


def number(value: float) -> str:
    """Three significant digits, thousands apart: `0.42`, `6.1`, `182`, `20 000`."""
    if value >= 100 or value == int(value):
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.1f}" if value >= 10 else f"{value:.2g}"


def count(value: int, noun: str) -> str:
    return f"{number(value)} {noun}{'' if value == 1 else 's'}"


def milliseconds(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}"


def percent(share: float) -> str:
    return f"{share * 100:.0f} %" if share >= 0.1 or share == 0 else f"{share * 100:.1f} %"


def duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def times(ratio: float) -> str:
    return f"{ratio:.0f}" if ratio >= 100 else f"{ratio:.1f}" if ratio >= 10 else f"{ratio:.2f}"


def interval(speedup: Interval) -> str:
    """`×12.1 [11.2, 13.0]`: the ratio before/after with its confidence interval."""
    return f"×{times(speedup.estimate)} [{times(speedup.low)}, {times(speedup.high)}]"


def counters(queries: Counters) -> str:
    return f"{number(queries.before)} → {number(queries.after)}"


def place(site: Site, *, function: bool = True) -> str:
    """`path:line:column in function`, the column 1-based as editors count."""
    where = f"{site.path}:{site.line}:{site.column + 1}"
    return f"{where} in {site.function}" if function and site.function else where


def shortened(shape: str) -> str:
    """A statement without its long list of columns: `SELECT … FROM orders WHERE …`."""
    return LONG_COLUMNS.sub(r"\1…\3", shape)


def title(finding: ReportedFinding) -> str:
    """The finding's title without the place, where a report shows the cause beside it."""
    cause = finding.cause
    if cause is None:
        return finding.title
    head, opening, place = finding.title.rpartition(" (")
    return head if opening and place.startswith(f"{cause.path}:{cause.line} ") else finding.title


def replay(responses: Responses) -> str:
    return f"{responses.equal} of {responses.compared} responses equal"


def sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def spans(text: str) -> list[tuple[str, bool]]:
    """The text in parts; true for one that stood in backticks and is code."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return [(text, False)]
    return [(part, position % 2 == 1) for position, part in enumerate(parts) if part]


def is_advice(fix: Fix) -> bool:
    """Whether the fix only says what to do: nothing was written and nothing measured."""
    return not (fix.diff or fix.edits or fix.files or fix.sql) and fix.proof.verdict == "not-run"


def best(finding: ReportedFinding) -> Fix | None:
    """The kept fix, else the first; None without a fix."""
    kept = next((fix for fix in finding.fixes if fix.kept), None)
    return kept or next(iter(finding.fixes), None)


def evidence(proof: Verdict) -> str:
    """What backs the verdict, in one line; empty for what was not run."""
    parts = [replay(proof.responses)] if proof.responses else []
    if proof.launches:
        parts.append(count(proof.launches, proof.unit))
    if proof.requests:
        parts.append(count(proof.requests, "request"))
    if proof.beside:
        parts.append(f"with {count(proof.beside, 'other fix')} in place".replace("fixs", "fixes"))
    if proof.replicated is not None:
        parts.append("replicated on held-out requests" if proof.replicated else "not replicated")
    if proof.uncounted:
        parts.append(f"judged by wall time: {proof.uncounted}")
    if proof.verdict == "inconclusive" and proof.smallest_detectable is not None:
        parts.append(f"a gain under {percent(proof.smallest_detectable)} could not have been seen")
    return ", ".join(parts)


MOST_MASKS = 4  # named in a line of text; the HTML and the JSON name all


def masked(proof: Verdict) -> str:
    """What was not compared, and which masks of the user met nothing; "" for neither."""
    responses = proof.responses
    if responses is None:
        return ""
    named = responses.masked[:MOST_MASKS]
    more = len(responses.masked) - len(named)
    parts = [f"masked: {'; '.join(named)}{f'; and {more} more' if more else ''}"] if named else []
    if responses.unused_masks:
        parts.append(f"masks that met nothing: {'; '.join(responses.unused_masks)}")
    return ". ".join(parts)


def difference(proof: Verdict) -> str:
    """Why a fix is not proven: the first difference, else the reason; empty when it is."""
    if proof.verdict in ("proven", "harmless"):
        return ""
    shown = proof.responses.first_difference if proof.responses else ""
    return shown or proof.reason


def shared_reasons(report: Report) -> dict[str, int]:
    """Reasons that many fixes have in common, with their number, to be said once."""
    proofs = (fix.proof for finding in report.findings for fix in finding.fixes)
    counted = Counter(difference(proof) for proof in proofs)
    return {reason: n for reason, n in counted.items() if reason and n >= SHARED_BY}


def skipped(report: Report) -> dict[str, list[str]]:
    """The endpoints that were not exercised, by reason."""
    grouped: dict[str, list[str]] = {}
    for one in report.skipped:
        grouped.setdefault(one.reason, []).append(one.endpoint)
    return grouped


def metric(proof: Verdict) -> str:
    if proof.load:
        return proof.load.kind
    return "CPU" if proof.metric == "cpu" else "wall time"


def total_metric(report: Report) -> str:
    return "CPU" if report.total.metric == "cpu" else "wall time"


def outcome(report: Report) -> str:
    total = report.total
    counts = {
        "proven": total.proven,
        "inconclusive": total.inconclusive,
        "rejected": total.rejected,
    }
    proofs = [fix.proof for finding in report.findings for fix in finding.fixes if fix.kept]
    counts["made right"] = sum(proof.verdict == "harmless" for proof in proofs)
    return ", ".join(
        f"{count} {word}" for word, count in counts.items() if count or word == "proven"
    )


def target(report: Report) -> list[str]:
    """The facts of the head line: framework, database, machine, time taken."""
    cpus = report.environment.cpus
    facts = [
        report.target.framework,
        report.target.database,
        f"Python {report.environment.python}" if report.environment.python else "",
        count(cpus, "CPU"),
    ]
    if report.seconds:
        facts.append(duration(report.seconds))
    return [fact for fact in facts if fact]


def noise(report: Report) -> str:
    """The A/A noise of the machine in one sentence; empty when it was not measured."""
    measured = report.environment.noise
    if measured is None:
        return ""
    unit = report.comparison.verdict.unit if report.comparison else "launch pair"
    return (
        f"Identical code differed by {percent(measured.standard_deviation)} here "
        f"({count(measured.pairs, unit)}); the smallest gain that can be seen is "
        f"{percent(measured.smallest_detectable)}."
    )
