"""Calls to other services that are made in turn, and for a reason."""

import pytest

from tests.builders import plus, request, trace
from tests.negatives.cases import cases, found_in
from tests.sited import at
from unslow.model import HttpCall, Trace

SOURCE = """
async def slow(client):
    a = await client.get("/a")
    b = await client.get("/b")
    return a, b

async def needs(client):
    a = await client.get("/a")
    b = await client.get(a.url)
    return a, b

async def token(client):
    a = await client.get("/a")
    client.headers["token"] = a.text
    b = await client.get("/b")
    return b

async def tries(client):
    try:
        a = await client.get("/a")
    except OSError:
        a = await client.get("/b")
    return a

async def gathered(client):
    a, b = await gather(client.get("/a"), client.get("/b"))
    return a, b

def plain(client):
    a = client.get("/a")
    b = client.get("/b")
    return a, b

async def opened(client):
    async with client.stream("/a") as a:
        b = await client.get("/b")
    return a, b
"""
FIRST, SECOND = 'await client.get("/a")', 'await client.get("/b")'


def seen(
    within: str,
    *texts: str,
    methods: tuple[str, str] = ("GET", "GET"),
    ms: float = 20.0,
    blocking: bool = False,
) -> Trace:
    calls = tuple(
        HttpCall(
            "httpx-async",
            method,
            "partner",
            duration_ms=ms,
            blocking=blocking,
            timeout_s=5.0,
            stack=(at(SOURCE, text, within),),
        )
        for text, method in zip(texts or (FIRST, SECOND), methods, strict=True)
    )
    return trace(*[plus(request("GET", "/page", ms=60.0), http_calls=calls)] * 2)


CASES = {
    "the second asks what the first answered": seen("needs", FIRST, "await client.get(a.url)"),
    "the client is changed in between": seen("token"),
    "the second is asked when the first fails": seen("tries"),
    "they are asked together": seen("gathered", 'client.get("/a")', 'client.get("/b")'),
    "nothing is awaited in a plain function": seen("plain", 'client.get("/a")', 'client.get("/b")'),
    "the first answer is read while the second is asked": seen(
        "opened", 'client.stream("/a")', SECOND
    ),
    "both together take two milliseconds": seen("slow", ms=1.0),
    "the second changes something": seen("slow", methods=("GET", "POST")),
    "the first changes something": seen("slow", methods=("DELETE", "GET")),
    "each stops the event loop, which is another finding": seen("slow", blocking=True),
}


@pytest.mark.parametrize("seen", cases(CASES))
def test_silent(seen: Trace) -> None:
    found = found_in(seen, {"shop/api.py": SOURCE})
    assert [one.title for one in found if one.id != "blocking-call"] == []


def test_the_slow_form_fires() -> None:
    found = found_in(seen("slow"), {"shop/api.py": SOURCE})
    assert [one.id for one in found] == ["sequential-http-calls"]
