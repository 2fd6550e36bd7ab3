"""The application's own work is seen by samples; a library's and a background loop's is not."""

import pytest

SERVER = """
import json, threading, time

def work(seconds):
    until = time.thread_time() + seconds
    total = 0
    while time.thread_time() < until:
        total += sum(range(200))
    return total

def background():
    while True:
        time.sleep(0.001)

threading.Thread(target=background, daemon=True).start()

def library(seconds):
    until = time.thread_time() + seconds
    text = json.dumps([{"a": n} for n in range(100)], indent=1)
    while time.thread_time() < until:
        json.dumps(json.loads(text), indent=1)

def application(environ, start_response):
    {"/work": work, "/library": library}[environ["PATH_INFO"]](0.2)
    start_response("200 OK", [])
    return [b"done"]

async def asgi(scope, receive, send):
    work(0.2)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"done"})
"""
GUNICORN = ("-m", "gunicorn", "-b", "127.0.0.1:{port}", "--no-control-socket", "server")
UVICORN = ("-m", "uvicorn", "--port", "{port}", "--lifespan", "off", "server:asgi")


def functions(record):
    return {one["site"]["function"] for one in record.get("samples", [])}


@pytest.mark.parametrize("command", [GUNICORN, UVICORN], ids=["gunicorn", "uvicorn"])
def test_the_function_at_work_is_sampled(app, command):
    with app.write(server=SERVER).run(*command) as running:
        record = running.observe("/work")
        assert running.collector.of("error") == []
    assert functions(record) == {"work"}
    counted = sum(one["count"] for one in record["samples"])
    assert 5 <= counted <= record["looks"]


def test_a_library_at_work_counts_for_nobody(app):
    with app.write(server=SERVER).run(*GUNICORN) as running:
        record = running.observe("/library")
        assert running.collector.of("error") == []
    assert record["looks"] >= 5
    own = sum(one["count"] for one in record.get("samples", []))
    assert own <= record["looks"] / 2
    assert "background" not in functions(record)


def test_nothing_is_sampled_at_the_light_level(app):
    with app.write(server=SERVER).run(*GUNICORN, level="light") as running:
        record = running.observe("/work")
    assert "samples" not in record
    assert "looks" not in record
