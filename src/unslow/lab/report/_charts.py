"""The geometry of the HTML report's charts: numbers in, positions out, no drawing."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from unslow.model import Distribution, Endpoint, Interval, Report, Site, WaterfallBar

WIDTH = 1000.0  # of every chart, in units that the template scales
SHOWN_LANES = 12  # statements per waterfall; the cheapest are summed up
REPEATED = 5  # a statement that ran this often is drawn as repeated
MIN_BAR = 1.5  # units, so that the shortest query is still seen


@dataclass(frozen=True)
class Tick:
    x: float
    label: str


@dataclass(frozen=True)
class Whisker:
    """One measured fix in the overview: the interval and the estimate on a logarithmic axis."""

    label: str
    href: str
    low: float
    middle: float
    high: float
    interval: Interval
    kept: bool
    total: bool = False


@dataclass(frozen=True)
class Forest:
    rows: tuple[Whisker, ...]
    ticks: tuple[Tick, ...]
    one: float  # where "no change" lies


@dataclass(frozen=True)
class Strip:
    """The launches of both arms as dots on one axis that begins at zero, in milliseconds."""

    before: tuple[float, ...]
    after: tuple[float, ...]
    mean_before: Tick
    mean_after: Tick
    ticks: tuple[Tick, ...]


@dataclass(frozen=True)
class Bar:
    x: float
    width: float


@dataclass(frozen=True)
class Lane:
    """All executions of one statement within a request."""

    shape: str
    site: Site | None
    count: int
    ms: float
    bars: tuple[Bar, ...]

    @property
    def repeated(self) -> bool:
        return self.count >= REPEATED


@dataclass(frozen=True)
class Waterfall:
    lanes: tuple[Lane, ...]
    ticks: tuple[Tick, ...]
    hidden_queries: int
    hidden_ms: float


@dataclass(frozen=True)
class Row:
    """What a line of the overview shows; one that is not `kept` is grey."""

    label: str
    href: str
    interval: Interval
    kept: bool
    total: bool = False


def forest(report: Report) -> Forest | None:
    """The speedups of all measured fixes and of their combination; None when none was measured."""
    rows = [
        Row(f"{position}. {fix.fixer}", f"#finding-{position}", fix.proof.speedup, fix.kept)
        for position, finding in enumerate(report.findings, 1)
        for fix in finding.fixes
        if fix.proof.speedup
    ]
    if report.total.speedup:
        rows.append(Row("all kept fixes", "#total", report.total.speedup, True, total=True))
    return forest_of(rows)


def forest_of(rows: Sequence[Row]) -> Forest | None:
    """The rows on one axis; None without rows."""
    if not rows:
        return None
    scale = _LogScale(min(r.interval.low for r in rows), max(r.interval.high for r in rows))
    return Forest(tuple(_whisker(scale, row) for row in rows), scale.ticks(), scale(1.0))


def _whisker(scale: "_LogScale", row: Row) -> Whisker:
    found = row.interval
    low, middle, high = (scale(v) for v in (found.low, found.estimate, found.high))
    return Whisker(row.label, row.href, low, middle, high, found, row.kept, row.total)


class _LogScale:
    """Ratios on a base-2 axis that always shows 1."""

    def __init__(self, low: float, high: float) -> None:
        self._low = math.floor(math.log2(min(max(low, 1e-3), 0.9)))
        self._high = max(1, math.ceil(math.log2(max(high, 1e-3))))

    def __call__(self, ratio: float) -> float:
        exponent = min(max(math.log2(max(ratio, 1e-3)), self._low), self._high)
        return round((exponent - self._low) / (self._high - self._low) * WIDTH, 1)

    def ticks(self) -> tuple[Tick, ...]:
        step = math.ceil((self._high - self._low) / 8)
        exponents = range(self._low, self._high + 1, step)
        return tuple(Tick(self(2.0**e), f"×{_ratio(2.0**e)}") for e in exponents)


def _ratio(value: float) -> str:
    return f"{value:.0f}" if value >= 1 else f"{value:g}"


def strip(samples: Distribution) -> Strip | None:
    """The strip chart of one effect; None without launches."""
    if not samples.before or not samples.after:
        return None
    ticks, scale = axis(max(*samples.before, *samples.after))
    return Strip(
        tuple(round(v * scale, 1) for v in samples.before),
        tuple(round(v * scale, 1) for v in samples.after),
        _mean(samples.before, scale),
        _mean(samples.after, scale),
        ticks,
    )


def _mean(values: Sequence[float], scale: float) -> Tick:
    mean = fmean(values)
    return Tick(round(mean * scale, 1), f"{mean:.3g} ms")


def waterfall(endpoint: Endpoint) -> Waterfall | None:
    """A lane per statement, in the order in which they first ran; None without queries."""
    bars = endpoint.waterfall
    if not bars:
        return None
    ticks, scale = axis(max(bar.start_ms + bar.duration_ms for bar in bars))
    grouped: dict[tuple[str, Site | None], list[WaterfallBar]] = defaultdict(list)
    for bar in bars:
        grouped[bar.shape, bar.site].append(bar)
    lanes = [_lane(shape, site, group, scale) for (shape, site), group in grouped.items()]
    shown = set(sorted(range(len(lanes)), key=lambda i: -lanes[i].ms)[:SHOWN_LANES])
    hidden = [lane for i, lane in enumerate(lanes) if i not in shown]
    return Waterfall(
        tuple(lane for i, lane in enumerate(lanes) if i in shown),
        ticks,
        sum(lane.count for lane in hidden),
        sum(lane.ms for lane in hidden),
    )


def _lane(shape: str, site: Site | None, bars: Sequence[WaterfallBar], scale: float) -> Lane:
    drawn = tuple(
        Bar(round(bar.start_ms * scale, 1), round(max(bar.duration_ms * scale, MIN_BAR), 1))
        for bar in bars
    )
    return Lane(shape, site, len(bars), sum(bar.duration_ms for bar in bars), drawn)


def axis(maximum: float) -> tuple[tuple[Tick, ...], float]:
    """Round ticks from zero to past `maximum`, and the units per value."""
    maximum = max(maximum, 1e-3)
    raw = maximum / 5
    magnitude = 10 ** math.floor(math.log10(raw))
    step = next(m * magnitude for m in (1, 2, 5, 10) if m * magnitude >= raw)
    count = math.ceil(maximum / step)
    scale = WIDTH / (count * step)
    return tuple(Tick(round(i * step * scale, 1), f"{i * step:g}") for i in range(count + 1)), scale
