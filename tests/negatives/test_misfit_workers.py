import pytest
from msgspec.structs import replace

from tests.builders import query, request, trace
from tests.negatives.cases import cases, found
from unslow.model import Server


def seen(waiting: float, server: Server | None, requests: int = 30):
    made = trace(*[request("GET", "a/", query("SELECT 1 FROM a"), ms=100.0)] * requests)
    cpu = 100.0 * (1 - waiting)
    ran = tuple(replace(one, cpu_ms=cpu) for one in made.requests)
    return replace(made, requests=ran, server=server)


CASES = {
    "the server is not known": seen(0.9, None),
    "uvicorn waits for many at once": seen(0.9, Server("uvicorn", "asgi", 1, 1, 4)),
    "granian has its own runtime": seen(0.9, Server("granian", "wsgi", 1, 1, 4)),
    "threads wait beside each other": seen(0.9, Server("gunicorn", "gthread", 2, 4, 4)),
    "greenlets wait beside each other": seen(0.9, Server("gunicorn", "gevent", 2, 1, 4)),
    "many sync workers make up for the waiting": seen(0.9, Server("gunicorn", "sync", 9, 1, 4)),
    "a sync worker with threads is gthread": seen(0.9, Server("gunicorn", "sync", 2, 4, 4)),
    "sync workers that compute": seen(0.2, Server("gunicorn", "sync", 4, 1, 4)),
    "half of the time is the database's": seen(0.55, Server("gunicorn", "sync", 4, 1, 4)),
    "many workers that wait a good part": seen(0.5, Server("gunicorn", "sync", 12, 1, 4)),
    "too few requests to tell": seen(0.9, Server("gunicorn", "sync", 2, 1, 4), requests=10),
    "an unknown number of cores": seen(0.1, Server("gunicorn", "sync", 40, 1, 0)),
    "an ASGI worker under gunicorn": seen(
        0.9, Server("gunicorn", "uvicorn.workers.UvicornWorker", 2, 1, 4)
    ),
}


@pytest.mark.parametrize("what", cases(CASES))
def test_silent(what):
    assert found("misfit-workers", what) == []


def test_the_misfit_fires():
    assert found("misfit-workers", seen(0.9, Server("gunicorn", "sync", 2, 1, 4)))
