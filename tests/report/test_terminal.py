import msgspec

from tests.report.sample import clean, sample
from unslow.lab.report import terminal
from unslow.model import Skipped


def test_silent_about_fixes_when_there_is_no_finding() -> None:
    text = terminal.render(clean())
    assert "Nothing to fix" in text
    assert "unslow fix" not in text
    assert "Total" not in text


def test_no_line_is_longer_than_the_width() -> None:
    for width in (60, 80, 120):
        assert max(map(len, terminal.render(sample(), width=width).splitlines())) <= width


def test_a_pipe_gets_no_escape_sequences() -> None:
    assert "\x1b" not in terminal.render(sample())
    assert "\x1b" in terminal.render(sample(), color=True)


def test_the_cause_is_named_and_underlined() -> None:
    lines = terminal.render(sample()).splitlines()
    assert "   cause  shop/views.py:10:16 in OrderViewSet" in lines
    quoted = next(i for i, line in enumerate(lines) if "queryset = Order.objects" in line)
    expression = 'Order.objects.order_by("-created_at")'
    start = lines[quoted].index(expression)
    assert lines[quoted + 1][start:] == "─" * len(expression)


def test_a_fix_shows_verdict_speedup_and_queries() -> None:
    text = terminal.render(sample())
    assert "✓ proven  ×12.1 [11.2, 13.1] CPU  queries 101 → 1" in text
    assert "proven, not kept  ×7.35" in text
    assert "✗ different response" in text
    assert 'body[3].brand is null,\n     was "Acme & Söhne"' in text
    assert "? inconclusive  ×1.05 [0.97, 1.14] CPU" in text
    assert "a gain under 8.0 %" in text
    assert "→ to do by hand\n     Collect the ids" in text
    assert "The loop has side effects" in text


def test_the_end_says_what_was_skipped_and_what_to_do_next() -> None:
    text = terminal.render(sample())
    assert "Total  ×10.4 [9.80, 11.1] CPU with all kept fixes" in text
    assert "  POST api/payments/: the body's schema is not declared" in text
    assert text.rstrip().endswith("Next  unslow fix  writes the 2 proven fixes")


def test_small_findings_take_a_line_each() -> None:
    report = sample()
    report = msgspec.structs.replace(report, findings=report.findings[:1] * 25)
    text = terminal.render(report)
    assert text.count("   cause  ") == terminal.SHOWN_FINDINGS
    assert "25  repeated-query  shop/views.py:10:16  78 %  ×12.1 [11.2, 13.1]\n" in text


def test_the_place_is_not_said_twice() -> None:
    report = sample()
    finding = report.findings[0]
    title = "GET /x runs 4 queries (shop/views.py:10 in list_orders)"
    finding = msgspec.structs.replace(finding, title=title)
    text = terminal.render(msgspec.structs.replace(report, findings=(finding,)))
    assert "   GET /x runs 4 queries\n" in text


def test_a_long_expression_has_a_bar_beside_it() -> None:
    report = sample()
    finding = report.findings[0]
    cause = msgspec.structs.replace(finding.cause, end_line=finding.cause.line + 1, end_column=20)
    finding = msgspec.structs.replace(finding, cause=cause)
    text = terminal.render(msgspec.structs.replace(report, findings=(finding,)))
    assert text.count("┃") == 2
    assert "──" not in text


def test_a_reason_that_many_fixes_share_is_said_once() -> None:
    report = sample()
    finding = report.findings[2]
    text = terminal.render(msgspec.structs.replace(report, findings=(finding,) * 6))
    assert text.count("the time budget ended after 9 launch pairs") == 1
    assert "       6 fixes: the time budget ended after 9 launch pairs" in text


def test_endpoints_that_share_a_reason_are_counted_beyond_a_few() -> None:
    report = sample()
    skipped = tuple(Skipped(f"GET /{n}", "not wanted") for n in range(30))
    text = terminal.render(msgspec.structs.replace(report, skipped=skipped))
    assert "  30 endpoints, listed in the other reports: not wanted\n" in text
    few = terminal.render(msgspec.structs.replace(report, skipped=skipped[:3]))
    assert "  GET /0, GET /1, GET /2: not wanted\n" in few
