"""How an endpoint that awaits nothing becomes a plain function."""

import pytest

from tests.prescribe.waiting import advice, assert_page, patch
from unslow.lab.prescribe import plain_endpoint as fixer

HEAD = "import requests\nfrom fastapi import APIRouter\n\nrouter = APIRouter()\n\n\n"
SLOW = f'{HEAD}@router.get("/rate")\nasync def rate():\n    return «requests.get(URL)».json()\n'


@pytest.mark.parametrize(
    "text",
    [
        SLOW.replace("async def", "def"),
        SLOW.replace("from fastapi import", "from flask import"),
        SLOW.replace('@router.get("/rate")\n', ""),
        SLOW.replace('@router.get("/rate")\n', '@router.get("/rate")\n@kept\n'),
        SLOW.replace("    return", "    await ready()\n    return"),
        SLOW.replace("    return", "    async with ready():\n        pass\n    return"),
        SLOW.replace("    return", "    rows = [one async for one in ready()]\n    return"),
        SLOW.replace("    return", "    asyncio.create_task(ready())\n    return"),
        SLOW.replace("    return", "    events.put_nowait(1)\n    return"),
        SLOW.replace("    return", "    global seen\n    return"),
        SLOW.replace("    return", "    yield 1\n    return_ ="),
        SLOW + "\n\nasync def again():\n    return await rate()\n",
        SLOW.replace("return «requests.get(URL)».json()", "return «requests.URL»"),
    ],
    ids=[
        "plain", "another framework", "no route", "decorated otherwise", "awaits", "async with",
        "async for", "starts a task", "a queue of the loop", "global state", "a generator",
        "awaited elsewhere", "no call",
    ],
)  # fmt: skip
def test_nothing_is_written(bench, text) -> None:
    bench.write(text)
    assert advice(bench, fixer) == []


@pytest.mark.parametrize(
    "other",
    ["from shop.views import rate\n", "async def run():\n    await rate()\n", "views.rate\n"],
)
def test_nothing_is_written_where_another_module_uses_it(bench, other) -> None:
    bench.write(SLOW)
    bench.write(other, "shop/other.py")
    assert advice(bench, fixer) == []


def test_the_endpoint_becomes_plain(bench) -> None:
    bench.write(SLOW)
    found = patch(bench, fixer)
    (text,) = bench.apply(found).values()
    assert text == SLOW.replace("async def", "def").replace("«", "").replace("»", "")
    assert (found.metric, found.at_once, found.safety) == ("wall", 4, "review")


def test_the_page_shows_what_is_written(bench) -> None:
    assert_page(bench, fixer, 'urlopen("https://rates.example/today", timeout=5)')
