"""What caches find and miss, each read counted once, under the cache's own name."""

import json
import subprocess
import sys
from typing import Any

import pytest

DJANGO = """
import asyncio, json
from collections import Counter
from django.conf import settings
settings.configure(CACHES={caches})
from django.core.cache import cache, caches
from unslow.kit import _cache_reads
from unslow.observe import _embedded
{early}
_embedded.start()
counted = Counter()
_cache_reads.watch(lambda name, hits, misses: counted.update(
    {{f"{{name}} hits": hits, f"{{name}} misses": misses}}))
{body}
print(json.dumps(counted))
"""
REDIS = """
import asyncio, json, redis, redis.asyncio
from collections import Counter
from unslow.kit import _cache_reads
from unslow.observe import _embedded
_embedded.start()
counted = Counter()
_cache_reads.watch(lambda name, hits, misses: counted.update({{"hits": hits, "misses": misses}}))
names = set()
_cache_reads.watch(lambda name, hits, misses: names.add(name))
client = redis.Redis(host={host!r}, port={port}, db=3)
client.flushdb()
{body}
print(json.dumps([counted, *names]))
"""
LOCMEM = "django.core.cache.backends.locmem.LocMemCache"


def run(program: str) -> Any:
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def in_django(body: str, *, early: str = "", backend: str = LOCMEM, location: str = "") -> Any:
    caches = {
        alias: {"BACKEND": backend, "LOCATION": location or alias} for alias in ("default", "pages")
    }
    return run(DJANGO.format(caches=caches, body=body, early=early))


@pytest.mark.parametrize(
    "body", ["cache.set('a', 1)", "cache.delete('a')", "'a' in cache", "cache.add('a', 1)"]
)
def test_silent_on_what_reads_nothing(body) -> None:
    assert in_django(body) == {}


def test_hits_and_misses_have_the_name_of_the_alias() -> None:
    body = "cache.set('a', 1); cache.get('a'); cache.get('b'); caches['pages'].get('c', 7)"
    assert in_django(body) == {
        "default hits": 1,
        "default misses": 1,
        "pages hits": 0,
        "pages misses": 1,
    }


def test_a_cache_used_before_the_metrics_has_its_name_too() -> None:
    found = in_django("cache.get('a')", early="cache.set('a', 1)")
    assert found == {"default hits": 1, "default misses": 0}


def test_many_are_counted_by_key_and_once() -> None:
    body = "cache.set('a', 1); cache.get_many(key for key in 'abc')"
    assert in_django(body) == {"default hits": 1, "default misses": 2}


def test_get_or_set_counts_the_first_read_alone() -> None:
    body = "[cache.get_or_set('a', lambda: [1]) for _ in range(3)]"
    assert in_django(body) == {"default hits": 2, "default misses": 1}


def test_awaited_reads_are_counted_once() -> None:
    body = (
        "async def main():\n"
        "    await cache.aget('a')\n"
        "    await cache.aset('a', 1)\n"
        "    await cache.aget_many(['a', 'b'])\n"
        "    await cache.aget_or_set('c', 2)\n"
        "    await cache.aget_or_set('c', 2)\n"
        "asyncio.run(main())\n"
    )
    assert in_django(body) == {"default hits": 2, "default misses": 3}


def test_a_default_that_a_read_gives_is_still_returned() -> None:
    body = (
        "assert cache.get('a', 5) == 5 and cache.get('a', default=6) == 6\n"
        "assert cache.get_many(iter('ab')) == {}\n"
        "cache.set('n', None)\nassert cache.get('n', 1) is None\n"
    )
    assert in_django(body) == {"default hits": 1, "default misses": 4}


def test_djangos_cache_in_redis_is_counted_once_under_its_alias(redis_server) -> None:
    location = f"redis://{redis_server.host}:{redis_server.port}/4"
    body = "cache.clear(); cache.set('a', 1); cache.get('a'); cache.get_many(['a', 'b'])"
    found = in_django(
        body, backend="django.core.cache.backends.redis.RedisCache", location=location
    )
    assert found == {"default hits": 2, "default misses": 1}


@pytest.mark.parametrize(
    ("body", "hits", "misses"),
    [
        ("client.set('a', 1); client.get('a'); client.get('b')", 1, 1),
        ("client.set('a', 1); client.mget('a', 'b', 'c')", 1, 2),
        ("client.hset('h', 'x', 1); client.hget('h', 'x'); client.hmget('h', 'x', 'y')", 2, 1),
        ("client.hgetall('h')", 0, 1),
        ("client.getdel('a'); client.getex('a')", 0, 2),
        ("p = client.pipeline(); p.set('a', 1); p.get('a'); p.get('b'); p.execute()", 1, 1),
        (
            "async def main():\n"
            "    other = redis.asyncio.Redis(host=client.get_connection_kwargs()['host'],"
            " port=client.get_connection_kwargs()['port'], db=3)\n"
            "    await other.get('a')\n"
            "    await other.aclose()\n"
            "asyncio.run(main())",
            0,
            1,
        ),
    ],
)
def test_redis_clients_are_named_by_their_place(redis_server, body, hits, misses) -> None:
    host, port = redis_server.host, redis_server.port
    counted, name = run(REDIS.format(host=host, port=port, body=body))
    assert counted == {"hits": hits, "misses": misses}
    assert name == f"{host}:{port}/3"


@pytest.mark.parametrize("body", ["client.set('a', 1)", "client.exists('a')", "client.incr('n')"])
def test_silent_on_commands_that_read_no_value(redis_server, body) -> None:
    host, port = redis_server.host, redis_server.port
    assert run(REDIS.format(host=host, port=port, body=body)) == [{}]
