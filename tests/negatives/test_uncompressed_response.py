import pytest

from tests.builders import plus, request, trace
from tests.negatives.cases import cases, found

BIG = 300_000


def seen(*sizes, kind="application/json", encoding="", status=200):
    fields = {"content_type": kind, "content_encoding": encoding, "status": status}
    make = request("GET", "book/", view="shop/views.py:9 book")
    return trace(*[plus(make, response_bytes=size, **fields) for size in sizes or (BIG,)])


CASES = {
    "a short answer": seen(9_000),
    "usually short, once long": seen(9_000, 9_000, 9_000, BIG),
    "compressed by the application": seen(encoding="gzip"),
    "compressed by brotli": seen(encoding="br"),
    "compressed for those who ask": seen(encoding="negotiated"),
    "an image": seen(kind="image/jpeg"),
    "an archive": seen(kind="application/zip"),
    "a video": seen(kind="video/mp4"),
    "a font": seen(kind="font/woff2"),
    "bytes of an unknown kind": seen(kind="application/octet-stream"),
    "no kind at all": seen(kind=""),
    "a page of an error": seen(status=500),
}


@pytest.mark.parametrize("one", cases(CASES))
def test_silent(one):
    assert found("uncompressed-response", one) == []


def test_the_slow_form_fires():
    assert found("uncompressed-response", seen())
