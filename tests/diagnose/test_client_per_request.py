"""Which clients are built by every request."""

from tests.builders import plus, request, trace
from tests.sited import at
from unslow.lab.diagnose import client_per_request
from unslow.model import Built, Finding, HttpCall, Trace

SOURCE = """
import httpx
from redis import Redis

async def view():
    async with httpx.AsyncClient(timeout=5) as client:
        return await client.get("/")

def cached():
    return Redis().get("key")
"""
HTTP = ("httpx.AsyncClient", at(SOURCE, "httpx.AsyncClient(timeout=5)", "view"))
REDIS = ("redis.Redis", at(SOURCE, "Redis()", "cached"))


def built(*clients: tuple, ms: float = 25.0, calls: tuple[HttpCall, ...] = ()) -> Trace:
    made = tuple(Built(what, 0.0, ms, (site,)) for what, site in clients)
    one = plus(request("GET", "/rates", ms=50.0), built=made, http_calls=calls)
    return trace(*[one] * 2)


def find(seen: Trace) -> list[Finding]:
    return list(client_per_request.find_in_source(seen, lambda path: SOURCE.encode()))


def test_silent_where_none_is_built() -> None:
    assert find(built()) == []


def test_a_client_of_each_request_is_found() -> None:
    (finding,) = find(built(HTTP))
    assert (finding.cause, finding.evidence.call) == (HTTP[1], "httpx.AsyncClient")
    assert (finding.evidence.ms, finding.evidence.calls) == (25.0, 1.0)
    assert finding.cost.share == 0.5
    assert "GET /rates builds a client in each request, httpx.AsyncClient, 25.0 ms" in finding.title


def test_a_client_that_connects_counts_however_soon_it_is_built() -> None:
    assert [one.evidence.call for one in find(built(REDIS, ms=0.05))] == ["redis.Redis"]


def test_cookies_are_told() -> None:
    (finding,) = find(built(HTTP, calls=(HttpCall("httpx", "GET", "rates", cookies=True),)))
    assert finding.evidence.cookies


def test_several_of_one_request_are_counted() -> None:
    (finding,) = find(built(HTTP, HTTP, HTTP))
    assert (finding.evidence.calls, finding.evidence.ms) == (3.0, 75.0)
