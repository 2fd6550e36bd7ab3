"""How the endpoints grow: classes, predicted costs, and the geometry of a curve for each."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from unslow.lab.report import _phrases as say
from unslow.lab.report._charts import WIDTH, Tick
from unslow.lab.report._markup import code, fold, text
from unslow.model import Endpoint, Fit, GrownData, Growth, Report
from unslow.model.growth import GrowthCounter

SHOWN = 15  # endpoints in the terminal and in Markdown, those that grow most
HEIGHT = 220.0
FARTHEST = 100.0  # times the data: where the curve ends
STEPS = 48  # of a curve
COUNTERS: tuple[GrowthCounter, ...] = ("queries", "rows_read", "rows_returned", "blocks", "bytes")
SHOWN_COUNTERS: tuple[GrowthCounter, ...] = ("queries", "rows_read", "rows_returned")
NAMES = {
    "queries": "queries",
    "rows_read": "rows read",
    "rows_returned": "rows returned",
    "blocks": "blocks",
    "bytes": "bytes",
}
RANKS = {"constant": 0, "logarithmic": 1, "linear": 2, "quadratic": 3}
STYLES = {"quadratic": "bold red", "linear": "yellow", "logarithmic": "", "constant": "dim"}


@dataclass(frozen=True)
class Curve:
    """One counter over the size of the data, both axes logarithmic: dots were measured, the line
    is the fit, up to a hundred times the data."""

    counter: str
    dots: tuple[tuple[float, float, str], ...]
    path: str
    ticks: tuple[Tick, ...]
    levels: tuple[Tick, ...]  # `x` is the height
    end: Tick
    caption: str


def growing(report: Report) -> list[tuple[Endpoint, Growth]]:
    """The endpoints that grow in a counter, the worst first."""
    found = [(one, one.growth) for one in report.endpoints if one.growth and _grows(one.growth)]
    return sorted(found, key=lambda pair: _weight(pair[1]), reverse=True)


def steady(report: Report) -> int:
    """How many endpoints take the same at every size."""
    return sum(one.growth is not None and not _grows(one.growth) for one in report.endpoints)


def data(grown: GrownData) -> str:
    """`the data as it is, 4× and 16× (3 515, 13 598, 53 930 rows)`."""
    names = [f"{size}×" if size > 1 else "as it is" for size in grown.sizes]
    rows = ", ".join(say.number(one) for one in grown.rows)
    return f"data {', '.join(names[:-1])} and {names[-1]} ({rows} rows)"


def cell(growth: Growth, counter: GrowthCounter) -> str:
    """`linear 4 → 49`, or the value alone where it is constant; empty where it was not counted."""
    fit = growth.fits.get(counter)
    if fit is None:
        return ""
    values = growth.values[counter]
    if fit.growth == "constant":
        return _short(values[-1])
    return f"{fit.growth} {_short(values[0])} → {_short(values[-1])}"


def predicted(growth: Growth, counter: GrowthCounter) -> str:
    """`31, 301`: at ten and a hundred times the data; empty for what does not grow."""
    fit = growth.fits.get(counter)
    if fit is None or fit.growth == "constant":
        return ""
    return f"{_short(fit.at_10)}, {_short(fit.at_100)}"


def residuals(fit: Fit) -> str:
    """`linear 0.0 %, quadratic 17 %`: what each candidate leaves, the best first."""
    ordered = sorted(fit.residuals.items(), key=lambda item: item[1])
    return ", ".join(f"{name} {say.percent(left)}" for name, left in ordered)


def terminal(report: Report) -> list[RenderableType]:
    if report.grown is None:
        return []
    parts: list[RenderableType] = [
        "",
        Text.assemble(("Growth  ", "bold"), (data(report.grown), "dim")),
    ]
    rows = growing(report)
    if rows:
        parts.append(Padding(_table(rows[:SHOWN]), (0, 0, 0, 2)))
    more = [f"and {len(rows) - SHOWN} that grow less"] if len(rows) > SHOWN else []
    same = steady(report)
    more += [f"{say.count(same, 'endpoint')} the same at every size"] if same else []
    if more:
        parts.append(Padding(Text("; ".join(more), style="dim"), (0, 0, 0, 2)))
    for one in report.grown.ungrown:
        parts.append(Padding(Text(f"{one.table} did not grow: {one.why}"), (0, 0, 0, 2)))
    return parts


def _table(rows: Sequence[tuple[Endpoint, Growth]]) -> Table:
    table = Table(box=None, pad_edge=False, expand=True, header_style="dim", padding=(0, 0, 0, 2))
    table.add_column("Endpoint", overflow="fold", ratio=1)
    table.add_column("", no_wrap=True)
    for name in ("measured", "grows", "at 100×"):
        table.add_column(name, justify="right", no_wrap=True)
    for endpoint, growth in rows:
        worst = _worst(growth)
        fit, values = growth.fits[worst], growth.values[worst]
        table.add_row(
            Text(f"{endpoint.method} {endpoint.route}"),
            NAMES[worst],
            f"{_short(values[0])} → {_short(values[-1])}",
            Text(fit.growth, style=_style(growth, worst)),
            _short(fit.at_100),
        )
    return table


def _style(growth: Growth, counter: GrowthCounter) -> str:
    fit = growth.fits.get(counter)
    return STYLES[fit.growth] if fit else ""


def markdown(report: Report) -> str:
    """A folded table; empty without growth."""
    if report.grown is None:
        return ""
    lines = [
        "| endpoint | queries | rows read | rows returned | at 10×, 100× |",
        "|--|--:|--:|--:|--:|",
    ]
    for endpoint, growth in growing(report)[:SHOWN]:
        worst = _worst(growth)
        cells = [code(f"{endpoint.method} {endpoint.route}")]
        cells += [cell(growth, one) for one in SHOWN_COUNTERS]
        cells.append(f"{predicted(growth, worst)} {NAMES[worst]}")
        lines.append("| " + " | ".join(cells) + " |")
    notes = [f"{say.count(steady(report), 'endpoint')} the same at every size."]
    notes += [f"{code(one.table)} did not grow: {text(one.why)}." for one in report.grown.ungrown]
    body = "\n".join(lines) + "\n\n" + "\n".join(f"- {note}" for note in notes)
    return fold(f"Growth: {data(report.grown)}", body)


def curves(growth: Growth) -> tuple[Curve, ...]:
    """A curve for each counter that grows."""
    return tuple(
        _curve(one, growth)
        for one in COUNTERS
        if one in growth.fits and growth.fits[one].growth != "constant"
    )


def _curve(counter: GrowthCounter, growth: Growth) -> Curve:
    fit, values = growth.fits[counter], growth.values[counter]
    scale = _Heights([*values, fit.at_100])
    sizes = [FARTHEST ** (step / STEPS) for step in range(STEPS + 1)]
    points = [(_across(size), scale(_at(fit, size))) for size in sizes]
    drawn = [
        (_across(size), scale(value), say.number(value))
        for size, value in zip(growth.sizes, values, strict=True)
        if size <= FARTHEST
    ]
    caption = (
        f"{NAMES[counter]}: {fit.growth}, {say.number(values[0])} → {say.number(values[-1])}; "
        f"{say.number(fit.at_10)} at 10×, {say.number(fit.at_100)} at 100×. "
        f"Residuals: {residuals(fit)}"
    )
    return Curve(
        NAMES[counter],
        tuple(drawn),
        "M" + " L".join(f"{x} {y}" for x, y in points),
        tuple(Tick(_across(size), f"{size}×") for size in (1, 2, 5, 10, 20, 50, 100)),
        tuple(scale.ticks()),
        Tick(points[-1][1], _short(fit.at_100)),
        caption,
    )


def _at(fit: Fit, size: float) -> float:
    shapes = {"logarithmic": math.log(size), "linear": size, "quadratic": size**2}
    return max(0.0, fit.intercept + fit.slope * shapes[fit.growth])


def _across(size: float) -> float:
    return round(math.log(size) / math.log(FARTHEST) * WIDTH, 1)


class _Heights:
    """Values on a logarithmic axis from the top of the chart down."""

    def __init__(self, values: Sequence[float]) -> None:
        self._low = math.floor(math.log10(max(1.0, min(values))))
        self._high = max(self._low + 1, math.ceil(math.log10(max(1.0, *values))))

    def __call__(self, value: float) -> float:
        exponent = min(max(math.log10(max(value, 1e-9)), self._low), self._high)
        return round(HEIGHT * (1 - (exponent - self._low) / (self._high - self._low)), 1)

    def ticks(self) -> Iterator[Tick]:
        for exponent in range(self._low, self._high + 1):
            yield Tick(self(10.0**exponent), _short(10.0**exponent))


def _short(value: float) -> str:
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if value >= size:
            unit = 1e3 if letter == "k" else size
            return f"{value / unit:.3g} {letter}"
    return say.number(value)


def _grows(growth: Growth) -> bool:
    return any(fit.growth != "constant" for fit in growth.fits.values())


def _worst(growth: Growth) -> GrowthCounter:
    """The counter that says most: of queries and rows that of the worst class, else what grows."""
    for counters in (SHOWN_COUNTERS, COUNTERS):
        known = [one for one in counters if one in growth.fits]
        worst = max(known, key=lambda one: RANKS[growth.fits[one].growth])  # the first of equals
        if growth.fits[worst].growth != "constant":
            break
    return worst


def _weight(growth: Growth) -> tuple[int, float, int, float]:
    def of(counter: GrowthCounter) -> tuple[int, float]:
        fit = growth.fits.get(counter)
        return (RANKS[fit.growth], fit.at_100) if fit else (0, 0.0)

    return *of("queries"), *of("rows_read")
