"""Which calls to other services may wait forever."""

from tests.builders import plus, request, trace
from tests.sited import at
from unslow.lab.diagnose import untimed_http_call
from unslow.model import Finding, HttpCall, Trace

SOURCE = """
import requests

def view():
    return load("dollar")

def load(name):
    return requests.get(f"http://partner/{name}")
"""
STACK = (
    at(SOURCE, 'requests.get(f"http://partner/{name}")', "load"),
    at(SOURCE, 'load("dollar")', "view"),
)


def asked(timeout_s: float | None, route: str = "/rates") -> Trace:
    call = HttpCall("requests", "GET", "partner", "/*", timeout_s=timeout_s, stack=STACK)
    return trace(plus(request("GET", route), http_calls=(call,)))


def find(seen: Trace) -> list[Finding]:
    return list(untimed_http_call.find_in_source(seen, lambda path: SOURCE.encode()))


def test_silent_with_a_timeout() -> None:
    assert find(asked(5.0)) == []


def test_a_call_without_a_timeout_is_found() -> None:
    (finding,) = find(asked(None))
    assert (finding.cause, finding.symptom) == STACK
    assert finding.severity == "medium"
    assert "GET /rates asks GET partner/* without a timeout" in finding.title


def test_endpoints_that_share_the_call_share_the_finding() -> None:
    one, other = asked(None).requests[0], asked(None, "/prices").requests[0]
    (finding,) = find(trace(lambda n: one, lambda n: other))
    assert finding.endpoints == ("GET /rates", "GET /prices")
