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
