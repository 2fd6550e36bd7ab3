import re
from html.parser import HTMLParser

import msgspec

from tests.report.sample import clean, sample
from unslow.lab.report import html

VOID = {"meta", "br", "circle", "rect", "line"}


class Outline(HTMLParser):
    """Collects tags and attributes, and fails on a tag that is not closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self._open: list[str] = []
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag, attrs) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag) -> None:
        assert self._open.pop() == tag


def test_silent_about_fixes_when_there_is_no_finding() -> None:
    page = html.render(clean())
    Outline(page)
    assert "Nothing to fix" in page
    assert "unslow fix" not in page


def test_it_needs_no_network_and_no_script() -> None:
    outline = Outline(html.render(sample()))
    assert not {"script", "link", "img", "iframe"} & {tag for tag, _ in outline.tags}
    for _, attributes in outline.tags:
        assert not {"src", "style"} & set(attributes) or "left:" in (attributes["style"] or "")
        assert (attributes.get("href") or "#").startswith("#")
    assert "url(" not in html.render(sample())
    assert "@import" not in html.render(sample())


def test_markup_of_the_application_stays_text() -> None:
    page = html.render(sample())
    assert "<script" not in page
    assert "</script>" not in page
    assert "&lt;script&gt;alert" in page
    assert "api/orders/&lt;int:pk&gt;/" in page


def test_every_link_within_the_page_leads_somewhere() -> None:
    outline = Outline(html.render(sample()))
    ids = {attributes["id"] for _, attributes in outline.tags if "id" in attributes}
    links = {a["href"][1:] for _, a in outline.tags if a.get("href")}
    assert links <= ids


def test_many_findings_have_an_overview() -> None:
    report = sample()
    many = msgspec.structs.replace(report, findings=report.findings * 3)
    assert '<table class="overview">' not in html.render(report)
    page = html.render(many)
    Outline(page)
    assert '<a href="#finding-9">9. repeated-query</a>' in page


def test_the_cause_is_marked_and_the_change_within_the_line() -> None:
    page = html.render(sample())
    assert "<mark>Order.objects.order_by(&#34;-created_at&#34;)</mark>" in page
    assert "<ins>.select_related(&#34;customer__company&#34;)</ins>" in page


def test_each_measured_fix_shows_its_launches() -> None:
    page = html.render(sample())
    assert len(re.findall(r'<circle class="before"', page)) == 3 * 6
    assert len(re.findall(r'<circle class="after"', page)) == 3 * 6


def test_the_waterfall_draws_every_execution_in_the_lane_of_its_statement() -> None:
    page = html.render(sample())
    assert page.count("<rect") == 101
    assert "100×" in page
