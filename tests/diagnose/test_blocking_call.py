"""Which calls stop the event loop, and where they are made."""

from tests.builders import plus, request, sites, trace
from unslow.lab.diagnose import blocking_call, diagnose
from unslow.model import Block, Finding, Site, Trace

SOURCE = """
import time, urllib.request, asyncio

def fetch(url):
    return urllib.request.urlopen(url)

async def rates():
    return fetch("http://partner/rates")

async def nap():
    time.sleep(0.05)
"""


def at(text: str, within: str, source: str = SOURCE) -> Site:
    start = source.index(text, source.index(f"def {within}"))
    line = source.count("\n", 0, start) + 1
    column = start - source.rfind("\n", 0, start) - 1
    return Site("shop/api.py", line, line, column, column + len(text), within)


FETCH = (at("urllib.request.urlopen(url)", "fetch"), at('fetch("http://partner/rates")', "rates"))
NAP = (at("time.sleep(0.05)", "nap"),)


def blocked(stack: tuple[Site, ...] = FETCH, waited: float = 40.0, ms: float = 45.0) -> Block:
    return Block(1.0, ms, waited, "socket.SocketIO.readinto", stack)


def seen(*blocks: Block, times: int = 2, route: str = "/rates") -> Trace:
    one = plus(request("GET", route, ms=60.0), blocks=blocks)
    return trace(*[one] * times)


def find(trace: Trace, source: str = SOURCE) -> list[Finding]:
    return list(blocking_call.find_in_source(trace, lambda path: source.encode()))


def test_silent_where_nothing_stops_the_loop() -> None:
    assert find(seen()) == []


def test_silent_where_the_source_cannot_be_read() -> None:
    assert [one for one in diagnose(seen(blocked())) if one.id == "blocking-call"] == []


def test_the_cause_is_the_call_of_the_coroutine() -> None:
    (finding,) = find(seen(blocked()))
    assert finding.cause == FETCH[1]
    assert finding.symptom == FETCH[0]
    assert finding.endpoints == ("GET /rates",)
    assert finding.evidence.ms == 40.0
    assert finding.cost.ms_per_request == 40.0
    assert "stops the event loop for 40 ms in fetch()" in finding.title


def test_a_sleep_is_its_own_cause() -> None:
    (finding,) = find(seen(blocked(NAP)))
    assert finding.cause == finding.symptom == NAP[0]


def test_short_stops_in_one_place_add_up() -> None:
    (finding,) = find(seen(*[blocked(waited=3.0, ms=4.0)] * 4))
    assert finding.evidence.ms == 12.0


def test_work_that_leaves_the_interpreter_counts_though_nobody_waits() -> None:
    source = "import hashlib\nasync def login():\n    return hashlib.scrypt(b'')\n"
    site = at("hashlib.scrypt(b'')", "login", source)
    assert len(find(seen(blocked((site,), waited=0.0)), source)) == 1


def test_endpoints_that_share_the_call_share_the_finding() -> None:
    one, other = seen(blocked()), seen(blocked(), route="/prices")
    both = trace(*(lambda n, r=r: r for r in (*one.requests, *other.requests)))
    (finding,) = find(both)
    assert set(finding.endpoints) == {"GET /rates", "GET /prices"}


def test_a_frame_of_the_trace_is_no_coroutine_of_the_source() -> None:
    assert find(seen(blocked(sites("shop/other.py:900:4 view")))) == []
