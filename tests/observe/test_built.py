"""Redis clients and engines that a request builds."""

SOURCE = """
import redis, redis.asyncio, sqlalchemy

POOL = redis.ConnectionPool()

def application(environ, start_response):
    {
        "/redis": lambda: redis.Redis(),
        "/url": lambda: redis.from_url("redis://localhost"),
        "/async": lambda: redis.asyncio.from_url("redis://localhost"),
        "/pool": lambda: redis.Redis(connection_pool=POOL),
        "/engine": lambda: sqlalchemy.create_engine("sqlite://"),
    }[environ["PATH_INFO"]]()
    start_response("200 OK", [])
    return [b"done"]
"""
COMMAND = ("-m", "gunicorn", "-b", "127.0.0.1:{port}", "--no-control-socket", "server")
BUILT = {
    "/redis": ["redis.Redis"],
    "/url": ["redis.Redis"],
    "/async": ["redis.asyncio.Redis"],
    "/pool": [],
    "/engine": ["sqlalchemy.Engine"],
}


def test_clients_are_built_once_each(app):
    with app.write(server=SOURCE).run(*COMMAND) as running:
        seen = {path: running.observe(path) for path in BUILT}
        assert running.collector.of("error") == []
    assert {
        path: [one["what"] for one in record.get("built", [])] for path, record in seen.items()
    } == BUILT
    assert seen["/engine"]["built"][0]["stack"][0]["line"] == 12
