"""Calls that end by themselves, or that nobody wants to end."""

import pytest

from tests.builders import plus, request, trace
from tests.negatives.cases import cases, found_in
from tests.sited import at
from unslow.model import HttpCall, Site, Trace

SOURCE = """
async def slow(client):
    return await client.get("/")

async def events(client):
    async with client.stream("GET", "/events") as answer:
        return answer

def download(session):
    return session.get("/file", stream=True)

async def socket(session):
    return await session.ws_connect("/live")
"""


def asked(
    timeout_s: float | None = None,
    text: str = 'await client.get("/")',
    within: str = "slow",
    library: str = "httpx-async",
) -> Trace:
    stack: tuple[Site, ...] = (at(SOURCE, text, within),) if text else ()
    call = HttpCall(library, "GET", "partner", timeout_s=timeout_s, stack=stack)
    return trace(plus(request("GET", "/page"), http_calls=(call,)))


CASES = {
    "the call has a timeout": asked(3.0),
    "the client's usual timeout counts": asked(5.0, library="httpx"),
    "aiohttp gives up after five minutes": asked(300.0, library="aiohttp-async"),
    "the process has a default for sockets": asked(60.0, library="urllib"),
    "a timeout of a fraction of a second": asked(0.5),
    "events are read as they come": asked(None, 'client.stream("GET", "/events")', "events"),
    "a file is read as it comes": asked(None, 'session.get("/file", stream=True)', "download"),
    "a socket is meant to stay open": asked(None, 'await session.ws_connect("/live")', "socket"),
    "no line of the application was seen": asked(None, ""),
}


@pytest.mark.parametrize("seen", cases(CASES))
def test_silent(seen: Trace) -> None:
    assert [one.title for one in found_in(seen, {"shop/api.py": SOURCE})] == []


def test_the_slow_form_fires() -> None:
    found = found_in(asked(), {"shop/api.py": SOURCE})
    assert [one.id for one in found] == ["untimed-http-call"]
