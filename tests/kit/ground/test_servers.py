"""The middleware under real servers, and in an application that the lab observes."""

import http.client
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.observe.conftest import _wait_for, free_port, running

DJANGO = """
import json, logging, os, sys
from django.conf import settings

class Line(logging.Handler):
    def emit(self, record):
        text = json.dumps([record.name, record.route, record.queries, record.getMessage()])
        sys.stderr.write("SLOW " + text + "\\n")
        sys.stderr.flush()

logging.getLogger("unslow.slow").addHandler(Line())
settings.configure(
    ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="s", UNSLOW={"SLOW_MS": 0},
    MIDDLEWARE=["unslow.kit.django.Middleware"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "file.db"}},
)
import django
django.setup()
from django.db import connection
from django.http import HttpResponse, StreamingHttpResponse
from django.urls import path

def ask(number):
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s", [number])
        return str(cursor.fetchone()[0])

def plain(request, number):
    return HttpResponse(ask(number))

def streamed(request):
    return StreamingHttpResponse(ask(number) for number in range(3))

urlpatterns = [path("plain/<int:number>/", plain), path("streamed/", streamed)]
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
wsgi = get_wsgi_application()
asgi = get_asgi_application()
"""
SERVERS = {
    "gunicorn": ("gunicorn", "shop:wsgi", "--preload", "--workers=2", "--threads=2"),
    "uvicorn": ("uvicorn", "shop:asgi", "--workers=2"),
}


@contextmanager
def served(folder: Path, server: str) -> Iterator[tuple[int, Path]]:
    (folder / "shop.py").write_text(DJANGO)
    port = free_port()
    log = folder / "server.log"
    name, *options = SERVERS[server]
    at = [f"--bind=127.0.0.1:{port}"] if name == "gunicorn" else [f"--port={port}"]
    environ = {name: value for name, value in os.environ.items() if "UNSLOW" not in name}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", name, *options, *at],
            cwd=folder,
            env={**environ, "PYTHONPATH": str(folder)},
            stdout=output,
            stderr=output,
        )
        try:
            _wait_for(port, process, log)
            yield port, log
        finally:
            process.terminate()
            process.wait(20)


def get(port: int, path: str) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", path)
        return connection.getresponse().read().decode()
    finally:
        connection.close()


@pytest.mark.parametrize("server", SERVERS)
def test_each_request_of_a_server_is_one_record(tmp_path, server) -> None:
    with served(tmp_path, server) as (port, log):
        for _ in range(4):
            assert get(port, "/plain/7/?secret=1") == "7"
            assert get(port, "/streamed/") == "012"
    lines = [json.loads(one[5:]) for one in log.read_text().splitlines() if one[:5] == "SLOW "]
    assert sorted(line[:3] for line in lines) == [
        *[["unslow.slow", "plain/<int:number>/", 1]] * 4,
        *[["unslow.slow", "streamed/", 3]] * 4,
    ]
    assert "secret" not in json.dumps(lines)


def test_the_lab_is_sent_nothing_where_it_asked_for_nothing(tmp_path) -> None:
    root = tmp_path / "app"
    root.mkdir()
    (root / "shop.py").write_text(DJANGO)
    command = ("-m", "gunicorn", "shop:wsgi", "--bind=127.0.0.1:{port}")
    answer = {"path": str(root / "clone.db")}
    with running(root, command, level="off", answer=lambda question: answer) as app:
        assert app.get("/plain/7/").body == b"7"
        assert app.collector.of("request") == []
        assert app.collector.of("error") == []
    assert "SLOW " in app.log.read_text()
    assert (root / "clone.db").exists()
