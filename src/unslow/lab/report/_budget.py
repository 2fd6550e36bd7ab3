"""A checked budget in words and rows: what exceeds it, where that comes from, what is within."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from unslow.lab.report import _phrases as say
from unslow.lab.report._markup import code, fold, text
from unslow.model import Budget, EndpointBudget, Interval, Report, Site, Slowdown, Spender, Spent
from unslow.model.budget import COUNTERS

MARKER = "<!-- unslow check: {} -->"  # the comment of one application is found again by it
MAX_BYTES = 60_000  # GitHub refuses comments above 65 536 characters
SHOWN_ROWS = 20
SHOWN_NAMES = 12
STYLES = {"exceeded": "bold red", "within": "green", "open": "yellow", "none": "dim"}
MARKS = {"exceeded": "✗", "within": "✓", "open": "?", "none": "·"}
WORDS = {
    "exceeded": "over budget",
    "within": "within",
    "open": "not shown to be within",
    "none": "no budget",
}

NO_INTERVAL = {"not-measured": "not measured", "within": "same code", "open": "too few pairs"}
BADGES = {
    "exceeded": "different",
    "within": "proven",
    "open": "inconclusive",
    "none": "",
}  # colours


def status(row: EndpointBudget) -> str:
    """ "exceeded", "open" where only the time is in doubt, "within", or "none" without a budget."""
    if row.exceeded:
        return "exceeded"
    if row.time is not None and row.time.status == "open":
        return "open"
    return "within" if row.budgeted else "none"


def headline(budget: Budget) -> str:
    held = sum(row.budgeted for row in budget.endpoints)
    over = len(budget.exceeded)
    if over:
        return f"{over} of {say.count(held, 'endpoint')} over budget"
    if not held:
        return "no endpoint has a budget"
    if unsure := sum(status(row) == "open" for row in budget.endpoints):
        return f"no endpoint over budget, {unsure} of {held} not shown to be within"
    return "the endpoint is within budget" if held == 1 else f"all {held} endpoints within budget"


def size(amount: float) -> str:
    for unit, step in (("MB", 1e6), ("kB", 1e3)):
        if amount >= step:
            return f"{say.number(round(amount / step, 1))} {unit}"
    return f"{amount:.0f} B"


def amount(value: float, counter: str) -> str:
    return size(value) if counter == "bytes" else say.number(value)


def cell(one: Spent) -> str:
    """`1 → 41/5`: on the base, now, and the limit."""
    before = "" if one.base in (None, one.found) else f"{amount(one.base or 0, one.counter)} → "
    least = "≥ " if one.at_least else ""
    limit = "" if one.limit is None else f"/{amount(one.limit, one.counter)}"
    return f"{before}{least}{amount(one.found, one.counter)}{limit}"


def time_cell(time: Slowdown | None) -> str:
    if time is None:
        return ""
    if time.speedup is None:
        return NO_INTERVAL[time.status]
    return f"{slowdown(time.speedup)}/{share(time.limit)}"


def slowdown(speedup: Interval) -> str:
    """`+31 % [+22 %, +40 %]`: how much more the head takes than the base."""
    low, high = share(1 / speedup.high - 1), share(1 / speedup.low - 1)
    return f"{share(1 / speedup.estimate - 1)} [{low}, {high}]"


def share(value: float) -> str:
    """`+5 %`, `-0.4 %`: signed, to a tenth below ten percent."""
    number = f"{abs(value) * 100:.0f}" if abs(value) >= 0.0995 else f"{abs(value) * 100:.1f}"
    number = number.removesuffix(".0")
    sign = "" if number == "0" else "-" if value < 0 else "+"
    return f"{sign}{number} %"


def over_counter(one: Spent) -> str:
    """`41 queries, 5 allowed by "GET orders/" (base 1)`."""
    unit = "" if one.counter == "bytes" else f" {one.counter}"
    found = f"{'at least ' if one.at_least else ''}{amount(one.found, one.counter)}{unit}"
    base = "" if one.base is None else f", {amount(one.base, one.counter)} on the base"
    return f"{found}, {amount(one.limit or 0, one.counter)} allowed by {one.glob!r}{base}"


def over_time(time: Slowdown) -> str:
    assert time.speedup is not None
    metric = "CPU" if time.metric == "cpu" else "wall time"
    measured = f"{slowdown(time.speedup)} {metric} in {say.count(time.pairs, 'launch pair')}"
    return f"{measured}, {share(time.limit)} allowed by {time.glob!r}"


def spender(one: Spender, counter: str) -> str:
    """`40 × (0 on the base)`, after the rows where they are what is counted."""
    rows = f"{say.count(one.rows, 'row')} by " if counter == "rows" else ""
    base = "" if one.base in (None, one.count) else f" ({say.number(one.base or 0)} on the base)"
    return f"{rows}{say.number(one.count)} ×{base}"


@dataclass(frozen=True)
class Breach:
    """One exceeded limit in words, and the places that spend most, the first first."""

    endpoint: str
    text: str
    sites: tuple[Site, ...]


def breaches(budget: Budget) -> Iterator[Breach]:
    for row in budget.exceeded:
        view = (row.view,) if row.view else ()
        for one in row.counters:
            if one.exceeded:
                causes = dict.fromkeys(it.cause for it in one.spenders if it.cause)
                yield Breach(row.endpoint, over_counter(one), tuple(causes) or view)
        if row.time and row.time.status == "exceeded":
            yield Breach(row.endpoint, over_time(row.time), view)


def without(budget: Budget) -> list[str]:
    return [row.endpoint for row in budget.endpoints if not row.budgeted]


def named(endpoints: Sequence[str]) -> str:
    more = len(endpoints) - SHOWN_NAMES
    return ", ".join(endpoints[:SHOWN_NAMES]) + (f" and {more} more" if more > 0 else "")


def reasons(report: Report, budget: Budget) -> dict[str, list[str]]:
    """What was not held to its budget, by reason."""
    found: dict[str, list[str]] = {}
    for one in report.skipped:
        if one.endpoint in budget.unchecked:
            found.setdefault(one.reason, []).append(one.endpoint)
    for row in budget.endpoints:
        if row.time and row.time.status == "not-measured":
            found.setdefault(f"no time, {row.time.reason}", []).append(row.endpoint)
    return found


# The terminal


def terminal(report: Report, budget: Budget) -> list[RenderableType]:
    style = "bold red" if budget.exceeded else "bold green"
    head = Text(say.sentence(headline(budget)), style=style)
    if budget.base:
        head.append(f"  compared with {budget.base}", style="not bold dim")
    parts: list[RenderableType] = ["", head]
    for row in budget.exceeded:
        parts += ["", *_breach(row)]
    held = [row for row in budget.endpoints if row.budgeted]
    if held:
        parts += ["", _table(held)]
    if names := without(budget):
        parts += ["", Text(f"Without a budget: {named(names)}", style="dim")]
    for why, ends in reasons(report, budget).items():
        parts += ["", Text(f"Not checked: {named(ends)}: {why}", style="yellow")]
    return parts


def _breach(row: EndpointBudget) -> list[RenderableType]:
    lines: list[RenderableType] = [Text.assemble(("✗ ", "bold red"), (row.endpoint, "bold"))]
    for one in row.counters:
        if one.exceeded:
            body = [Text(over_counter(one)), Text(f"in call {one.call}", style="dim")]
            body += [line for it in one.spenders for line in _spender(it, one.counter)]
            if one.counter == "bytes" and row.view:
                body.append(Text(say.place(row.view), style="cyan"))
            lines.append(Padding(Group(*body), (0, 0, 0, 2)))
    if row.time and row.time.status == "exceeded":
        lines.append(Padding(Text(over_time(row.time)), (0, 0, 0, 2)))
    return lines


def _spender(one: Spender, counter: str) -> list[Text]:
    line = f"  {spender(one, counter)} {say.shortened(one.shape)}"
    said = Text(line, no_wrap=True, overflow="ellipsis")
    if one.cause is None:
        return [said]
    return [said, Text(f"      {say.place(one.cause)}", style="cyan")]


def _table(rows: Sequence[EndpointBudget]) -> RenderableType:
    table = Table(box=None, pad_edge=False, expand=True, header_style="dim", padding=(0, 0, 0, 2))
    table.add_column("", width=1)
    table.add_column("Endpoint", overflow="fold", ratio=1)
    is_timed = any(row.time for row in rows)
    for name in (*COUNTERS, *(["slower"] if is_timed else [])):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows[:SHOWN_ROWS]:
        kind = status(row)
        cells = [_cell(one) for one in row.counters]
        if is_timed:
            cells.append(Text(_brief(row.time), style=_time_style(row.time)))
        table.add_row(Text(MARKS[kind], style=STYLES[kind]), row.endpoint, *cells)
    hidden = len(rows) - SHOWN_ROWS
    return Group(table, Text(f"and {hidden} more within", style="dim")) if hidden > 0 else table


def _cell(one: Spent) -> Text:
    return Text(cell(one), style="red" if one.exceeded else "" if one.limit is not None else "dim")


def _brief(time: Slowdown | None) -> str:
    """The slowdown; its interval only where it is needed and not told above."""
    if time is None or time.speedup is None or time.status == "open":
        return time_cell(time)
    return f"{share(1 / time.speedup.estimate - 1)}/{share(time.limit)}"


def _time_style(time: Slowdown | None) -> str:
    return {"exceeded": "red", "open": "yellow"}.get(time.status, "") if time else ""


# The comment on a pull request


def markdown(report: Report, budget: Budget) -> str:
    """The comment, shortened until it fits: fewer rows, then fewer statements."""
    rows = max(len(budget.endpoints), 1)
    while True:
        written = "\n\n".join(_blocks(report, budget, rows)) + "\n"
        if len(written.encode()) <= MAX_BYTES or rows == 0:
            return written
        rows //= 2


def _blocks(report: Report, budget: Budget, shown: int) -> list[str]:
    against = f" · compared with {budget.base}" if budget.base else ""
    blocks = [
        MARKER.format(report.target.root.replace("--", "")),
        f"### unslow: {headline(budget)}",
        text(" · ".join(say.target(report)) + against),
    ]
    held = [row for row in budget.endpoints if row.budgeted]
    moved = [row for row in held if row.exceeded or _moved(row)][:shown]
    same = [row for row in held if row not in moved][: max(0, shown - len(moved))]
    if moved:
        blocks.append(_rows(moved))
    blocks += [_over(row) for row in budget.exceeded[:shown]]
    if same:
        title = "not over budget" if not budget.base else "not over budget, counters as on the base"
        blocks.append(fold(f"{say.count(len(same), 'endpoint')} {title}", _rows(same)))
    if hidden := len(held) - len(moved) - len(same):
        blocks.append(f"{say.count(hidden, 'endpoint')} did not fit here.")
    if names := without(budget):
        blocks.append(
            f"Without a budget: {', '.join(map(code, names[:SHOWN_NAMES]))}{_more(names)}"
        )
    for why, ends in reasons(report, budget).items():
        blocks.append(f"Not checked: {', '.join(map(code, ends[:SHOWN_NAMES]))}: {text(why)}")
    return blocks


def _more(names: Sequence[str]) -> str:
    return f" and {len(names) - SHOWN_NAMES} more" if len(names) > SHOWN_NAMES else ""


def _moved(row: EndpointBudget) -> bool:
    return any(one.base not in (None, one.found) for one in row.counters)


def _rows(rows: Sequence[EndpointBudget]) -> str:
    lines = ["| | endpoint | queries | rows | bytes | slower |", "|--|--|--:|--:|--:|--:|"]
    for row in rows:
        kind = status(row)
        new = " (new)" if row.is_new else ""
        cells = [f"{MARKS[kind]} {WORDS[kind]}", code(row.endpoint) + new]
        cells += [f"**{cell(one)}**" if one.exceeded else cell(one) for one in row.counters]
        slower = time_cell(row.time)
        is_over = row.time is not None and row.time.status == "exceeded"
        cells.append(f"**{slower}**" if is_over else slower)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _over(row: EndpointBudget) -> str:
    lines = [f"**{code(row.endpoint)}**"]
    for one in row.counters:
        if one.exceeded:
            lines.append(f"- {text(over_counter(one))}, in call {code(one.call)}")
            lines += [_cause(it, one.counter) for it in one.spenders]
            if one.counter == "bytes" and row.view:
                lines.append(f"  - answered by {code(say.place(row.view))}")
    if row.time and row.time.status == "exceeded":
        lines.append(f"- {text(over_time(row.time))}")
    return "\n".join(lines)


def _cause(one: Spender, counter: str) -> str:
    where = f", from {code(say.place(one.cause))}" if one.cause else ""
    return f"  - {spender(one, counter)} {code(say.shortened(one.shape))}{where}"
