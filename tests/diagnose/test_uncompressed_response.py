from tests.builders import plus, request, site, trace
from unslow.lab.diagnose.uncompressed_response import find

VIEW = "shop/views.py:9 book"


def findings(size=200_000, kind="application/json", encoding="", times=2):
    fields = {"response_bytes": size, "content_type": kind, "content_encoding": encoding}
    return list(find(trace(*[plus(request("GET", "book/", view=VIEW), **fields)] * times)))


def test_silent_for_a_short_answer():
    assert findings(50_000) == []


def test_silent_for_a_compressed_one():
    assert findings(encoding="gzip") == []


def test_silent_where_something_would_compress_if_asked():
    assert findings(encoding="negotiated") == []


def test_silent_for_images_and_archives():
    assert findings(kind="image/png") == []
    assert findings(kind="application/zip") == []


def test_the_view_and_the_size():
    (finding,) = findings()
    assert finding.title == (
        "GET book/ sends 200 kB of text uncompressed (shop/views.py:9 in book)"
    )
    assert finding.cause == site(VIEW)
    assert (finding.severity, finding.confidence) == ("low", "possible")
    assert finding.evidence.requests == 2


def test_problem_documents_are_text_as_well():
    assert len(findings(kind="application/geo+json")) == 1
