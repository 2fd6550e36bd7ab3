"""Two versions in words and rows: the verdict first, then every endpoint, then what it rests on."""

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from unslow.lab.report import _charts as charts
from unslow.lab.report import _load as load
from unslow.lab.report import _phrases as say
from unslow.lab.report import _writes as writes
from unslow.lab.report._markup import code, fence, fold, text
from unslow.model import Comparison, EndpointEffect, Report, Verdict

HEADLINES = {
    "proven": "Proven faster",
    "harmless": "Right, and not slower",
    "no-gain": "No gain",
    "slower": "Slower",
    "different": "Different answers",
    "failed": "The candidate failed",
    "inconclusive": "Inconclusive",
    "not-run": "Not measured",
}
MARKS = {
    "proven": ("✓", "bold green"),
    "harmless": ("✓", "green"),
    "different": ("✗", "bold red"),
    "slower": ("✗", "bold red"),
    "failed": ("✗", "bold red"),
    "no-gain": ("≈", "bold"),
    "inconclusive": ("?", "bold yellow"),
    "not-run": ("·", "dim"),
}
WORDS = {
    "proven": "faster",
    "no-gain": "no gain",
    "slower": "slower",
    "different": "different",
    "inconclusive": "open",
}
ORDER = ("different", "slower", "proven", "inconclusive", "no-gain", "not-run")
SHOWN_ENDPOINTS = 20  # the whole list is in the HTML and JSON reports
SHOWN_FILES = 6
SHOWN_OUTPUT = 15  # lines that a failed candidate printed last
LONGEST_LABEL = 30  # characters that fit beside the chart
MAX_CHARACTERS = 60_000


def headline(comparison: Comparison) -> str:
    """`Proven faster ×1.33 [1.27, 1.38] CPU`."""
    verdict = comparison.verdict
    words = HEADLINES[verdict.verdict]
    if verdict.speedup and verdict.verdict not in ("different", "failed"):
        return f"{words} {say.interval(verdict.speedup)} {say.metric(verdict)}"
    return words


def versions(comparison: Comparison) -> str:
    return f"{comparison.candidate} against {comparison.base}"


def because(comparison: Comparison) -> str:
    return say.sentence(_said(comparison.verdict)) + "."


def _said(verdict: Verdict) -> str:
    if verdict.verdict == "proven":
        return verdict.reason
    return say.difference(verdict).rstrip(".") or "nothing was measured"


def effects(comparison: Comparison) -> list[EndpointEffect]:
    """Harm first, then gains, the strongest evidence first."""
    return sorted(
        comparison.verdict.effects,
        key=lambda one: (ORDER.index(one.verdict or "not-run"), -one.evidence),
    )


def word(effect: EndpointEffect) -> str:
    return WORDS.get(effect.verdict or "", "not measured")


def queries(effect: EndpointEffect) -> str:
    """`61 → 1`, or one number where both are the same."""
    if effect.queries is None:
        return ""
    before, after = say.number(effect.queries.before), say.number(effect.queries.after)
    return before if before == after else f"{before} → {after}"


def facts(report: Report, comparison: Comparison) -> Iterator[str]:
    """What else is to be known, a sentence each."""
    if shown := say.evidence(comparison.verdict):
        yield say.sentence(shown)
    if shown := say.masked(comparison.verdict):
        yield say.sentence(shown)
    if comparison.only_base:
        yield f"Only in {comparison.base}, not compared: {', '.join(comparison.only_base)}"
    if comparison.only_candidate:
        only = ", ".join(comparison.only_candidate)
        yield f"Only in {comparison.candidate}, not compared: {only}"
    yield from writes.lines(comparison.verdict)
    yield from map(say.sentence, comparison.notes)
    if comparison.files:
        yield f"{say.count(len(comparison.files), 'changed file')}: {_named(comparison.files)}"
    if say.noise(report):
        yield say.noise(report)


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN_FILES} more" if len(names) > SHOWN_FILES else ""
    return ", ".join(names[:SHOWN_FILES]) + more


def forest(comparison: Comparison) -> charts.Forest | None:
    """The endpoints' speedups with their intervals, and the total."""
    rows = [
        charts.Row(_label(one.endpoint), "#endpoints", one.speedup, one.verdict == "proven")
        for one in effects(comparison)
        if one.speedup
    ]
    if comparison.verdict.speedup and comparison.verdict.effects:
        rows.append(charts.Row("total", "#verdict", comparison.verdict.speedup, True, True))
    return charts.forest_of(rows)


def _label(endpoint: str) -> str:
    return endpoint if len(endpoint) <= LONGEST_LABEL else f"{endpoint[: LONGEST_LABEL - 1]}…"


def terminal(report: Report, comparison: Comparison) -> list[RenderableType]:
    mark, style = MARKS[comparison.verdict.verdict]
    parts: list[RenderableType] = [
        "",
        Text.assemble((f"{mark} {headline(comparison)}", style)),
        Padding(Text(versions(comparison)), (0, 0, 0, 2)),
        Padding(Text(because(comparison)), (0, 0, 0, 2)),
    ]
    if comparison.output:
        parts += ["", Text("It printed last", style="bold"), _output(comparison.output)]
    if comparison.verdict.effects:
        parts += ["", _table(comparison)]
    if comparison.verdict.load:
        parts += ["", *load.terminal(comparison.verdict.load)]
    lines = [Text(fact, style="dim") for fact in facts(report, comparison)]
    return [*parts, "", *lines] if lines else parts


def _output(lines: Sequence[str]) -> RenderableType:
    return Padding(Text("\n".join(lines[-SHOWN_OUTPUT:]), style="dim"), (0, 0, 0, 2))


def _table(comparison: Comparison) -> RenderableType:
    table = Table(box=None, pad_edge=False, expand=True, header_style="dim", padding=(0, 0, 0, 2))
    table.add_column("Endpoint", overflow="fold", ratio=1)
    for name in (f"speedup, {say.metric(comparison.verdict)}", "queries", "verdict"):
        table.add_column(name, justify="right", no_wrap=True)
    rows = effects(comparison)
    for one in rows[:SHOWN_ENDPOINTS]:
        _, style = MARKS[one.verdict or "not-run"]
        speedup = say.interval(one.speedup) if one.speedup else ""
        table.add_row(Text(one.endpoint), speedup, queries(one), Text(word(one), style=style))
    total = comparison.verdict
    if total.speedup and len(rows) > 1:
        counted = say.counters(total.queries) if total.queries else ""
        table.add_row(Text("total", style="bold"), say.interval(total.speedup), counted, "")
    hidden = len(rows) - SHOWN_ENDPOINTS
    if hidden <= 0:
        return table
    return Group(table, Text(f"and {hidden} more, in the other reports", style="dim"))


def markdown(report: Report, comparison: Comparison) -> str:
    shown = len(comparison.verdict.effects)
    while True:
        found = "\n\n".join(_blocks(report, comparison, shown)) + "\n"
        if len(found) <= MAX_CHARACTERS or shown == 0:
            return found
        shown //= 2


def _blocks(report: Report, comparison: Comparison, shown: int) -> Iterator[str]:
    verdict = comparison.verdict
    yield f"### unslow: {text(headline(comparison))}"
    yield f"{text(versions(comparison))}\\\n{text(because(comparison))}"
    if comparison.output:
        yield fence("\n".join(comparison.output[-SHOWN_OUTPUT:]), "text")
    if shown:
        yield "\n".join(_rows(comparison, shown))
    if verdict.load:
        yield load.markdown(verdict.load)
    listed = [f"- {text(fact)}" for fact in facts(report, comparison)]
    if listed:
        yield fold("What it rests on", "\n".join(listed))
    if report.skipped:
        reasons = say.skipped(report).items()
        lines = [f"- {text(why)}: {', '.join(map(code, names))}" for why, names in reasons]
        yield fold(f"Not exercised: {len(report.skipped)}", "\n".join(lines))
    yield f"<sub>{text(' · '.join(say.target(report)))}</sub>"


def _rows(comparison: Comparison, shown: int) -> Iterator[str]:
    yield f"| endpoint | speedup, {say.metric(comparison.verdict)} | queries | verdict |"
    yield "|--|--:|--:|--|"
    rows = effects(comparison)
    for one in rows[:shown]:
        speedup = say.interval(one.speedup) if one.speedup else ""
        yield f"| {code(one.endpoint)} | {speedup} | {queries(one)} | {word(one)} |"
    if comparison.verdict.speedup and len(rows) > 1:
        counted = comparison.verdict.queries
        count = say.counters(counted) if counted else ""
        yield f"| **total** | {say.interval(comparison.verdict.speedup)} | {count} | |"
    if shown < len(rows):
        yield f"| and {len(rows) - shown} more | | | |"
