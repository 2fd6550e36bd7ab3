import json
import os
import sqlite3
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

SECRET = "alice-secret"
IDENTITY = ("-c", "user.name=Test", "-c", "user.email=test@example.com")
SQLITE = """\
import sqlite3
from pathlib import Path

from flask import Flask, jsonify, request

app = Flask(__name__)
DATABASE = Path(__file__).with_name("shop.db")


def owner_of(connection, email):
    row = connection.execute("SELECT name FROM customers WHERE email = ?", (email,)).fetchone()
    return row[0]


@app.get("/orders")
def orders():
    connection = sqlite3.connect(DATABASE)
    rows = connection.execute("SELECT id, email FROM orders ORDER BY id").fetchall()
    return jsonify([{"id": id, "owner": owner_of(connection, email)} for id, email in rows])


@app.get("/customers")
def customers():
    connection = sqlite3.connect(DATABASE)
    name = request.args.get("name", "%")
    rows = connection.execute("SELECT name FROM customers WHERE name LIKE ? LIMIT 5", (name,))
    return jsonify([name for (name,) in rows])


@app.get("/health")
def health():
    return "ok"
"""
POSTGRESQL = """\
import os

import psycopg
from flask import Flask, jsonify

app = Flask(__name__)


@app.get("/items")
def items():
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        row = connection.execute("SELECT count(*) FROM items WHERE number = 7").fetchone()
    return jsonify(row)
"""


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Project:
    """A small application in a git repository, and the command line run in it."""

    folder: Path
    settings: str

    def budget(self, table: str) -> None:
        text = f"[tool.unslow]\n{self.settings}\n{table}"
        (self.folder / "pyproject.toml").write_text(text, encoding="utf-8")

    def change(self, old: str, new: str) -> None:
        file = self.folder / "app.py"
        source = file.read_text()
        assert source.count(old) == 1
        file.write_text(source.replace(old, new))

    def git(self, *words: str) -> None:
        subprocess.run(["git", *IDENTITY, *words], cwd=self.folder, check=True, capture_output=True)

    def check(self, *words: str) -> Ran:
        command = [sys.executable, "-c", "from unslow.cli import main; main()", "check", *words]
        environment = {**os.environ, "XDG_STATE_HOME": str(self.folder / ".state")}
        done = subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=400
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def report(self, *words: str) -> tuple[Ran, dict[str, Any]]:
        ran = self.check(*words, "--json", "report.json")
        return ran, json.loads((self.folder / "report.json").read_text())


def project(folder: Path, source: str, settings: str = "") -> Project:
    (folder / "app.py").write_text(source)
    (folder / ".gitignore").write_text("*.db\n.state/\nreport.json\n")
    command = json.dumps([sys.executable, "-m", "flask", "run"])
    made = Project(folder, f'command = {command}\nenv = {{ FLASK_APP = "app" }}\n{settings}')
    made.budget("")
    made.git("init", "--quiet", "--initial-branch=main")
    made.git("add", ".")
    made.git("commit", "--quiet", "--message", "Start")
    return made


@pytest.fixture
def shop(tmp_path) -> Project:
    """Thirty orders, each with its owner read by a query of its own."""
    with sqlite3.connect(tmp_path / "shop.db") as connection:
        connection.execute("CREATE TABLE customers (email TEXT PRIMARY KEY, name TEXT)")
        connection.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, email TEXT)")
        people = [(f"{SECRET}-{n}@example.com", f"Person {n}") for n in range(30)]
        connection.executemany("INSERT INTO customers VALUES (?, ?)", people)
        orders = [(n, email) for n, (email, _) in enumerate(people)]
        connection.executemany("INSERT INTO orders VALUES (?, ?)", orders)
    return project(tmp_path, SQLITE)


@pytest.fixture
def warehouse(tmp_path, postgres, monkeypatch) -> Project:
    """Two hundred thousand items, one of which is looked up by its index."""
    dsn = postgres.create(f"budget_{os.getpid()}")
    with psycopg.connect(dsn) as connection:
        connection.execute("CREATE TABLE items (number integer PRIMARY KEY)")
        connection.execute("INSERT INTO items SELECT generate_series(1, 200000)")
        connection.execute("ANALYZE items")
    monkeypatch.setenv("DATABASE_URL", dsn)
    return project(tmp_path, POSTGRESQL)
