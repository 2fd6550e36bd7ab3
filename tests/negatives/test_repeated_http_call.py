"""Calls that repeat, and have to."""

import pytest

from tests.builders import plus, request, trace
from tests.negatives.cases import cases, found_in
from tests.sited import at
from unslow.model import HttpCall, Trace

SOURCE = """
async def slow(rows):
    return [await ask(row) for row in rows]

async def pages(url):
    while url:
        url = (await ask(url)).next
    return url

async def first(rows):
    for row in rows:
        answer = await ask(row)
        if answer:
            return answer

async def retry(rows):
    for row in rows:
        try:
            answer = await ask(row)
        except OSError:
            pass
    return answer

async def once(rows):
    for row in await ask(rows):
        print(row)

async def stream(rows):
    async for row in rows:
        await ask(row)

def later(rows):
    return [lambda: ask(row) for row in rows]
"""


def asked(
    within: str = "slow",
    text: str = "await ask(row)",
    *,
    times: int = 6,
    digest: str = "",
    method: str = "GET",
    ms: float = 20.0,
    gap: float = 1.0,
) -> Trace:
    """Calls in turn; `gap` is how much of its time passes before the next begins."""
    stack = (at(SOURCE, text, within),)
    calls = tuple(
        HttpCall("httpx-async", method, "partner", "/*", digest or f"d{n}", n * ms * gap, ms,
                 timeout_s=5.0, stack=stack)
        for n in range(times)
    )  # fmt: skip
    return trace(*[plus(request("GET", "/page", ms=200.0), http_calls=calls)] * 2)


CASES = {
    "the next page is known from the last": asked("pages", "await ask(url)"),
    "the loop ends with the first answer": asked("first"),
    "the loop tries again": asked("retry"),
    "the question is asked once, before the loop": asked("once", "await ask(rows)"),
    "the rows come one by one themselves": asked("stream"),
    "somebody else calls it later": asked("later", "ask(row)"),
    "one question is asked again and again": asked(digest="same"),
    "there are three rows": asked(times=3),
    "the calls change something": asked(method="POST"),
    "all are asked at the same time": asked(gap=0.1),
    "all of it takes three milliseconds": asked(ms=0.5),
}


@pytest.mark.parametrize("seen", cases(CASES))
def test_silent(seen: Trace) -> None:
    assert [one.title for one in found_in(seen, {"shop/api.py": SOURCE})] == []


def test_the_slow_form_fires() -> None:
    found = found_in(asked(), {"shop/api.py": SOURCE})
    assert [one.id for one in found] == ["repeated-http-call"]
