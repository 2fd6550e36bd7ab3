import pytest
from msgspec.structs import replace

from tests.builders import query, request, trace
from unslow.lab.diagnose.misfit_workers import find
from unslow.model import Server

GUNICORN = Server("gunicorn", "sync", 2, 1, 4)


def seen(waiting, requests=30, server=GUNICORN, **fields):
    """Requests of 100 ms, of which a share waits."""
    one = request("GET", "a/", query("SELECT 1 FROM a"), ms=100.0)
    made = trace(*[one] * requests)
    cpu = 100.0 * (1 - waiting)
    ran = tuple(replace(each, cpu_ms=cpu) for each in made.requests)
    return replace(made, requests=ran, server=server and replace(server, **fields))


def test_silent_without_requests():
    assert list(find(trace())) == []


@pytest.mark.parametrize(
    "what",
    [
        seen(0.9, server=None),
        seen(0.9, name="uvicorn"),
        seen(0.9, requests=19),
        seen(0.6),
        seen(0.9, workers=9),
        seen(0.9, worker="gthread", threads=4),
        seen(0.9, worker="gevent"),
        seen(0.1),
        seen(0.5, workers=20),
        seen(0.1, workers=20, cores=0),
    ],
)
def test_silent_when_nothing_is_evident(what):
    assert list(find(what)) == []


def test_fires_on_sync_workers_that_wait():
    [found] = find(seen(0.8))
    assert found.title == (
        "gunicorn runs 2 workers of class sync, and 80% of the requests' time is waiting"
    )
    assert (found.severity, found.confidence, found.endpoints) == ("low", "likely", ())
    assert found.evidence.waiting_share == 0.8


def test_fires_on_threads_that_are_none():
    [found] = find(seen(0.1, worker="gthread", workers=1))
    assert found.title == "gunicorn runs 1 worker of class gthread with one thread each"
    assert found.confidence == "certain"


def test_fires_on_computing_workers_beyond_the_cores():
    [found] = find(seen(0.1, workers=10))
    assert "10 workers on 4 cores, and 90% of the requests' time is computing" in found.title
    assert found.confidence == "possible"
