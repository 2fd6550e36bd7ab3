"""Small real servers that load is sent to, in processes of their own."""

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

SLEEPING = """
import asyncio

LOCK = asyncio.Lock()

async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    WAIT
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]}
    )
    await send({"type": "http.response.body", "body": b"ok"})
"""
FREE = "await asyncio.sleep(0.05)"
LOCKED = "async with LOCK: await asyncio.sleep(0.05)"
STALLING = """
import itertools
import time

count = itertools.count()

async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    if next(count) == 60:
        time.sleep(1)
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]}
    )
    await send({"type": "http.response.body", "body": b"ok"})
"""
WSGI = """
def application(environ, start_response):
    size = int(environ.get("CONTENT_LENGTH") or 0)
    body = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}".encode()
    body += environ["wsgi.input"].read(size)
    if environ["PATH_INFO"] == "/missing":
        start_response("404 Not Found", [])
        return [b"none"]
    if environ["PATH_INFO"] == "/streamed":
        start_response("200 OK", [])
        return [b"a" * 50_000, b"b" * 50_000]
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"""


def sleeping(wait: str) -> str:
    return SLEEPING.replace("WAIT", wait)


@contextlib.contextmanager
def server(folder: Path, source: str, *command: str) -> Iterator[str]:
    """The address of `source` under a real server, which listens on a free port."""
    (folder / "app.py").write_text(source)
    port = free_port()
    words = [word.replace("PORT", str(port)) for word in command]
    process = subprocess.Popen(
        [sys.executable, "-m", *words],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait(process, port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def uvicorn(folder: Path, source: str) -> contextlib.AbstractContextManager[str]:
    return server(folder, source, "uvicorn", "app:app", "--port", "PORT", "--no-access-log")


def gunicorn(folder: Path, source: str, *options: str) -> contextlib.AbstractContextManager[str]:
    return server(folder, source, "gunicorn", "app:application", "-b", "127.0.0.1:PORT", *options)


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    """Until the port takes connections."""
    deadline = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 5):
            return
    raise AssertionError(f"the server did not start (status {process.returncode})")
