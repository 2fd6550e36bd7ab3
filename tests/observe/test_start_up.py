"""What serves the application, and which libraries its start waits for."""

import pytest

BUSY = """
import time
until = time.perf_counter() + 0.06
while time.perf_counter() < until:
    pass
"""
SERVER = """
import wide
import narrow
import wide, shared, uses_shared
import own

def application(environ, start_response):
    start_response("200 OK", [])
    return [b"done"]

async def asgi(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"done"})
"""
GUNICORN = ("-m", "gunicorn", "-b", "127.0.0.1:{port}", "--no-control-socket")
COMMANDS = {
    "sync": ((*GUNICORN, "server"), ("gunicorn", "sync", 1, 1)),
    "gthread": (
        (*GUNICORN, "-k", "gthread", "--threads", "3", "-w", "2", "server"),
        ("gunicorn", "gthread", 2, 3),
    ),
    "uvicorn": (
        ("-m", "uvicorn", "--port", "{port}", "--lifespan", "off", "server:asgi"),
        ("uvicorn", "asgi", 1, 1),
    ),
}


@pytest.fixture
def libraries(app):
    folder = app.folder / "libraries"
    folder.mkdir()
    (folder / "wide.py").write_text(BUSY)
    (folder / "shared.py").write_text(BUSY)
    (folder / "uses_shared.py").write_text("import shared")
    (folder / "narrow.py").write_text("")
    return {"PYTHONPATH": f"{app.root.parent / 'inject'}:{folder}"}


@pytest.mark.parametrize("command", COMMANDS)
def test_the_server_and_slow_libraries_are_described(app, libraries, command):
    words, expected = COMMANDS[command]
    with app.write(server=SERVER, own=BUSY).run(*words, environ=libraries) as running:
        described = running.control("describe")
        assert running.collector.of("error") == []
    server = described["server"]
    assert (server["name"], server["worker"], server["workers"], server["threads"]) == expected
    assert server["cores"] >= 1
    slow = {one["module"]: one for one in described["imports"]}
    assert slow.keys() == {"wide", "shared"}
    assert slow["wide"]["ms"] >= 50
    assert slow["wide"]["site"]["line"] == 2
    assert [site["line"] for site in slow["wide"]["others"]] == [4]
    assert (slow["wide"]["is_shared"], slow["shared"]["is_shared"]) == (False, True)
