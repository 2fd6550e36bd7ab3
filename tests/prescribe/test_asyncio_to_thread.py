"""How a blocking call is awaited in another thread."""

# ruff: noqa: E501 -- a line before and after reads best side by side

import ast

import pytest

from tests.prescribe.waiting import advice, assert_page, fixed, patch, refused
from unslow.lab.prescribe import asyncio_to_thread as fixer


@pytest.mark.parametrize(
    "text",
    [
        "import time\n\ndef view():\n    «time.sleep(1)»\n",
        "import time\n\nasync def view():\n    return lambda: «time.sleep(1)»\n",
        "import time\n\nasync def view(rows):\n    return (x for x in rows if «time.sleep(x)»)\n",
        "async def view(rows):\n    return «total(row.size for row in rows)»\n",
        "async def outer():\n    def inner(x=«fetch(1)»):\n        pass\n",
        "import time\n\n«time.sleep(1)»\n",
    ],
    ids=["plain function", "lambda", "generator", "generator as argument", "default", "module"],
)
def test_nothing_is_written_where_nothing_can_be_awaited(bench, text) -> None:
    bench.write(text)
    assert refused(bench, fixer)


def test_a_name_that_means_something_else_is_left_alone(bench) -> None:
    bench.write("import trio as asyncio\n\nasync def view():\n    «fetch(1)»\n")
    assert "asyncio" in refused(bench, fixer)


def test_silent_without_a_call(bench) -> None:
    bench.write("async def view(row):\n    return «row.total»\n")
    assert advice(bench, fixer) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("return «requests.get(url, timeout=3)»", "return await asyncio.to_thread(requests.get, url, timeout=3)"),
        ("return «requests.get(url)».json()", "return (await asyncio.to_thread(requests.get, url)).json()"),
        ("rows = [«fetch(one)» for one in ids]", "rows = [await asyncio.to_thread(fetch, one) for one in ids]"),
        ("return send(«fetch(*ids, **kw)»)", "return send(await asyncio.to_thread(fetch, *ids, **kw))"),
        ("return «fetch()» + 1", "return (await asyncio.to_thread(fetch)) + 1"),
        ("with «urlopen(url)» as answer:\n        pass", "with await asyncio.to_thread(urlopen, url) as answer:\n        pass"),
        ("«time.sleep(0.5)»", "await asyncio.sleep(0.5)"),
        ("«clock.sleep(0.5)»", "await asyncio.to_thread(clock.sleep, 0.5)"),
        ("return «fetch(\n        url,\n        3,\n    )»", "return await asyncio.to_thread(fetch, url, 3)"),
    ],
)  # fmt: skip
def test_the_call_is_awaited(bench, before, after) -> None:
    bench.write(f'"""Doc."""\nimport time\n\n\nasync def view(url):\n    {before}\n')
    text = fixed(bench, fixer)
    assert (
        text == f'"""Doc."""\nimport asyncio\nimport time\n\n\nasync def view(url):\n    {after}\n'
    )
    ast.parse(text)


def test_an_import_elsewhere_is_none_of_the_module(bench) -> None:
    bench.write(
        "import os\n\n\ndef main():\n    import asyncio\n\n\nasync def view():\n    «fetch(1)»\n"
    )
    assert fixed(bench, fixer).startswith("import asyncio\nimport os\n")


def test_what_is_imported_is_not_imported_again(bench) -> None:
    bench.write("import asyncio\n\nasync def view():\n    «fetch(1)»\n")
    assert fixed(bench, fixer).count("import asyncio") == 1


def test_it_is_judged_by_the_wall_time_of_requests_that_meet(bench) -> None:
    bench.write("async def view():\n    «fetch(1)»\n")
    found = patch(bench, fixer)
    assert (found.metric, found.safety) == ("wall", "review")
    assert found.at_once > 1


def test_the_page_shows_what_is_written(bench) -> None:
    assert_page(bench, fixer, 'urllib.request.urlopen("https://rates.example/today", timeout=5)')


def test_silent_where_the_endpoint_need_not_be_a_coroutine(bench) -> None:
    bench.write(
        "from fastapi import APIRouter\n\nrouter = APIRouter()\n\n\n"
        "@router.get('/')\nasync def view():\n    return «fetch(1)»\n"
    )
    assert advice(bench, fixer) == []
