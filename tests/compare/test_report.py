"""A comparison in the terminal, in HTML and in Markdown; nothing of the application is markup."""

import pytest

from unslow.lab.report import html, markdown, sarif, terminal
from unslow.model import (
    Comparison,
    Counters,
    Distribution,
    EndpointEffect,
    Environment,
    Interval,
    Report,
    Responses,
    TargetInfo,
    Total,
    Verdict,
)
from unslow.model.verdict import VerdictKind

SAMPLES = Distribution((1.1, 1.2), (0.7, 0.8))


def effect(endpoint: str, ratio: float, verdict: VerdictKind) -> EndpointEffect:
    speedup = Interval(ratio, ratio * 0.9, ratio * 1.1)
    return EndpointEffect(
        endpoint, speedup, 200.0, "target", Counters(61, 1), SAMPLES, verdict=verdict
    )


def report(
    verdict: VerdictKind, reason: str = "the total costs 40.0% less, evidence 200"
) -> Report:
    effects = (effect("GET /orders", 1.6, "proven"), effect("GET /<b>|long", 0.5, "slower"))
    failed = verdict in ("failed", "different")
    found = Verdict(
        verdict,
        reason,
        None if failed else Interval(1.6, 1.5, 1.7),
        responses=Responses(4, 4, masked=("GET /orders: id",)),
        effects=() if failed else effects,
    )
    comparison = Comparison(
        "main (3f2a1c9)",
        "the work tree",
        found,
        files=("app.py",),
        only_base=("GET /old",),
        output=("Traceback", "NameError: <x>") if verdict == "failed" else (),
    )
    target = TargetInfo("flask", "Flask 3.1", "sqlite", ".")
    environment = Environment(2, "3.11.7")
    return Report(
        1, "0.1.0", target, environment, (), (), (), Total(None, 0, 0, 0), comparison=comparison
    )


@pytest.mark.parametrize("verdict", ["proven", "no-gain", "slower", "inconclusive"])
def test_every_line_fits_a_terminal_of_80_columns(verdict: VerdictKind) -> None:
    lines = terminal.render(report(verdict)).splitlines()
    assert max(map(len, lines)) <= 80


def test_the_verdict_comes_first() -> None:
    lines = terminal.render(report("proven")).splitlines()
    assert lines[2] == "✓ Proven faster ×1.60 [1.50, 1.70] CPU"
    assert lines[3].strip() == "the work tree against main (3f2a1c9)"


def test_harm_is_listed_before_gain() -> None:
    text = terminal.render(report("slower"))
    assert text.index("GET /<b>") < text.index("GET /orders")


def test_a_candidate_that_failed_shows_what_it_printed_last() -> None:
    failed = report("failed", "it does not start: NameError: <x>")
    assert "NameError: <x>" in terminal.render(failed)
    assert "NameError: &lt;x&gt;" in html.render(failed)
    assert "×" not in terminal.render(failed)


def test_what_is_not_compared_and_what_is_masked_is_said() -> None:
    text = " ".join(terminal.render(report("proven")).split())
    assert "Only in main (3f2a1c9), not compared: GET /old" in text
    assert "GET /orders: id" in text


def test_markup_of_the_application_is_text() -> None:
    assert "<b>|long" not in html.render(report("slower"))
    assert r"GET /<b>\|long" in markdown.render(report("slower"))


def test_the_page_draws_every_endpoint_and_the_total() -> None:
    page = html.render(report("proven"))
    assert page.count('class="whisker"') == 3
    assert "https://" not in page


def test_sarif_has_no_result_for_a_comparison() -> None:
    assert '"results": []' in sarif.render(report("proven"))
