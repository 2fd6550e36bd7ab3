import pytest

from tests.builders import query, request, site, trace
from unslow.lab.diagnose.costly_serialization import find
from unslow.model import Encoding

FIELDS = site("shop/serializers.py:9:17 OrderSerializer", 30)


def encoded(kind="serializer", items=1000, ms=20.0, place=FIELDS):
    return Encoding(kind, "shop.serializers.OrderSerializer", items, ms, place)


def findings(*encodings, ms=25.0, times=3):
    one = request("GET", "orders/", query("SELECT 1"), ms=ms, encodings=encodings, view="v.py:3 f")
    return list(find(trace(*[one] * times)))


def test_silent_for_a_page_of_rows():
    assert findings(encoded(items=100)) == []


def test_silent_where_the_database_takes_the_time():
    assert findings(encoded(ms=20.0), ms=100.0) == []


def test_silent_where_little_is_spent():
    assert findings(encoded(ms=1.5), ms=3.0) == []


def test_silent_for_a_response_model():
    assert findings(encoded("response model")) == []


def test_silent_outside_the_application():
    assert findings(encoded(place=None)) == []


def test_the_serializers_fields_are_the_cause():
    (finding,) = findings(encoded())
    assert finding.title == (
        "GET orders/ makes 1000 rows with OrderSerializer in 20 ms "
        "(shop/serializers.py:9 in OrderSerializer)"
    )
    assert finding.cause == FIELDS
    assert finding.cost.ms_per_request == 20
    assert finding.cost.share == 0.8
    assert finding.severity == "high"


def test_one_finding_for_a_serializer_of_several_endpoints():
    other = request("GET", "archive/", ms=22.0, encodings=(encoded(),))
    more = [request("GET", "orders/", ms=25.0, encodings=(encoded(),))] * 2
    (finding,) = find(trace(other, *more))
    assert finding.endpoints == ("GET orders/", "GET archive/")


@pytest.mark.parametrize(("kind", "said"), [("encoder", "encodes 1000 rows in Python in 20 ms")])
def test_an_encoder_in_python(kind, said):
    (finding,) = findings(encoded(kind))
    assert said in finding.title
