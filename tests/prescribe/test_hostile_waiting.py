"""Waiting in ways that nobody expects: what is written waits as safely, or nothing changes."""

# ruff: noqa: E501 -- sources in one line

import pytest

from tests.prescribe.waiting import advice, fixed
from unslow.lab.prescribe import asyncio_gather, asyncio_to_thread, http_timeout, module_client
from unslow.model import Patch

CLIENT = {"call": "httpx.Client"}


def patches(bench, fixer, **evidence):
    return [bench.apply(p) for p in advice(bench, fixer, **evidence) if isinstance(p, Patch)]


BUILT = {
    "a header of each request": "def f(t):\n    c = «Client()»\n    c.headers['a'] = t\n    c.get(1)\n",
    "headers of each request": "def f(t):\n    c = «Client()»\n    c.headers.update(a=t)\n    c.get(1)\n",
    "the user's key": "def f(t):\n    with «Client()» as c:\n        c.auth = t\n        c.get(1)\n",
    "an argument": "URL = 'a'\n\n\ndef f(URL):\n    c = «Client(base_url=URL)»\n    c.get(1)\n",
    "a constant below": "def f():\n    c = «Client(base_url=URL)»\n    c.get(1)\n\n\nURL = 'a'\n",
    "a variable": "URL = 'a'\n\n\ndef f():\n    c = «Client(base_url=URL)»\n    c.get(1)\n\n\n"
    "def g(u):\n    global URL\n    URL = u\n",
    "a loop's": "URL = 'a'\n\n\ndef f(u):\n    for URL in u:\n        c = «Client(base_url=URL)»\n"
    "        c.get(1)\n",
    "a key of each request": "from keys import key\n\n\ndef f():\n    c = «Client(auth=key())»\n"
    "    c.get(1)\n",
}


@pytest.mark.parametrize("case", BUILT)
def test_the_client_is_still_built_by_each_request(bench, case):
    bench.write(f"from httpx import Client\n\n{BUILT[case]}")
    assert patches(bench, module_client, **CLIENT) == []


BLOCKING = {
    "a lock of threads": "async def f(u):\n    with lock:\n        return «requests.get(u)»\n",
    "a lock of a class": "async def f(self, u):\n    with self._lock:\n        return «get(u)»\n",
    "the end of an iterator": "async def f(rows):\n    return «next(rows)»\n",
    "generator": "async def f(rows):\n    return list(«get(u)» for u in rows)\n",
    "lambda": "async def f(rows):\n    return map(lambda u: «get(u)», rows)\n",
    "default": "async def f(rows):\n    def g(a=«get(1)»):\n        return a\n    return g\n",
    "inner function": "async def f(u):\n    def g():\n        return «get(u)»\n    return g()\n",
    "class": "async def f(u):\n    class A:\n        a = «get(u)»\n    return A\n",
}


@pytest.mark.parametrize("case", BLOCKING)
def test_the_call_still_blocks(bench, case):
    bench.write(f"import requests\nfrom requests import get\n\n\n{BLOCKING[case]}")
    assert patches(bench, asyncio_to_thread) == []


AWAITED = {
    "comprehension": ("[«get(u)» for u in us]", "[await asyncio.to_thread(get, u) for u in us]"),
    "walrus": ("(a := «get(us)»).ok and a", "(a := await asyncio.to_thread(get, us)).ok and a"),
    "power": ("2 ** «get(us)»", "2 ** (await asyncio.to_thread(get, us))"),
    "f-string": ("f'{«get(us)»}'", "f'{await asyncio.to_thread(get, us)}'"),
    "conditional": ("«get(us)» if us else 1", "await asyncio.to_thread(get, us) if us else 1"),
    "attribute": ("«get(us)».json()['a']", "(await asyncio.to_thread(get, us)).json()['a']"),
    "starred": ("[*«get(us)»]", "[*(await asyncio.to_thread(get, us))]"),
    "arguments": ("«get(*us, a=1)»", "await asyncio.to_thread(get, *us, a=1)"),
    "negated": ("not «get(us)»", "not (await asyncio.to_thread(get, us))"),
}


@pytest.mark.parametrize("case", AWAITED)
def test_the_call_is_awaited(bench, case):
    before, after = AWAITED[case]
    bench.write(f"from requests import get\n\n\n@one\nasync def f(us):\n    return {before}\n")
    text = fixed(bench, asyncio_to_thread)
    assert text.endswith(f"    return {after}\n")
    compile(text, "api.py", "exec")


UNTIMED = {
    "by position": "import urllib.request\n\nurllib.request.urlopen\n«urlopen(u, None, 3)»\n",
    "of a connection": "import http.client\n\nc = http.client.HTTPSConnection('a')\n"
    "«c.request('GET', '/')»\n",
    "options": "«requests.get(u, **options)»\n",
    "given": "«requests.get(u, timeout=t)»\n",
    "of another name": "«ask(u)»\n",
    "generator": "«requests.get(u for u in us)»\n",
}


@pytest.mark.parametrize("case", UNTIMED)
def test_no_timeout_is_written(bench, case):
    bench.write(UNTIMED[case])
    assert patches(bench, http_timeout) == []


def test_an_empty_line_parts_a_docstring_from_a_function(bench):
    bench.write(
        'async def f(client):\n    """Reads."""\n'
        "    a = («await client.get(1)»).json()\n    b = «await client.get(2)»\n    return a, b\n"
    )
    uses = tuple(bench.sites)
    text = fixed(bench, asyncio_gather, id="sequential-calls", uses=uses)
    assert '    """Reads."""\n\n    async def read_a():\n' in text
