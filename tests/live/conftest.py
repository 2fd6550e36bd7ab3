"""Applications under `unslow live`, started by their own commands as a user starts them."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

START_S = 40.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Live:
    """A running `unslow live`: the page's address, and the application's."""

    process: "subprocess.Popen[str]"
    port: int
    url: str = ""
    said: list[str] = field(default_factory=list)
    listening: threading.Event = field(default_factory=threading.Event)

    def ask(self, path: str) -> int:
        """The status of a request to the application; a server says it is ready, then listens."""
        until = monotonic() + START_S
        while True:
            try:
                with urllib.request.urlopen(
                    f"http://127.0.0.1:{self.port}{path}", timeout=20
                ) as it:
                    it.read()
                    return int(it.status)
            except urllib.error.HTTPError as error:
                error.close()
                return error.code
            except urllib.error.URLError as error:
                if not isinstance(error.reason, ConnectionRefusedError) or monotonic() > until:
                    raise

    def page(self, path: str) -> Any:
        with urllib.request.urlopen(self.url + path, timeout=20) as answer:
            return json.loads(answer.read())

    @contextmanager
    def events(self) -> Iterator["Events"]:
        with urllib.request.urlopen(self.url + "events", timeout=START_S) as stream:
            yield Events(stream)

    def wait_for_log(self, pattern: str, times: int = 1) -> None:
        """Wait until the application has printed this so often."""
        deadline = threading.Event()
        timer = threading.Timer(START_S, deadline.set)
        timer.start()
        while sum(bool(re.search(pattern, line)) for line in list(self.said)) < times:
            assert not deadline.wait(0.02), "".join(self.said)
            assert self.process.poll() is None, "".join(self.said)
        timer.cancel()


@dataclass
class Events:
    stream: Any

    def until(self, kind: str, wanted: Callable[[Any], bool] = bool) -> Any:
        """The first event of a kind that is as wanted."""
        found = ""
        for line in self.stream:
            text = line.decode().rstrip("\n")
            if text.startswith("event: "):
                found = text.removeprefix("event: ")
            elif text.startswith("data: ") and found == kind:
                what = json.loads(text.removeprefix("data: "))
                if wanted(what):
                    return what
        raise AssertionError(f"the page's server ended without {kind}")


@contextmanager
def live(
    folder: Path, command: Sequence[str], port: int, ready: str, *options: str
) -> Iterator[Live]:
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "unslow", "live", *options, "--", *command],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    running = Live(process, port)

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            running.said.append(line)
            if match := re.match(r"unslow live  (http://\S+)", line):
                running.url = match[1]
                running.listening.set()

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        assert running.listening.wait(START_S), "".join(running.said)
        running.wait_for_log(ready)
        yield running
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        reader.join(5)


DJANGO = """
import os, sqlite3, sys
from django.conf import settings
settings.configure(
    DEBUG=True, ROOT_URLCONF=__name__, SECRET_KEY="s", ALLOWED_HOSTS=["*"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "data.db"}},
)
from django.http import HttpResponse, JsonResponse
from django.urls import path
import models_of_it as models

def books(request):
    found = models.Book.objects.order_by("title")
    return JsonResponse([[book.title, book.author.name] for book in found], safe=False)

def add(request):
    models.Author.objects.create(name="new")
    return HttpResponse("added")

def broken(request):
    raise ValueError("<script>broken</script>")

urlpatterns = [path("books/", books), path("add/", add), path("broken/", broken)]

if __name__ == "__main__":
    sys.modules.setdefault("manage", sys.modules["__main__"])
    settings.ROOT_URLCONF = "manage"
    from django.core.management import execute_from_command_line
    execute_from_command_line(sys.argv)
"""
MODELS = """
import django
django.setup()
from django.db import models

class Author(models.Model):
    name = models.TextField()
    class Meta:
        app_label = "books"

class Book(models.Model):
    title = models.TextField()
    author = models.ForeignKey(Author, models.CASCADE)
    class Meta:
        app_label = "books"
"""
SCHEMA = """
CREATE TABLE books_author (id integer PRIMARY KEY, name text);
CREATE TABLE books_book (id integer PRIMARY KEY, title text, author_id integer);
"""


def django(folder: Path) -> None:
    """A project with twelve books, each with an author of its own."""
    import sqlite3

    (folder / "manage.py").write_text(DJANGO)
    (folder / "models_of_it.py").write_text(MODELS)
    with sqlite3.connect(folder / "data.db") as connection:
        connection.executescript(SCHEMA)
        for number in range(12):
            connection.execute("INSERT INTO books_author VALUES (?, ?)", (number, f"a{number}"))
            connection.execute(
                "INSERT INTO books_book VALUES (?, ?, ?)", (number, f"t{number}", number)
            )
    connection.close()


FASTAPI = """
import asyncio, sqlite3
from fastapi import FastAPI
app = FastAPI()

@app.get("/items/{number}")
async def item(number: int):
    connection = sqlite3.connect("data.db")
    rows = [connection.execute("SELECT 1 WHERE 1 < ?", (n,)).fetchone() for n in range(number)]
    await asyncio.sleep(0)
    return rows
"""
FLASK = """
import sqlite3
from flask import Flask
app = Flask(__name__)

@app.get("/items/<int:number>")
def item(number):
    connection = sqlite3.connect("data.db")
    return str([connection.execute("SELECT 1 WHERE 1 < ?", (n,)).fetchone() for n in range(number)])
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """The Django project under runserver, its reloader included."""
    folder = tmp_path_factory.mktemp("shop")
    django(folder)
    port = free_port()
    command = (sys.executable, "manage.py", "runserver", str(port))
    with live(folder, command, port, "Quit the server") as running:
        yield running
