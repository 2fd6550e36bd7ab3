"""A small Flask application on SQLite in a git repository: the versions that tests compare."""

import os
import sqlite3
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

APP = """
import sqlite3
from flask import Flask, jsonify

app = Flask(__name__)


def connect():
    return sqlite3.connect("shop.sqlite3")


@app.get("/orders")
def orders():
    found = connect().execute("SELECT id, customer FROM orders ORDER BY id LIMIT 20").fetchall()
    return jsonify([{"id": id, "customer": customer} for id, customer in found])


@app.get("/customers")
def customers():
    return jsonify([row[0] for row in connect().execute("SELECT name FROM customers ORDER BY id")])
"""


@dataclass(frozen=True)
class Shop:
    """The repository, and how to change it."""

    folder: Path

    def git(self, *words: str) -> str:
        identity = ("-c", "user.name=shop", "-c", "user.email=shop@example.org")
        ran = subprocess.run(
            ("git", *identity, *words), cwd=self.folder, check=True, capture_output=True, text=True
        )
        return ran.stdout.rstrip("\n")

    def write(self, path: str, text: str) -> None:
        place = self.folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)

    def change(self, before: str, after: str, path: str = "app.py") -> None:
        text = (self.folder / path).read_text()
        assert before in text
        self.write(path, text.replace(before, after))

    def commit(self, message: str = "change") -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        return self.git("rev-parse", "HEAD")

    def state(self) -> tuple[str, str, str, dict[str, bytes]]:
        """All that a comparison must leave alone."""
        files = {
            path.relative_to(self.folder).as_posix(): path.read_bytes()
            for path in self.folder.rglob("*")
            if path.is_file() and ".git" not in path.parts
        }
        index = (self.folder / ".git" / "index").read_bytes().hex()
        return self.git("rev-parse", "HEAD"), self.git("status", "--short"), index, files


@pytest.fixture(autouse=True)
def state(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path_factory.mktemp("state")
    monkeypatch.setenv("XDG_STATE_HOME", str(folder))
    return folder


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """In the current folder, with one commit, a clean work tree and an ignored database."""
    folder = tmp_path / "shop"
    folder.mkdir()
    made = Shop(folder)
    made.write("app.py", APP)
    made.write(".gitignore", "*.sqlite3\n.env\n")
    fill(folder / "shop.sqlite3")
    made.git("init", "--quiet", "--initial-branch", "main")
    made.commit("first")
    monkeypatch.chdir(folder)
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    return made


def fill(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.executescript(
            "CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT);"
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INTEGER);"
        )
        database.executemany("INSERT INTO customers VALUES (?, ?)", [(1, "Ann"), (2, "Bo")])
        database.executemany("INSERT INTO orders VALUES (?, ?)", [(n, n % 2) for n in range(40)])
