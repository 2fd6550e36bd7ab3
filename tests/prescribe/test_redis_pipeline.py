"""Redis answers for all rows at once, and says the same."""

import re

import pytest
import redis

from tests.prescribe.test_django_get_many import PAGE, advice, patched
from unslow.lab.patching import diff
from unslow.lab.prescribe import redis_pipeline
from unslow.model import Patch, Recommendation

HEAD = "from redis import Redis\n\nclient = Redis()\n\n\n"
ROWS = "def view():\n    items = ['a', 'b', 'a']\n"

UNCHANGED = {
    "a command that writes": ROWS + "    return [«client.incr(item)» for item in items]\n",
    "an option": ROWS + "    return [«client.getex(item, 5)» for item in items]\n",
    "a hash's field": ROWS + "    return [«client.hget('h', item)» for item in items]\n",
    "another function's loop": "def view(item):\n    return «client.get(item)»\n",
    "another kind of client": (
        "def view(store):\n    items = ['a']\n    return [«store.get(item)» for item in items]\n"
    ),
    "rows of an unknown kind": (
        "def view(items):\n    return [«client.get(item)» for item in items]\n"
    ),
    "a value that is written in the loop": (
        ROWS + "    for item in items:\n        print(«client.get(item)»)\n"
        "        client.incr(item)\n"
    ),
}


@pytest.mark.parametrize("body", UNCHANGED.values(), ids=UNCHANGED)
def test_nothing_but_advice_for(bench, body):
    (only,) = advice(bench, body, redis_pipeline, HEAD)
    assert isinstance(only, Recommendation)


def test_silent_where_the_cache_is_djangos(bench):
    head = "from django.core.cache import cache\n\n\n"
    body = ROWS + "    return [«cache.get(item)» for item in items]\n"
    assert advice(bench, body, redis_pipeline, head) == []


def test_mget(bench):
    body = ROWS + "    return [«client.get(f'v:{item}')» for item in items]\n"
    assert patched(bench, body, redis_pipeline, HEAD) == (
        ROWS + "    keys = [f'v:{item}' for item in items]\n"
        "    cached = dict(zip(keys, client.mget(keys))) if keys else {}\n"
        "    return [cached[f'v:{item}'] for item in items]\n"
    )


def test_a_pipeline_where_one_command_takes_one_key(bench):
    body = ROWS + "    return [«client.hgetall(item)» for item in items]\n"
    assert patched(bench, body, redis_pipeline, HEAD, "HGETALL") == (
        ROWS + "    keys = [item for item in items]\n"
        "    pipe = client.pipeline(transaction=False)\n    for key in keys:\n"
        "        pipe.hgetall(key)\n    cached = dict(zip(keys, pipe.execute()))\n"
        "    return [cached[item] for item in items]\n"
    )


def test_a_client_of_another_module_over_rows_of_sqlalchemy(bench):
    bench.write("from redis.asyncio import Redis\n\nstore = Redis()\n", "shop/cache.py")
    head = "from shop.cache import store\n\n\n"
    body = (
        "async def view(db):\n    items = await db.scalars(select(Item))\n    for item in items:\n"
        "        print(«await store.get(item.key)»)\n"
    )
    assert patched(bench, body, redis_pipeline, head) == (
        "async def view(db):\n    items = (await db.scalars(select(Item))).all()\n"
        "    keys = [item.key for item in items]\n"
        "    cached = dict(zip(keys, await store.mget(keys))) if keys else {}\n"
        "    for item in items:\n        print(cached[item.key])\n"
    )


@pytest.mark.parametrize("command", ["get", "hgetall", "exists"])
@pytest.mark.parametrize("items", [["a", "b", "a", "missing"], []])
def test_the_answers_are_the_same(bench, redis_server, command, items):
    head = f"import redis\n\nclient = redis.Redis.from_url('{redis_server.url}')\n\n\n"
    body = (
        f"def view():\n    items = {items}\n"
        f"    return [«client.{command}(f'{command}:{{item}}')» for item in items]\n"
    )
    with redis.Redis.from_url(redis_server.url) as client:
        client.mset({"get:a": "1", "get:b": "2", "exists:b": "3"})
        client.hset("hgetall:a", mapping={"n": 1})
    after = patched(bench, body, redis_pipeline, head)
    answers = []
    for text in (body.replace("«", "").replace("»", ""), after):
        names: dict = {}
        exec(head + text, names)
        answers.append(names["view"]())
        names["client"].close()
    assert answers[0] == answers[1]
    assert len(answers[0]) == len(items)


def test_the_page_shows_what_is_written(bench):
    text = PAGE.with_name("redis-pipeline.md").read_text()
    (example, *_) = re.findall(r"^```python\n(.*?)^```$", text, re.M | re.S)
    (expected, *_) = re.findall(r"^```diff\n(.*?)^```$", text, re.M | re.S)
    cause = 'await cache.get(f"visits:{product.id}")'
    bench.write("from redis.asyncio import Redis\n\ncache = Redis()\n", "shop/cache.py")
    marked = example.replace(cause, f"«{cause}»")
    (patch,) = advice(bench, marked, redis_pipeline, head="")
    assert isinstance(patch, Patch)
    assert diff([patch], bench.source.read) == expected
