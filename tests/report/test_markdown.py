import msgspec

from tests.report.sample import clean, sample
from unslow.lab.report import markdown
from unslow.lab.report.markdown import code, fence, text


def test_a_clean_report_says_so_in_the_headline() -> None:
    assert markdown.render(clean()).startswith("### unslow: nothing to fix\n")


def test_the_headline_carries_the_total() -> None:
    headline = markdown.render(sample()).splitlines()[0]
    assert (
        headline == "### unslow: ×10.4 [9.80, 11.1] CPU with 2 proven, 1 inconclusive, 1 rejected"
    )


def test_markup_of_the_application_stays_text() -> None:
    rendered = markdown.render(sample())
    assert "<script>" not in rendered
    assert text("a <b> | @team *x*") == "a &lt;b&gt; \\| @\u2060team \\*x\\*"


def test_code_in_backticks_stays_code() -> None:
    assert text("add `select_related` to_it") == "add `select_related` to\\_it"
    assert text("one ` only") == "one \\` only"
    assert code("a `b` | c") == "`` a `b` \\| c ``"


def test_a_fence_is_longer_than_any_within() -> None:
    assert fence("```\nx", "diff") == "````diff\n```\nx\n````"


def test_it_fits_into_a_comment() -> None:
    report = sample()
    many = msgspec.structs.replace(report, findings=report.findings * 40)
    rendered = markdown.render(many)
    assert len(rendered) <= markdown.MAX_CHARACTERS
    assert "did not fit here" in rendered
