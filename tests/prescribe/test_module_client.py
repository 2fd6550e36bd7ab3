"""How a client of one request becomes one of the process."""

# ruff: noqa: E501 -- sources in one line

import pytest

from tests.prescribe.waiting import advice, assert_page, fixed, patch, refused
from unslow.lab.prescribe import module_client as fixer

ASYNC = {"call": "httpx.AsyncClient"}
REDIS = {"call": "redis.Redis"}


@pytest.mark.parametrize(
    ("text", "evidence"),
    [
        ("def view(key):\n    c = «httpx.Client(headers=key)»\n", {"call": "httpx.Client"}),
        ("def view():\n    c = «Redis()»\n    c.close()\n", REDIS),
        ("def view():\n    return «Redis()»\n", REDIS),
        ("def view():\n    c = «Redis()»\n    with c:\n        c.get(1)\n", REDIS),
        ("def view():\n    with «Redis()» as c, d:\n        c.get(1)\n", REDIS),
        ("def view():\n    with «Redis()» as c:\n        c.close()\n", REDIS),
        ("def view(c):\n    with «Redis()» as c:\n        c.get(1)\n", REDIS),
        ("def view():\n    use(«Redis()»)\n", REDIS),
        ("def view():\n    «httpx.get(url, verify=False)»\n", {"call": "httpx.Client"}),
        ("def view():\n    «requests.get(url)»\n", {"call": "requests.Session"}),
        ("async def view():\n    s = «ClientSession()»\n", {"call": "aiohttp.ClientSession"}),
        ("def view():\n    c = «Redis()»\n", {"call": "redis.Redis", "cookies": True}),
        ("client = shared_client = 1\n\n\ndef view():\n    c = «Client()»\n", {"call": "httpx.Client"}),
    ],
    ids=[
        "arguments of the request", "closed", "returned", "a block later", "two in a block",
        "closed in its block", "a parameter of its name", "given away", "options of the client",
        "requests", "aiohttp", "cookies", "no free name",
    ],
)  # fmt: skip
def test_nothing_is_written(bench, text, evidence) -> None:
    bench.write(text)
    assert refused(bench, fixer, **evidence)


def test_silent_without_a_call(bench) -> None:
    bench.write("def view(row):\n    return «row.client»\n")
    assert advice(bench, fixer, **REDIS) == []


def test_a_block_loses_its_head(bench) -> None:
    bench.write(
        "import httpx\n\nLIMIT = 5\n\n\n@router.get('/')\nasync def view():\n"
        "    async with «httpx.AsyncClient(timeout=LIMIT)» as http:\n"
        "        # ask\n"
        "        if await http.get(1):\n"
        "            return 1\n"
        "    return 2\n"
    )
    assert fixed(bench, fixer, **ASYNC) == (
        "import httpx\n\nLIMIT = 5\n\n\nhttp = httpx.AsyncClient(timeout=LIMIT)\n\n\n"
        "@router.get('/')\nasync def view():\n"
        "    # ask\n"
        "    if await http.get(1):\n"
        "        return 1\n"
        "    return 2\n"
    )


def test_a_name_that_is_taken_is_bound_within(bench) -> None:
    bench.write(
        "import http\n\n\nasync def view():\n    async with «Client()» as http:\n"
        "        await http.get(1)\n"
    )
    assert fixed(bench, fixer, **ASYNC) == (
        "import http\n\n\nclient = Client()\n\n\nasync def view():\n    http = client\n"
        "    await http.get(1)\n"
    )


def test_an_assignment_takes_the_shared_client(bench) -> None:
    bench.write("from redis import Redis\n\n\ndef view():\n    c = «Redis(db=3)»\n    c.get(1)\n")
    assert fixed(bench, fixer, **REDIS) == (
        "from redis import Redis\n\n\nredis_client = Redis(db=3)\n\n\ndef view():\n"
        "    c = redis_client\n    c.get(1)\n"
    )


def test_a_call_of_the_library_becomes_one_of_the_client(bench) -> None:
    bench.write("import httpx\n\n\ndef view(url):\n    return «httpx.get(url, timeout=5)».json()\n")
    assert fixed(bench, fixer, call="httpx.Client") == (
        "import httpx\n\n\nclient = httpx.Client()\n\n\ndef view(url):\n"
        "    return client.get(url, timeout=5).json()\n"
    )


def test_it_is_judged_by_wall_time(bench) -> None:
    bench.write("import httpx\n\n\ndef view(url):\n    return «httpx.get(url)»\n")
    assert patch(bench, fixer, call="httpx.Client").metric == "wall"


def test_the_page_shows_what_is_written(bench) -> None:
    assert_page(bench, fixer, "httpx.AsyncClient(timeout=5)", **ASYNC)
