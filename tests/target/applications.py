"""Small real applications, written where a test wants them."""

import sys
import urllib.request
from pathlib import Path

import psycopg

from unslow.lab.target import Running, Target
from unslow.progress import Silent

WSGI = """
import os
import psycopg

def application(environ, start_response):
    path = environ["PATH_INFO"]
    body = b"hello"
    if path == "/burn":
        sum(range(3_000_000))
    elif path != "/":
        with psycopg.connect(os.environ["DSN"]) as connection:
            if path == "/add":
                connection.execute("INSERT INTO item (name) VALUES ('new')")
            rows = connection.execute("SELECT count(*) FROM item").fetchall()
            body = str(rows[0][0]).encode()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [body]
"""


class Notes(Silent):
    """Progress that remembers what it was told."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, message: str) -> None:
        self.notes.append(message)


def wsgi(folder: Path, dsn: str = "", text: str = WSGI, options: tuple[str, ...] = ()) -> Target:
    """A plain WSGI application under gunicorn."""
    (folder / "app.py").write_text(text)
    return Target(
        root=folder,
        command=("gunicorn", *options, "app:application"),
        python=Path(sys.executable),
        env={"DSN": dsn},
        start_timeout_s=60,
    )


def get(running: Running, path: str, request_id: str = "x", **headers: str) -> bytes:
    request = urllib.request.Request(
        running.base_url + path, headers={"X-Unslow-Request": request_id, **headers}
    )
    with urllib.request.urlopen(request, timeout=30) as response:
        return bytes(response.read())


def databases(dsn: str) -> set[str]:
    """All databases of the server."""
    with psycopg.connect(dsn) as connection:
        return {name for (name,) in connection.execute("SELECT datname FROM pg_database")}
