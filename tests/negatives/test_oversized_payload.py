import pytest

from tests.builders import plus, request, trace
from tests.negatives.cases import cases, found

BIG = 3_000_000


def seen(*sizes, kind="application/json", status=200):
    make = request("GET", "book/", view="shop/views.py:9 book")
    fields = {"content_type": kind, "status": status}
    return trace(*[plus(make, response_bytes=size, **fields) for size in sizes or (BIG,)])


CASES = {
    "half a megabyte": seen(500_000),
    "usually short, once long": seen(9_000, 9_000, BIG),
    "a table that is downloaded": seen(kind="text/csv"),
    "a document": seen(kind="application/pdf"),
    "an archive": seen(kind="application/zip"),
    "an image": seen(kind="image/png"),
    "a video": seen(kind="video/mp4"),
    "bytes of an unknown kind": seen(kind="application/octet-stream"),
    "a page of an error": seen(status=500),
    "an empty answer": seen(0),
}


@pytest.mark.parametrize("one", cases(CASES))
def test_silent(one):
    assert found("oversized-payload", one) == []


def test_the_slow_form_fires():
    assert found("oversized-payload", seen())
