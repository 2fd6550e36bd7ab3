"""A load test in words, rows and positions: latencies, capacity curves, and the generator."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from unslow.lab.report import _charts as charts
from unslow.lab.report import _phrases as say
from unslow.model import Capacity, CapacityCurve, Estimate, LatencyEffect, UnderLoad

WIDTH = 1000.0  # of the plot, in units that the template scales
HEIGHT = 300.0
STEPS = 80  # of a drawn curve
LATENCY_HEADS = ("Latency", "", "before ms", "after ms", "before ÷ after")
CAPACITY_HEADS = ("Throughput", "before", "after")
ALL_TRAFFIC = "all of the traffic"


@dataclass(frozen=True)
class Dot:
    x: float
    y: float


@dataclass(frozen=True)
class Series:
    """One version: a dot per launch and level, the fitted curve as an SVG path (may be empty),
    and where the curve is highest, if that lies within the picture."""

    dots: tuple[Dot, ...]
    path: str
    peak: Dot | None


@dataclass(frozen=True)
class Plot:
    """Requests per second over connections, these on a doubling scale."""

    before: Series
    after: Series
    across: tuple[charts.Tick, ...]
    upwards: tuple[charts.Tick, ...]  # x holds the height, from the top


def plot(found: Capacity) -> Plot | None:
    """The points of both versions with their laws; None without points."""
    both = (*found.before.points, *found.after.points)
    if not both:
        return None
    levels = sorted({point.concurrency for point in both})
    ticks, scale = charts.axis(max(rate for point in both for rate in point.rates))
    span = math.log2(max(levels[-1], 2))

    def across(concurrency: float) -> float:
        return round(math.log2(concurrency) / span * WIDTH, 1)

    def upwards(rate: float) -> float:
        return round(HEIGHT - rate * scale * HEIGHT / charts.WIDTH, 1)

    def series(curve: CapacityCurve) -> Series:
        dots = tuple(
            Dot(across(point.concurrency), upwards(rate))
            for point in curve.points
            for rate in point.rates
        )
        peak = None
        if curve.peak and curve.peak_rate and curve.peak.value <= levels[-1]:
            peak = Dot(across(curve.peak.value), upwards(curve.peak_rate.value))
        drawn = [levels[-1] ** (step / STEPS) for step in range(STEPS + 1)]
        places = [(across(n), upwards(rate)) for n in drawn if (rate := _law(curve, n)) is not None]
        path = "M" + " L".join(f"{x} {y}" for x, y in places) if places else ""
        return Series(dots, path, peak)

    return Plot(
        series(found.before),
        series(found.after),
        tuple(charts.Tick(across(level), str(level)) for level in levels),
        tuple(
            charts.Tick(round(HEIGHT - tick.x * HEIGHT / charts.WIDTH, 1), tick.label)
            for tick in ticks
        ),
    )


def _law(curve: CapacityCurve, concurrency: float) -> float | None:
    if not (curve.scale and curve.contention and curve.coherency):
        return None
    more = concurrency - 1
    shared = curve.contention.value * more + curve.coherency.value * concurrency * more
    return curve.scale.value * concurrency / (1 + shared)


def setting(load: UnderLoad) -> str:
    """How the load was, in one sentence."""
    if load.kind == "throughput":
        return (
            "Closed load: each connection sends its next request when the last is answered; both "
            "versions in turn at each level."
        )
    share = (
        f", {say.percent(load.share)} of what the version before can serve" if load.share else ""
    )
    return (
        f"Open load: {say.number(load.rate)} requests/s{share}, the same arrivals for both "
        "versions in turn; latency counts from the intended start."
    )


def generator(load: UnderLoad) -> str:
    """What is known of the load generator, in one sentence."""
    check = load.generator
    if check.bottleneck:
        return f"Not a measurement of the application: {check.bottleneck}."
    late = f", p95 {check.lag_ms:.2f} ms late" if load.kind == "latency" else ""
    return (
        f"The load generator kept up{late}: at most {say.percent(check.cpu_share)} of a core, and "
        f"{say.number(check.ceiling)} requests/s against a server that does nothing."
    )


def latency_rows(load: UnderLoad) -> list[tuple[str, str, str, str, str]]:
    """Endpoint (once), quantile, before, after, ratio."""
    return [row for one in load.latencies for row in _endpoint_rows(one)]


def _endpoint_rows(one: LatencyEffect) -> list[tuple[str, str, str, str, str]]:
    return [
        (
            (one.endpoint or ALL_TRAFFIC) if position == 0 else "",
            f"p{effect.quantile * 100:.0f}",
            say.milliseconds(effect.before_ms),
            say.milliseconds(effect.after_ms),
            say.interval(effect.speedup) if effect.speedup else "",
        )
        for position, effect in enumerate(one.quantiles)
    ]


def capacity_rows(found: Capacity) -> list[tuple[str, str, str]]:
    """What was measured at each level, then what the law says."""
    rows = [
        (
            f"at {say.count(old.concurrency, 'connection')}",
            _per_second(old.rates),
            _per_second(new.rates),
        )
        for old, new in zip(found.before.points, found.after.points, strict=True)
    ]
    top = max((point.concurrency for point in found.before.points), default=0)
    parts = (
        ("lambda, of one connection", "scale"),
        ("sigma, contention", "contention"),
        ("kappa, coherency", "coherency"),
    )
    rows += [
        (label, _estimate(getattr(found.before, name)), _estimate(getattr(found.after, name)))
        for label, name in parts
    ]
    rows.append(("peak at", _peak(found.before, top), _peak(found.after, top)))
    rows.append(
        (
            "peak requests/s",
            _estimate(found.before.peak_rate) or "no limit seen",
            _estimate(found.after.peak_rate) or "no limit seen",
        )
    )
    return rows


def _per_second(rates: Sequence[float]) -> str:
    return f"{say.number(sum(rates) / len(rates))}/s" if rates else ""


def _estimate(found: Estimate | None) -> str:
    if found is None:
        return ""
    if found.low is None:
        return _digits(found.value)
    high = "∞" if found.high is None else _digits(found.high)
    return f"{_digits(found.value)} [{_digits(found.low)}, {high}]"


def _digits(value: float) -> str:
    if value and abs(value) < 0.001:
        return f"{value:.1e}"
    return say.number(float(f"{value:.3g}")) if abs(value) >= 1 else f"{value:.3g}"


def _peak(curve: CapacityCurve, top: int) -> str:
    if curve.peak is None:
        return "beyond any level" if curve.scale else "not fitted"
    beyond = " (beyond what was measured)" if curve.peak.value > top else ""
    return f"{_estimate(curve.peak)} connections{beyond}"


def intervals(load: UnderLoad) -> str:
    """Which intervals stand in brackets."""
    if load.capacity:
        share = say.percent(load.capacity.confidence)
        return f"In brackets: {share} intervals, bootstrap over launches."
    return (
        "In brackets: 99 % intervals over launch pairs; of p99, which decides nothing, 95 % by "
        "bootstrap."
    )


def terminal(load: UnderLoad) -> list[RenderableType]:
    """What stands below a verdict under load."""
    parts: list[RenderableType] = ["", Text(setting(load), style="dim")]
    if load.latencies:
        parts += ["", _table(LATENCY_HEADS, latency_rows(load), 2)]
    if load.capacity:
        parts += ["", _table(CAPACITY_HEADS, capacity_rows(load.capacity), 1)]
    if load.capacity or load.latencies:
        parts.append(Text(intervals(load), style="dim"))
    style = "bold red" if load.generator.bottleneck else "dim"
    return [*parts, "", Text(generator(load), style=style)]


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], left: int) -> RenderableType:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for position, head in enumerate(heads):
        is_left = position < left
        table.add_column(
            head,
            justify="left" if is_left else "right",
            no_wrap=not (is_left and position == 0),
            overflow="fold",
        )
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def markdown(load: UnderLoad) -> str:
    """The same as text for a pull request."""
    blocks = [setting(load)]
    if load.latencies:
        rows = [(f"`{row[0]}`" if row[0] else "", *row[1:]) for row in latency_rows(load)]
        blocks.append(_markdown_table(LATENCY_HEADS, rows, 2))
    if load.capacity:
        blocks.append(_markdown_table(CAPACITY_HEADS, capacity_rows(load.capacity), 1))
    if load.capacity or load.latencies:
        blocks.append(intervals(load))
    blocks.append(generator(load))
    return "\n\n".join(blocks)


def _markdown_table(heads: Sequence[str], rows: Sequence[Sequence[str]], left: int) -> str:
    rule = ["--" if position < left else "--:" for position in range(len(heads))]
    lines = [heads, rule, *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
