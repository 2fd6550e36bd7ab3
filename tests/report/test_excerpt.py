from tests.report.sample import SOURCES, sample
from unslow.lab.report._excerpt import quote, span, with_excerpts
from unslow.model import Site


def missing(path: str) -> bytes:
    raise FileNotFoundError(path)


def bare():
    import msgspec

    report = sample()
    findings = tuple(msgspec.structs.replace(f, excerpt=None) for f in report.findings)
    return msgspec.structs.replace(report, findings=findings)


def test_no_excerpt_when_the_source_is_not_there() -> None:
    assert all(f.excerpt is None for f in with_excerpts(bare(), missing).findings)


def test_no_excerpt_when_the_file_is_shorter() -> None:
    assert quote("one\n", Site("x.py", 7, 7, 0, 1, "")) is None


def test_the_lines_around_the_cause_are_quoted() -> None:
    report = with_excerpts(bare(), lambda path: SOURCES[path].encode())
    assert report == sample()


def test_a_span_counts_characters_on_each_line_of_an_expression() -> None:
    site = Site("x.py", 1, 3, len("ä = ".encode()), 1, "")
    excerpt = quote("ä = (\n    b\n)\nc\n", site)
    assert excerpt
    assert [span(excerpt, site, line) for line in (1, 2, 3, 4)] == [(4, 5), (4, 5), (0, 1), None]
