"""A selftest in every format."""

import msgspec
import pytest

from tests.report.sample import clean
from tests.report.test_html import Outline
from unslow.lab.report import html, json, markdown, terminal
from unslow.model import (
    DelayPower,
    MeasuredEndpoint,
    MetricQuality,
    Rate,
    Report,
    Selftest,
)

FAILURE = "A change of 10 % CPU was proven in 80 % of the trials; 90 % is the target."


def found() -> Selftest:
    never = Rate(0, 1000, 0.0, 0.00368)
    return Selftest(
        quality=(
            MetricQuality("cpu", "cpu", never, 0.0123, 0.04, 40),
            MetricQuality("wait", "wall", Rate(3, 1000, 0.00062, 0.00874), 0.054, 1.0, 40),
        ),
        delays=(
            DelayPower("cpu", 0.05, 0.048, Rate(270, 300, 0.8603, 0.93155), 8.1),
            DelayPower("cpu", 0.1, 0.1012, Rate(300, 300, 0.98778, 1.0), 4.3),
            DelayPower("wait", 0.1, 0.0931, Rate(45, 300, 0.11159, 0.19541), 20.2),
        ),
        endpoints=(MeasuredEndpoint("GET api/<b>", 2.51, 3.12, 0.012, 0.04),),
        recorded=14,
        waiting_share=0.012,
        trials_s=150.0,
        seed=7,
    )


def report(**changes) -> Report:
    return msgspec.structs.replace(clean(), selftest=msgspec.structs.replace(found(), **changes))


def test_an_audit_has_no_selftest() -> None:
    for render in (html.render, markdown.render, terminal.render):
        assert "selftest" not in render(clean())


@pytest.mark.parametrize("width", [80, 100])
def test_the_terminal_has_the_whole_table(width) -> None:
    text = terminal.render(report(), width=width)
    assert all(len(line) <= width for line in text.splitlines())
    assert "Proofs can be trusted here" in text
    rows = [line.split("  ") for line in text.splitlines()]
    cells = [[cell.strip() for cell in row if cell.strip()] for row in rows]
    assert ["CPU: none", "CPU", "0 of 1000", "0 % to 0.37 %"] in cells
    assert ["CPU: +5 %", "CPU", "+4.8 %", "270 of 300", "86 % to 93 %"] in cells
    assert ["waiting: none", "wall time", "3 of 1000", "0.06 % to 0.87 %"] in cells
    assert "no gain can be proven" in text
    assert "drawn from them with replacement" in " ".join(text.split())


def test_what_misses_a_target_stands_first() -> None:
    text = terminal.render(report(failures=(FAILURE,)))
    assert text.index(FAILURE) < text.index("CPU: none")
    assert "trusted" not in text
    assert f"- {FAILURE}" in markdown.render(report(failures=(FAILURE,)))
    assert FAILURE in html.render(report(failures=(FAILURE,)))


def test_notes_are_shown_everywhere() -> None:
    note = "All delays are judged by wall time: no CPU time was counted."
    for render in (html.render, markdown.render, terminal.render):
        assert note in render(report(notes=(note,)))


def test_the_page_draws_power_from_the_false_positive_rate_on() -> None:
    page = html.render(report())
    outline = Outline(page)
    circles = [a for tag, a in outline.tags if tag == "circle"]
    assert [(a["class"], a["cx"], a["cy"]) for a in circles] == [
        ("cpu", "0.0", "300.0"),
        ("cpu", "500.0", "30.0"),
        ("cpu", "1000.0", "0.0"),
        ("wait", "0.0", "299.1"),
        ("wait", "1000.0", "255.0"),
    ]
    assert "&lt;b&gt;" in page
    assert not {"script", "link", "img"} & {tag for tag, _ in outline.tags}


def test_the_report_survives_json() -> None:
    assert json.parse(json.render(report())) == report()
