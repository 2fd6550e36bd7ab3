"""Which calls to other services are awaited in turn though none needs the others."""

from tests.builders import plus, request, trace
from tests.sited import at
from unslow.lab.diagnose import sequential_http_calls
from unslow.model import Finding, HttpCall, Trace

SOURCE = """
async def pair(client):
    dollar = await client.get("/dollar")
    yen = await client.get("/yen")
    return dollar, yen
"""
TEXTS = ('await client.get("/dollar")', 'await client.get("/yen")')


def called(*texts: str) -> Trace:
    calls = tuple(
        HttpCall(
            "httpx-async", "GET", "rates", "/*", duration_ms=20.0, stack=(at(SOURCE, one, "pair"),)
        )
        for one in texts
    )
    return trace(plus(request("GET", "/pair", ms=50.0), http_calls=calls))


def find(seen: Trace) -> list[Finding]:
    return list(sequential_http_calls.find_in_source(seen, lambda path: SOURCE.encode()))


def test_silent_on_one_call() -> None:
    assert find(called(TEXTS[0])) == []


def test_two_calls_in_turn_are_found_at_the_first() -> None:
    (finding,) = find(called(*TEXTS))
    assert (finding.id, finding.cause) == ("sequential-http-calls", at(SOURCE, TEXTS[0], "pair"))
    assert finding.evidence.call == "GET rates/*"
    assert finding.evidence.ms == 20.0
    assert finding.cost.share == 0.4
