import pytest
from msgspec.structs import replace

from tests.builders import request, site, trace
from unslow.lab.diagnose.hot_function import find
from unslow.model import Sample

HOT = "shop/pricing.py:12:8 discount"
ALSO = "shop/pricing.py:14:8 discount"


def seen(*samples, looks=40, requests=2, ms=200.0, cpu=None):
    """Each request of 200 ms, looked at 40 times."""
    made = trace(*[request("GET", "prices/", ms=ms)] * requests)
    found = tuple(Sample(site(place), count) for place, count in samples)
    ran = tuple(
        replace(one, samples=found, looks=looks, cpu_ms=ms if cpu is None else cpu)
        for one in made.requests
    )
    return replace(made, requests=ran)


def test_silent_without_samples():
    assert list(find(trace())) == []
    assert list(find(seen())) == []


@pytest.mark.parametrize(
    "what",
    [
        seen((HOT, 11)),
        seen((HOT, 9), looks=10, requests=2),
        seen((HOT, 30), ms=12.0),
        seen((HOT, 30), cpu=20.0),
        seen((HOT, 10), ("shop/a.py:3 a", 10), ("shop/a.py:9 b", 10)),
    ],
    ids=["a small share", "few looks", "a short request", "waiting", "spread over functions"],
)
def test_silent_when(what):
    assert list(find(what)) == []


def test_fires_on_a_function_that_takes_the_time():
    [found] = find(seen((HOT, 20), (ALSO, 4)))
    assert found.title == (
        "GET prices/ spends 60% of its time in its own code (shop/pricing.py:12 in discount)"
    )
    assert (found.cause, found.symptom) == (site(HOT), site(ALSO))
    assert found.evidence.share == 0.6
    assert found.evidence.lines == (site(HOT), site(ALSO))
    assert found.cost.ms_per_request == 120.0
    assert found.cost.share == pytest.approx(0.6)
    assert (found.severity, found.confidence) == ("high", "likely")
