"""Locust runs the exported workload from a master and two workers."""

import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.load import servers
from unslow.lab.workload import Call, export

RECORDING = """
import os

def application(environ, start_response):
    size = int(environ.get("CONTENT_LENGTH") or 0)
    body = environ["wsgi.input"].read(size).decode()
    cookie = environ.get("HTTP_COOKIE", "")
    line = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']} {body} {cookie}\\n"
    with open("seen.txt", "a") as seen:
        seen.write(line)
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
"""
CALLS = (
    Call("GET", "/orders", "GET /orders", {"Cookie": "session=mine"}, weight=3),
    Call("GET", "/orders/7", "GET /orders/{id}"),
    Call("POST", "/orders", "POST /orders", {"Content-Type": "text/plain"}, b"one"),
)
SECONDS = 4


def locust(folder: Path, *words: str) -> subprocess.Popen[bytes]:
    with (folder / "locust.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "locust", "-f", "locustfile.py", *words],
            cwd=folder,
            env={**os.environ, "UNSLOW_HEADER_COOKIE": "session=theirs", "UNSLOW_RATE": "10"},
            stdout=log,
            stderr=log,
        )


@pytest.fixture
def seen(tmp_path: Path) -> Counter[str]:
    """What the server was asked while a master and two workers ran for a few seconds."""
    (tmp_path / "locustfile.py").write_text(export.locustfile(CALLS).text)
    port = str(servers.free_port())
    with servers.gunicorn(tmp_path, RECORDING, "--threads", "8") as url:
        master = locust(
            tmp_path,
            *("--headless", "--master", "--expect-workers", "2", "--users", "10"),
            *("--expect-workers-max-wait", "60", "--spawn-rate", "10"),
            *("--run-time", f"{SECONDS}s", "--stop-timeout", "5", "--host", url),
            *("--master-bind-host", "127.0.0.1", "--master-bind-port", port),
        )
        address = ("--master-host", "127.0.0.1", "--master-port", port)
        started = [master, *(locust(tmp_path, "--worker", *address) for _ in range(2))]
        try:
            code = master.wait(120)
        finally:
            _stop(started)
    log = (tmp_path / "locust.log").read_text()
    assert code == 0, log
    assert log.count("ready") >= 2 or "2 workers" in log, log
    return Counter((tmp_path / "seen.txt").read_text().splitlines())


def _stop(started: list[subprocess.Popen[bytes]]) -> None:
    deadline = time.monotonic() + 10
    for process in started:
        try:
            process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def test_all_routes_are_called_by_their_weights_with_the_session_of_the_environment(seen) -> None:
    assert set(seen) == {
        "GET /orders  session=theirs",
        "GET /orders/7  ",
        "POST /orders one ",
    }
    assert seen["GET /orders  session=theirs"] > seen["GET /orders/7  "]
