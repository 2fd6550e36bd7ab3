"""How a load test reads in each format."""

import re

from unslow.lab.load.scalability import Law
from unslow.lab.prove.capacity import curve
from unslow.lab.report import _load as load
from unslow.lab.report import html
from unslow.model import (
    Capacity,
    CapacityCurve,
    GeneratorCheck,
    Interval,
    LatencyEffect,
    QuantileEffect,
    UnderLoad,
)

KEPT_UP = GeneratorCheck(12000, 0.3, 0.2)
LEVELS = (1, 2, 4, 8, 16)


def throughput(law: Law, launches: int = 3) -> CapacityCurve:
    return curve([{level: law.rate(level) for level in LEVELS}] * launches, seed=1)


def capacity() -> UnderLoad:
    found = Capacity(throughput(Law(50, 0.2, 0.02)), throughput(Law(100, 0.02, 0.0001)))
    return UnderLoad("throughput", KEPT_UP, capacity=found)


def latency(check: GeneratorCheck = KEPT_UP) -> UnderLoad:
    p50 = QuantileEffect(0.5, 20.0, 10.0, Interval(2.0, 1.8, 2.2), 300.0)
    p95 = QuantileEffect(0.95, 90.0, 30.0, Interval(3.0, 2.0, 4.5), 150.0)
    one = LatencyEffect("GET /orders", 900, (p50, p95))
    return UnderLoad("latency", check, 40.0, 0.6, (one,))


def text(found: UnderLoad) -> str:
    from io import StringIO

    from rich.console import Console

    console = Console(file=StringIO(), width=80)
    for part in load.terminal(found):
        console.print(part)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_nothing_is_drawn_without_points() -> None:
    assert load.plot(Capacity(CapacityCurve(()), CapacityCurve(()))) is None


def test_points_without_a_law_are_drawn_without_a_curve() -> None:
    few = curve([{1: 10.0, 2: 20.0}], seed=1)
    chart = load.plot(Capacity(few, few))
    assert chart
    assert (len(chart.before.dots), chart.before.path, chart.before.peak) == (2, "", None)


def test_a_curve_passes_through_exact_points() -> None:
    found = capacity().capacity
    assert found
    chart = load.plot(found)
    assert chart
    path = [tuple(map(float, pair)) for pair in re.findall(r"([\d.]+) ([\d.]+)", chart.before.path)]
    for dot in chart.before.dots:
        assert min(abs(dot.x - x) + abs(dot.y - y) for x, y in path) < 0.5


def test_only_a_peak_within_the_picture_is_marked() -> None:
    found = capacity().capacity
    assert found
    chart = load.plot(found)
    assert chart
    assert chart.before.peak
    assert chart.after.peak is None  # at about 99 connections
    assert "beyond what was measured" in text(capacity())


def test_the_terminal_shows_both_quantiles_within_80_columns() -> None:
    shown = text(latency())
    assert re.search(r"GET /orders +p50 +20.0 +10.0 +×2.00 \[1.80, 2.20\]", shown)
    assert re.search(r"p95 +90.0 +30.0 +×3.00", shown)
    assert "40 requests/s, 60 % of what the version before can serve" in " ".join(shown.split())
    assert max(map(len, (shown + text(capacity())).splitlines())) <= 80


def test_a_generator_that_was_too_slow_is_the_last_word() -> None:
    check = GeneratorCheck(500, 12.0, 0.9, "the load generator was busy for 90% of a core")
    assert " ".join(text(latency(check)).split()).endswith("busy for 90% of a core.")
    assert "kept up" not in text(latency(check))


def test_markdown_has_a_table_for_each() -> None:
    assert "| `GET /orders` | p50 | 20.0 | 10.0 | ×2.00 [1.80, 2.20] |" in load.markdown(latency())
    assert "| at 16 connections |" in load.markdown(capacity())


def test_html_draws_both_versions() -> None:
    macros = html._template("_load.html.jinja").module
    drawn = str(macros.section(capacity()))
    assert drawn.count("<circle") == 2 * 3 * len(LEVELS) + 2
    assert drawn.count("<path") == 2
    assert "GET /orders" in str(macros.section(latency()))
