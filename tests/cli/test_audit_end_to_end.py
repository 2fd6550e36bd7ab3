"""One audit of a small application on SQLite, by the command line alone."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from unslow.lab import traces
from unslow.lab.report import json

APPLICATION = """\
import sqlite3
from pathlib import Path

from flask import Flask, jsonify

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


@app.get("/health")
def health():
    return "ok"
"""
SECRET = "alice-secret"


@pytest.fixture(scope="module")
def audited(tmp_path_factory):
    """The application's folder after an audit, with the audit's exit code and output."""
    folder = tmp_path_factory.mktemp("app")
    (folder / "app.py").write_text(APPLICATION)
    with sqlite3.connect(folder / "shop.db") as connection:
        connection.execute("CREATE TABLE customers (email TEXT PRIMARY KEY, name TEXT)")
        connection.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, email TEXT)")
        people = [(f"{SECRET}-{n}@example.com", f"Person {n}") for n in range(30)]
        connection.executemany("INSERT INTO customers VALUES (?, ?)", people)
        orders = [(n, email) for n, (email, _) in enumerate(people)]
        connection.executemany("INSERT INTO orders VALUES (?, ?)", orders)
    done = run(
        folder,
        *("audit", "--no-prove", "--fail-on", "low"),
        *("--header", f"Authorization: Token {SECRET}"),
        *("--json", "report.json", "--html", "report.html", "--save-trace", "trace.json.gz"),
        *("--", sys.executable, "-m", "flask", "run"),
    )
    return folder, done


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "XDG_STATE_HOME": str(folder / "state"), "FLASK_APP": "app"}
    command = [sys.executable, "-c", "from unslow.cli import main; main()", *words]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120
    )


def test_the_repeated_query_is_found_at_its_line(audited) -> None:
    folder, done = audited
    assert done.returncode == 10, done.stderr
    assert "repeated-query" in done.stdout
    report = json.parse((folder / "report.json").read_bytes())
    [finding] = report.findings
    assert finding.endpoints == ("GET /orders",)
    assert finding.cause.path == "app.py"
    assert report.target.root == "."


def test_progress_goes_to_standard_error_in_plain_lines(audited) -> None:
    _, done = audited
    assert "observe" in done.stderr.splitlines()
    assert "\x1b" not in done.stderr + done.stdout
    assert done.stdout.startswith("unslow ")


def test_no_value_of_the_data_and_no_credential_is_written(audited) -> None:
    folder, done = audited
    assert SECRET not in done.stdout + done.stderr
    assert SECRET not in (folder / "report.json").read_text()
    assert SECRET not in (folder / "report.html").read_text()
    assert SECRET not in repr(traces.load(folder / "trace.json.gz"))
    for kept in (folder / "state").rglob("*.json"):
        assert SECRET not in kept.read_text()


def test_the_trace_gives_the_same_findings_without_the_application(audited) -> None:
    folder, _ = audited
    done = run(folder, "diagnose", "trace.json.gz", "--json", "again.json", "--fail-on", "low")
    assert done.returncode == 10, done.stderr
    again = json.parse((folder / "again.json").read_bytes())
    assert again.findings == json.parse((folder / "report.json").read_bytes()).findings


def test_the_report_is_kept_for_the_next_command(audited) -> None:
    folder, first = audited
    assert run(folder, "report").stdout == first.stdout


def test_nothing_is_left_beside_what_was_asked_for(audited) -> None:
    folder, _ = audited
    names = {path.name for path in folder.iterdir()}
    asked = {"report.json", "report.html", "trace.json.gz", "again.json"}
    assert names <= {"app.py", "shop.db", "state", *asked}
