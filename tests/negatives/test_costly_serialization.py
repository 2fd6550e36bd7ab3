import pytest

from tests.builders import request, site, trace
from tests.negatives.cases import cases, found
from unslow.model import Encoding

FIELDS = site("shop/serializers.py:9:17 OrderSerializer", 30)


def encoded(kind="serializer", items=1000, ms=20.0, place=FIELDS):
    return Encoding(kind, "shop.serializers.OrderSerializer", items, ms, place)


def seen(*encodings, ms=25.0):
    return trace(request("GET", "orders/", ms=ms, encodings=encodings))


CASES = {
    "one object": seen(encoded(items=1)),
    "a page of twenty": seen(encoded(items=20)),
    "a page of a hundred": seen(encoded(items=100, ms=4.0), ms=6.0),
    "a long list behind a slow query": seen(encoded(), ms=200.0),
    "a long list that is made quickly": seen(encoded(ms=1.0), ms=2.0),
    "a response model of compiled code": seen(encoded("response model")),
    "a serializer of an installed package": seen(encoded(place=None)),
    "several short lists": seen(*[encoded(items=40, ms=5.0)] * 5),
    "a response that is made by hand": seen(),
}


@pytest.mark.parametrize("one", cases(CASES))
def test_silent(one):
    assert found("costly-serialization", one) == []


def test_the_slow_form_fires():
    assert found("costly-serialization", seen(encoded()))
