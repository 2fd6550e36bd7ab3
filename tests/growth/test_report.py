"""Every format says how an endpoint grows, what it will cost, and what did not grow."""

from msgspec.structs import replace

from tests.report.sample import sample
from unslow.lab.growth.classifying import classify
from unslow.lab.growth.counting import Reading, Size
from unslow.lab.report import html, markdown, terminal
from unslow.model import GrownData, Query, Report, Request, UngrownTable


def request(queries: int) -> Request:
    one = Query("SELECT 1", "SELECT ?", "f", 0.0, 1.0, rows=1)
    return Request("observe-0-0", "GET", "/", "api/orders/", 200, 1.0, queries=(one,) * queries)


def grown() -> Report:
    sizes = [
        Size({"GET api/orders/": {0: request(n)}}, {("GET api/orders/", "f"): Reading(n, 1)}, True)
        for n in (4, 13, 49)
    ]
    [found] = classify((1, 4, 16), sizes)
    report = sample()
    first, *others = report.endpoints
    assert f"{first.method} {first.route}" == found.endpoint
    data = GrownData((1, 4, 16), (9, 36, 144), (UngrownTable("public.kind", "kind_pkey: full"),))
    return replace(report, endpoints=(replace(first, growth=found.growth), *others), grown=data)


def test_a_report_without_growth_says_nothing_of_it() -> None:
    for render in (html.render, markdown.render, terminal.render):
        assert "Growth" not in render(sample())


def test_the_terminal_names_class_prediction_and_what_did_not_grow() -> None:
    text = terminal.render(grown())
    [line] = [one for one in text.splitlines() if "16 → 2 401" in one]
    assert line.split()[:4] == ["GET", "api/orders/", "rows", "read"]
    assert line.split()[-3:] == ["quadratic", "93.3", "k"]
    assert "data as it is, 4× and 16× (9, 36, 144 rows)" in text
    assert "public.kind did not grow: kind_pkey: full" in text
    assert all(len(one) <= 80 for one in text.splitlines())


def test_markdown_has_a_row_for_what_grows() -> None:
    text = markdown.render(grown())
    assert "| `GET api/orders/` | linear 4 → 49 | quadratic 16 → 2 401 |" in text
    assert "`public.kind` did not grow" in text


def test_html_draws_a_curve_with_its_residuals() -> None:
    text = html.render(grown())
    assert text.count('class="curve"') == 4
    assert "Queries: linear, 4 → 49; 31 at 10×, 301 at 100×. Residuals: linear 0 %" in text
    assert "kind_pkey: full" in text
