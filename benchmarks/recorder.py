"""Measures what the recorder costs: CPU per request in each of its ways, against no recorder.

    python benchmarks/recorder.py [--rounds 30] [--requests 40]

`off`, `light` and `full` are the levels at which the lab observes an application; `kit` is the
application's own middleware, as it runs in production.

One process for each serves the same requests in-process; every round asks all of them, in random
order, so that a busy machine slows all alike. Printed is the median over the rounds of each one's
CPU time as a ratio to the process without a recorder.
"""

import argparse
import json
import os
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
from contextlib import ExitStack
from pathlib import Path

import unslow
from unslow.demo.postgres import postgres

LEVELS = ("none", "off", "light", "full", "kit")
QUERIES = (1, 10, 100)

RAW = """
import os, psycopg
connection = psycopg.connect(DSN, autocommit=True)

def application(environ, start_response):
    for number in range(int(environ["QUERY_STRING"])):
        connection.execute("SELECT id, name FROM items WHERE id = %s", (number,)).fetchall()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"done"]

if "KIT" in os.environ:
    from unslow.kit.wsgi import Middleware
    application = Middleware(application)
"""

DJANGO = """
import os, django
from django.conf import settings
from django.http import HttpResponse
from django.urls import path
from psycopg.conninfo import conninfo_to_dict

params = conninfo_to_dict(DSN)
settings.configure(
    ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="benchmark",
    MIDDLEWARE=["unslow.kit.django.Middleware"] if "KIT" in os.environ else [],
    DATABASES={"default": {"ENGINE": "django.db.backends.postgresql", "CONN_MAX_AGE": None,
        "NAME": params["dbname"], "USER": params["user"], "HOST": params["host"],
        "PORT": params["port"]}},
)
django.setup()
from django.db import models

class Item(models.Model):
    name = models.TextField()
    class Meta:
        app_label = "benchmark"
        db_table = "items"

def view(request, count):
    for number in range(count):
        list(Item.objects.filter(id=number))
    return HttpResponse("done")

urlpatterns = [path("<int:count>/", view)]
from django.core.wsgi import get_wsgi_application
application = get_wsgi_application()
"""

DRIVER = """
import io, os, sys, time

if "UNSLOW_SOCKET" in os.environ:
    from unslow.observe import _boundary
    application = _boundary.wrap_wsgi(application)

def serve(count):
    body = application({
        "REQUEST_METHOD": "GET", "SCRIPT_NAME": "", "PATH_INFO": f"/{count}/",
        "QUERY_STRING": str(count), "SERVER_NAME": "localhost", "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1", "wsgi.input": io.BytesIO(), "wsgi.errors": sys.stderr,
        "wsgi.url_scheme": "http", "wsgi.version": (1, 0), "wsgi.multithread": False,
        "wsgi.multiprocess": True, "wsgi.run_once": False,
    }, lambda status, headers, *rest: None)
    b"".join(body)
    getattr(body, "close", lambda: None)()

for line in sys.stdin:
    count, requests = map(int, line.split())
    serve(count)
    started = time.process_time()
    for _ in range(requests):
        serve(count)
    print((time.process_time() - started) / requests, flush=True)
"""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--requests", type=int, default=40)
    options = parser.parse_args()
    with postgres() as server, tempfile.TemporaryDirectory(prefix="unslow-") as folder:
        dsn = server.create("recorder")
        fill(dsn)
        for name, source in (("psycopg", RAW), ("django", DJANGO)):
            measure(name, source, dsn, Path(folder), options.rounds, options.requests)


def fill(dsn: str) -> None:
    import psycopg

    with psycopg.connect(dsn) as connection:
        connection.execute("CREATE TABLE items (id int PRIMARY KEY, name text)")
        connection.execute("INSERT INTO items SELECT n, 'item' || n FROM generate_series(0, 99) n")


def measure(name: str, source: str, dsn: str, folder: Path, rounds: int, requests: int) -> None:
    root = folder / name
    root.mkdir()
    (root / "app.py").write_text(f"DSN = {dsn!r}\n{source}\n{DRIVER}")
    with ExitStack() as stack:
        children = {level: stack.enter_context(child(level, root)) for level in LEVELS}
        print(f"{name:9} {'queries':>7} {'ms':>8}  " + " ".join(f"{x:>7}" for x in LEVELS[1:]))
        for count in QUERIES:
            times = [ask(children, count, max(requests // count, 4)) for _ in range(rounds)]
            base = statistics.median(one["none"] for one in times) * 1000
            ratios = [
                statistics.median(one[level] / one["none"] for one in times) for level in LEVELS[1:]
            ]
            print(f"{'':9} {count:7} {base:8.3f}  " + " ".join(f"{x:7.3f}" for x in ratios))


def ask(
    children: dict[str, "subprocess.Popen[str]"], count: int, requests: int
) -> dict[str, float]:
    """CPU seconds per request of each level, asked one after another in random order."""
    times = {}
    for level in random.sample(LEVELS, len(LEVELS)):
        process = children[level]
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{count} {requests}\n")
        process.stdin.flush()
        times[level] = float(process.stdout.readline())
    return times


def child(level: str, root: Path) -> "subprocess.Popen[str]":
    environ = dict(os.environ)
    if level == "kit":
        environ["KIT"] = "1"
    elif level != "none":
        environ |= observed(level, root)
    return subprocess.Popen(
        [sys.executable, "app.py"],
        cwd=root,
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def observed(level: str, root: Path) -> dict[str, str]:
    package = Path(unslow.__file__).parent
    inject = root / f"inject-{level}"
    inject.mkdir()
    (inject / "unslow").symlink_to(package)
    shutil.copy(package / "observe/_inject/sitecustomize.py", inject)
    path = root / f"{level}.socket"
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen()
    threading.Thread(target=drain, args=(server,), daemon=True).start()
    return {
        "PYTHONPATH": str(inject),
        "UNSLOW_SOCKET": str(path),
        "UNSLOW_TOKEN": "benchmark",
        "UNSLOW_LEVEL": level,
        "UNSLOW_ROOTS": str(root),
    }


def drain(server: socket.socket) -> None:
    """Throw events away, and send every connection where it wants to go."""
    while True:
        peer, _ = server.accept()
        threading.Thread(target=swallow, args=(peer,), daemon=True).start()


def swallow(peer: socket.socket) -> None:
    with peer, peer.makefile("rb") as lines:
        for line in lines:
            if line.startswith(b'{"type":"connect"'):
                params = json.loads(line)["params"]
                peer.sendall(json.dumps({"params": params}).encode() + b"\n")


if __name__ == "__main__":
    main()
