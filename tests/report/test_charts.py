import msgspec
import pytest

from tests.report.sample import clean, sample
from unslow.lab.report import _charts as charts
from unslow.lab.report import _phrases as say
from unslow.lab.report._diff import diff_lines
from unslow.model import Distribution, WaterfallBar


def test_no_overview_when_nothing_was_measured() -> None:
    assert charts.forest(clean()) is None


def test_no_strip_without_launches() -> None:
    assert charts.strip(Distribution()) is None


def test_no_waterfall_without_queries() -> None:
    assert charts.waterfall(clean().endpoints[0]) is None


def test_the_overview_orders_ratios_along_its_axis() -> None:
    chart = charts.forest(sample())
    assert chart
    for row in chart.rows:
        assert 0 <= row.low <= row.middle <= row.high <= charts.WIDTH
    proven, inconclusive = chart.rows[0], chart.rows[3]
    assert inconclusive.low < chart.one < inconclusive.high < proven.low
    assert [row.total for row in chart.rows] == [False] * 4 + [True]


def test_a_strip_begins_at_zero_and_holds_every_launch() -> None:
    chart = charts.strip(Distribution((100.0, 200.0), (10.0, 20.0)))
    assert chart
    assert chart.ticks[0] == charts.Tick(0.0, "0")
    assert chart.mean_before.x == pytest.approx(sum(chart.before) / 2)
    assert chart.mean_before.label == "150 ms"
    assert max(chart.before) <= charts.WIDTH


def test_a_statement_is_one_lane_however_often_it_ran() -> None:
    chart = charts.waterfall(sample().endpoints[0])
    assert chart
    assert [(lane.count, lane.repeated) for lane in chart.lanes] == [(1, False), (100, True)]


def test_the_cheapest_statements_are_summed_up() -> None:
    bars = tuple(WaterfallBar(i, 1.0 + i, f"SELECT {i}") for i in range(20))
    chart = charts.waterfall(msgspec.structs.replace(sample().endpoints[0], waterfall=bars))
    assert chart
    assert len(chart.lanes) == charts.SHOWN_LANES
    assert chart.hidden_queries == 8
    assert chart.hidden_ms == sum(1.0 + i for i in range(8))


def test_a_diff_marks_only_what_changed_in_a_line() -> None:
    lines = diff_lines("--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n-a = f(b)\n+a = f(b, c)\n")
    assert [(line.role, line.text[line.start : line.end]) for line in lines] == [
        ("file", ""),
        ("hunk", ""),
        ("removed", ""),
        ("added", ", c"),
    ]


def test_a_diff_marks_the_first_line_of_a_statement_that_was_broken() -> None:
    old, new = "-    rows = Order.objects.all()\n", "+    rows = Order.objects.all().x(\n"
    lines = diff_lines("+++ b/x.py\n" + old + new + "+        1\n+    )\n")
    marked = [line.text[line.start : line.end] for line in lines]
    assert marked == ["", "", ".x(", "", ""]


def test_a_diff_marks_nothing_in_lines_that_share_little() -> None:
    lines = diff_lines("+++ b/x.py\n-    a = one(1)\n+    return 27\n")
    assert all(line.start == line.end for line in lines)


def test_a_diff_marks_nothing_where_lines_have_no_counterpart() -> None:
    lines = diff_lines("+++ b/x.py\n@@ -1 +1,2 @@\n-a\n+b\n+c\n")
    assert all(line.start == line.end for line in lines)


def test_a_statement_is_shortened_in_its_columns_alone() -> None:
    assert say.shortened("SELECT a FROM t") == "SELECT a FROM t"
    long = "SELECT t.first_column, t.second_column, t.third FROM t WHERE t.a = ?"
    assert say.shortened(long) == "SELECT … FROM t WHERE t.a = ?"
    nested = "SELECT t.first_column, (SELECT count(*) FROM u) AS n FROM t"
    assert say.shortened(nested) == nested
