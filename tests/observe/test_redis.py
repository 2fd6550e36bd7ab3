"""redis-py connections of every kind go to the database that the collector names."""

import pytest
import redis

SOURCE = """
import asyncio, redis
import redis.asyncio

URLS = {
    "/tcp": "redis://nobody:secret@original.invalid:6379/0",
    "/tls": "rediss://original.invalid:6379/0",
    "/file": "unix:///nowhere/redis.sock?db=0",
}

async def get(url):
    async with redis.asyncio.from_url(url) as client:
        await client.set("async", url)
        return await client.get("async")

def application(environ, start_response):
    url = URLS[environ["PATH_INFO"]]
    client = redis.from_url(url)
    client.set("sync", url)
    body = client.get("sync") + b" " + asyncio.run(get(url))
    start_response("200 OK", [])
    return [body]
"""

COMMAND = ("-m", "gunicorn", "-b", "127.0.0.1:{port}", "--no-control-socket", "server")


@pytest.mark.parametrize("path", ["/tcp", "/tls", "/file"])
def test_connections_are_redirected(app, redis_server, path):
    def answer(question):
        assert question["engine"] == "redis"
        assert question["db"] == 0
        return {"host": redis_server.host, "port": redis_server.port, "db": 3}

    with app.write(server=SOURCE).run(*COMMAND, answer=answer) as running:
        seen = running.observe(path)
        assert (seen["status"], seen["error"]) == (200, "")
        asked = running.collector.questions[0]
        assert asked.get("host", asked.get("path")) in ("original.invalid", "/nowhere/redis.sock")
        with redis.Redis(redis_server.host, redis_server.port, db=3) as client:
            url = client.get("sync")
            assert url == client.get("async")
            assert url.decode().startswith({"/tcp": "redis:", "/tls": "rediss:"}.get(path, "unix:"))
        assert running.collector.of("error") == []


def test_a_refused_connection_fails_inside_the_application(app):
    with app.write(server=SOURCE).run(*COMMAND) as running:
        assert running.observe("/tcp")["error"].startswith("ConnectionError: nothing to connect")


CALLS = """
import asyncio, redis
import redis.asyncio

URL = "redis://original.invalid:6379/0"
client = redis.from_url(URL)

async def ask():
    async with redis.asyncio.from_url(URL) as other:
        await other.set("user:17:name", "Ada", ex=60)
        return await other.get("user:17:name")

def application(environ, start_response):
    client.set("forever", "x" * 100)
    client.get("user:18:name")
    client.mget(["a", "b", "c"])
    with client.pipeline(transaction=False) as pipe:
        pipe.setex("short", 30, "value")
        pipe.get("short")
        pipe.execute()
    asyncio.run(ask())
    start_response("200 OK", [])
    return [b"done"]
"""


def test_each_round_trip_is_recorded_with_its_place(app, redis_server):
    def answer(question):
        return {"host": redis_server.host, "port": redis_server.port, "db": 5}

    with app.write(server=CALLS).run(*COMMAND, answer=answer) as running:
        running.observe("/")  # a second request has no handshakes
        calls = running.observe("/")["cache_calls"]
        assert running.collector.of("error") == []
    kept = [(call["command"], call["key"], call["keys"], call["commands"]) for call in calls]
    assert kept == [
        ("SET", "forever", 1, 1),
        ("GET", "user:*:name", 1, 1),
        ("MGET", "a", 3, 1),
        ("SETEX", "short", 2, 2),
        ("SET", "user:*:name", 1, 1),
        ("GET", "user:*:name", 1, 1),
    ]
    assert [call["ttl_s"] for call in calls] == [None, None, None, 30.0, 60.0, None]
    assert [call["hit"] for call in calls] == [None, False, False, None, None, True]
    assert [call["writes"] for call in calls] == [True, False, False, True, True, False]
    assert calls[0]["bytes"] == len("forever") + 100
    lines = [call["stack"][0]["line"] for call in calls]
    assert lines == [14, 15, 16, 20, 10, 11]
    assert all(call["duration_ms"] > 0 for call in calls)
    assert calls[1]["key_digest"] != calls[5]["key_digest"]
