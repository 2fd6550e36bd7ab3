"""What looks like a stopped event loop, and harms nobody."""

import pytest

from tests.builders import plus, request, trace
from tests.negatives.cases import cases, found_in
from unslow.model import Block, Site, Trace

SOURCE = """
import time, hashlib, requests

def endpoint():
    return requests.get("http://partner")

async def awaited(client):
    return await client.get("http://partner")

async def work(rows):
    return sorted(rows, key=str)

async def hashed(text):
    return hashlib.md5(text)

async def slow():
    return requests.get("http://partner")

key = lambda: requests.get("http://partner")
"""


def at(text: str, within: str) -> Site:
    start = SOURCE.index(text, SOURCE.index(within))
    line = SOURCE.count("\n", 0, start) + 1
    column = start - SOURCE.rfind("\n", 0, start) - 1
    return Site("shop/api.py", line, line, column, column + len(text), within)


def stopped(text: str, within: str, waited: float = 40.0, times: int = 4, of: int = 4) -> Trace:
    """`of` requests, `times` of which stop the loop at `text`."""
    plain = request("GET", "/page", ms=60.0)
    block = Block(0.0, 45.0, waited, "socket.recv", (at(text, within),))
    return trace(*[plus(plain, blocks=(block,))] * times, *[plain] * (of - times))


CALL = 'requests.get("http://partner")'

CASES = {
    "the call waits two milliseconds": stopped(CALL, "def slow", waited=2.0),
    "only the first request waits, for its imports": stopped(CALL, "def slow", times=1),
    "the thread waited for a processor, which is no waiting of its own": stopped(
        CALL, "def slow", waited=0.0
    ),
    "most of the time is work, of which a busy machine took some": stopped(
        CALL, "def slow", waited=12.0
    ),
    "the code works in Python, which another thread would not do faster": stopped(
        "sorted(rows, key=str)", "def work", waited=0.0
    ),
    "a short digest keeps the interpreter": stopped("hashlib.md5(text)", "def hashed", waited=0.0),
    "a plain endpoint runs in a thread of its own": stopped(CALL, "def endpoint"),
    "the library that is awaited stops the loop, not the application": stopped(
        'client.get("http://partner")', "def awaited"
    ),
    "a lambda is called by somebody else": stopped(CALL, "key = lambda"),
    "no line of the application was seen": trace(
        *[plus(request("GET", "/page"), blocks=(Block(0.0, 45.0, 40.0, "select"),))] * 4
    ),
}


@pytest.mark.parametrize("seen", cases(CASES))
def test_silent(seen: Trace) -> None:
    assert [one.title for one in found_in(seen, {"shop/api.py": SOURCE})] == []


def test_the_slow_form_fires() -> None:
    found = found_in(stopped(CALL, "def slow"), {"shop/api.py": SOURCE})
    assert [one.id for one in found] == ["blocking-call"]
