from tests.builders import plus, request, site, trace
from unslow.lab.diagnose.oversized_payload import find

VIEW = "shop/views.py:9 book"


def findings(size=2_000_000, kind="application/json", encoding="", times=2):
    fields = {"response_bytes": size, "content_type": kind, "content_encoding": encoding}
    return list(find(trace(*[plus(request("GET", "book/", view=VIEW), **fields)] * times)))


def test_silent_for_a_short_answer():
    assert findings(500_000) == []


def test_silent_for_tables_that_are_downloaded():
    assert findings(kind="text/csv") == []


def test_silent_for_images_and_archives():
    assert findings(kind="image/png") == []
    assert findings(kind="application/zip") == []


def test_the_view_and_the_size():
    (finding,) = findings()
    assert finding.title == "GET book/ sends 2.0 MB at once (shop/views.py:9 in book)"
    assert finding.cause == site(VIEW)
    assert (finding.severity, finding.confidence) == ("low", "possible")
    assert finding.evidence.requests == 2


def test_problem_documents_are_text_as_well():
    assert len(findings(kind="application/geo+json")) == 1
