"""Little HTTP servers that behave as a test wants, in a thread or as a program of their own."""

import contextlib
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

START_S = 30.0
Answer = Callable[[BaseHTTPRequestHandler], None]


@contextlib.contextmanager
def serving(answer: Answer) -> Iterator[str]:
    """The address of a server in a thread whose requests `answer` handles."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def do_GET(self) -> None:
            answer(self)

        do_POST = do_GET

        def log_message(self, *ignored: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def say(request: BaseHTTPRequestHandler, body: bytes, status: int = 200, **headers: str) -> None:
    """A plain JSON answer."""
    request.send_response(status)
    for name, value in {"Content_Type": "application/json", **headers}.items():
        request.send_header(name.replace("_", "-"), value)
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)


@contextlib.contextmanager
def program(folder: Path, **env: str) -> Iterator[str]:
    """The address of `program.py`, run as a process of its own with these variables."""
    told = Path(tempfile.mkdtemp(dir=folder)) / "port"
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("program.py")), str(told)],
        env={**os.environ, **env},
        stdout=subprocess.DEVNULL,
    )
    try:
        until = time.monotonic() + START_S
        while not (told.exists() and told.read_text().endswith("\n")):
            assert process.poll() is None, "the program ended"
            assert time.monotonic() < until, "the program did not start"
            time.sleep(0.01)
        yield f"http://127.0.0.1:{told.read_text().strip()}"
    finally:
        process.kill()
        process.wait()
