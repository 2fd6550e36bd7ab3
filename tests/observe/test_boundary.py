"""Requests are seen under every server, started by its usual command, without an edit."""

import asyncio

import pytest

from unslow.observe import _boundary

WSGI = """
import os

def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/fail":
        raise ValueError("the application's own error")
    if path == "/stream":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return (b"x" * 10 for _ in range(3))
    if path == "/file":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return environ["wsgi.file_wrapper"](open(__file__, "rb"))
    start_response("201 Created", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    return [b"hello"]
"""

ASGI = """
import asyncio

async def application(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": "hello"})
        await send({"type": "websocket.close"})
        return
    if scope["path"] == "/fail":
        raise ValueError("the application's own error")
    await send({"type": "http.response.start", "status": 201, "headers": []})
    chunks = 3 if scope["path"] == "/stream" else 1
    for number in range(chunks):
        await send({"type": "http.response.body", "body": b"x" * 10,
                    "more_body": number < chunks - 1})

def make():
    return application
"""

GUNICORN = ["-m", "gunicorn", "-b", "127.0.0.1:{port}", "--no-control-socket"]
WSGI_SERVERS = {
    "gunicorn-sync": [*GUNICORN, "-w", "2", "server:application"],
    "gunicorn-gthread": [*GUNICORN, "-k", "gthread", "--threads", "4", "server:application"],
    "gunicorn-preload": [*GUNICORN, "--preload", "-w", "2", "server:application"],
    "granian": ["-m", "granian", "--interface", "wsgi", "--port", "{port}", "server:application"],
    "wsgiref": [
        "-c",
        "import server; from wsgiref.simple_server import make_server;"
        "make_server('127.0.0.1', {port}, server.application).serve_forever()",
    ],
    "uvicorn": [
        "-m", "uvicorn", "--interface", "wsgi", "--port", "{port}", "server:application",
    ],
}  # fmt: skip
ASGI_SERVERS = {
    "gunicorn-asgi": [*GUNICORN, "-k", "asgi", "server:application"],
    "uvicorn": ["-m", "uvicorn", "--port", "{port}", "server:application"],
    "uvicorn-workers": [
        "-m",
        "uvicorn",
        "--workers",
        "2",
        "--port",
        "{port}",
        "server:application",
    ],
    "uvicorn-factory": ["-m", "uvicorn", "--factory", "--port", "{port}", "server:make"],
    "granian": ["-m", "granian", "--interface", "asgi", "--port", "{port}", "server:application"],
}


@pytest.mark.parametrize("server", WSGI_SERVERS)
def test_wsgi_requests_are_seen(app, server):
    with app.write(server=WSGI).run(*WSGI_SERVERS[server]) as running:
        seen = running.observe("/plain/x?a=1")
        assert (seen["method"], seen["path"], seen["route"]) == ("GET", "/plain/x?a=1", "/plain/x")
        assert (seen["status"], seen["response_bytes"], seen["error"]) == (201, 5, "")
        assert seen["duration_ms"] > 0
        assert running.observe("/stream")["response_bytes"] == 30
        failed = running.observe("/fail")
        assert failed["status"] == 500
        assert failed["error"] == "ValueError: the application's own error"
        assert "pid" in running.control("ping")
        assert running.collector.of("error") == []


@pytest.mark.parametrize("server", ASGI_SERVERS)
def test_asgi_requests_are_seen(app, server):
    with app.write(server=ASGI).run(*ASGI_SERVERS[server]) as running:
        seen = running.observe("/plain/x?a=1")
        assert (seen["method"], seen["path"], seen["route"]) == ("GET", "/plain/x?a=1", "/plain/x")
        assert (seen["status"], seen["response_bytes"], seen["error"]) == (201, 10, "")
        assert running.observe("/stream")["response_bytes"] == 30
        failed = running.observe("/fail")
        assert failed["status"] == 500
        assert failed["error"] == "ValueError: the application's own error"
        assert "pid" in running.control("ping")
        assert running.collector.of("error") == []


@pytest.mark.parametrize("kind", ["lifespan", "websocket"])
def test_other_protocols_pass_as_they_are(kind):
    seen = []

    async def application(scope, receive, send):
        seen.append((scope, receive, send))

    async def receive():
        return {}

    async def send(message):
        return None

    scope = {"type": kind}
    asyncio.run(_boundary.wrap_asgi(application)(scope, receive, send))
    assert seen == [(scope, receive, send)]


def test_a_second_wrapper_is_none():
    application = _boundary.wrap_wsgi(lambda environ, start_response: [])
    assert _boundary.wrap_wsgi(application) is application
