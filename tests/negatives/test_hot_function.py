import pytest
from msgspec.structs import replace

from tests.builders import request, site, trace
from tests.negatives.cases import cases, found
from unslow.model import Sample

HOT = "shop/pricing.py:12:8 discount"


def seen(*samples, looks=40, requests=3, ms=200.0, cpu=200.0):
    made = trace(*[request("GET", "prices/", ms=ms)] * requests)
    counted = tuple(Sample(site(place), count) for place, count in samples)
    return replace(
        made,
        requests=tuple(
            replace(one, samples=counted, looks=looks, cpu_ms=cpu) for one in made.requests
        ),
    )


CASES = {
    "nothing was sampled": seen(looks=0),
    "a library does the work": seen((HOT, 2)),
    "a quarter of the time": seen((HOT, 10)),
    "a sleep in the application's own line": seen((HOT, 38), cpu=4.0),
    "a wait for a lock": seen((HOT, 30), cpu=30.0),
    "a short request": seen((HOT, 30), ms=12.0, cpu=12.0),
    "a single look": seen((HOT, 1), looks=1, requests=1),
    "a handful of looks": seen((HOT, 6), looks=8, requests=3),
    "work spread over many functions": seen(
        *((f"shop/pricing.py:{n}:4 step_{n}", 8) for n in range(5))
    ),
    "functions of one name in different files": seen(
        *((f"shop/f{n}.py:3:4 total", 10) for n in range(4))
    ),
}


@pytest.mark.parametrize("what", cases(CASES))
def test_silent(what):
    assert found("hot-function", what) == []


def test_the_slow_form_fires():
    assert found("hot-function", seen((HOT, 30)))
