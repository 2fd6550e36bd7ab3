"""The server as an agent meets it: the SDK's own client, over standard input and output."""

import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp.types import CallToolResult

from mcp import Client, StdioServerParameters

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
BUDGET = '[tool.unslow.budget]\n"GET /orders" = { queries = 5 }\ndefault = { queries = 1 }\n'
OTHER_ANSWER = """\
--- a/app.py
+++ b/app.py
@@ -24,2 +24,2 @@
 def health():
-    return "ok"
+    return "fine"
"""
Talk = Callable[[Client], Awaitable[Any]]


@pytest.fixture(scope="module")
def application(tmp_path_factory) -> Path:
    """A small application on SQLite, tracked by git."""
    folder = tmp_path_factory.mktemp("app")
    (folder / "app.py").write_text(APPLICATION)
    (folder / "pyproject.toml").write_text(BUDGET)
    with sqlite3.connect(folder / "shop.db") as connection:
        connection.execute("CREATE TABLE customers (email TEXT PRIMARY KEY, name TEXT)")
        connection.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, email TEXT)")
        people = [(f"{SECRET}-{n}@example.com", f"Person {n}") for n in range(30)]
        connection.executemany("INSERT INTO customers VALUES (?, ?)", people)
        orders = [(n, email) for n, (email, _) in enumerate(people)]
        connection.executemany("INSERT INTO orders VALUES (?, ?)", orders)
    identity = ("-c", "user.name=Test", "-c", "user.email=test@example.com")
    for words in (("init", "-q"), ("add", "app.py"), ("commit", "-q", "-m", "Start")):
        subprocess.run(["git", *identity, *words], cwd=folder, check=True)
    return folder


@pytest.fixture(scope="module")
def scratch() -> Iterator[Path]:
    """Where the server and what it starts keep temporary files; its path is short."""
    with tempfile.TemporaryDirectory(prefix="mcp-") as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def serve(tmp_path_factory, scratch) -> Callable[[Path, Talk], Any]:
    """Starts `unslow mcp` in a folder, lets a client talk to it, and stops it again."""
    state = tmp_path_factory.mktemp("state")

    def run(folder: Path, talk: Talk, *options: str) -> Any:
        async def session() -> Any:
            with anyio.fail_after(100):
                async with Client(server) as client:
                    return await talk(client)

        start = (sys.executable, "-m", "flask", "run")
        server = StdioServerParameters(
            command=sys.executable,
            args=["-m", "unslow", "mcp", *options, "--", *start],
            env={
                **os.environ,
                "XDG_STATE_HOME": str(state),
                "TMPDIR": str(scratch),
                "FLASK_APP": "app",
            },
            cwd=folder,
        )
        return anyio.run(session)

    return run


@pytest.fixture(scope="module")
def audited(application, serve) -> tuple[CallToolResult, list[str]]:
    """The answer to one audit, and what was told while it ran."""
    told: list[str] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        told.append(message or "")

    async def talk(client: Client) -> CallToolResult:
        return await client.call_tool("audit", {"prove": False}, progress_callback=hear)

    secret = f"--header=Authorization: Token {SECRET}"
    return serve(application, talk, secret), told


def call(serve, application: Path, tool: str, **arguments: object) -> CallToolResult:
    return serve(application, lambda client: client.call_tool(tool, arguments))


def text(answer: CallToolResult) -> str:
    return "\n".join(part.text for part in answer.content)


def test_every_tool_only_reads_and_has_typed_answers(application, serve) -> None:
    listed = serve(application, lambda client: client.list_tools()).tools
    assert {tool.name for tool in listed} == {"audit", "findings", "prove", "check"}
    for tool in listed:
        assert tool.annotations.read_only_hint
        assert tool.description
        assert tool.output_schema["type"] == "object"


def test_an_audit_tells_the_finding_and_what_to_do(audited) -> None:
    answer, _ = audited
    assert not answer.is_error, text(answer)
    [finding] = answer.structured_content["findings"]
    assert finding["kind"] == "repeated-query"
    assert finding["endpoints"] == ["GET /orders"]
    assert finding["cause"]["path"] == "app.py"
    assert f"app.py:{finding['cause']['line']} in" in text(answer)
    assert answer.structured_content["next"] in text(answer)


def test_an_audit_tells_where_it_is(audited) -> None:
    _, told = audited
    assert "observe" in told


def test_no_value_of_the_data_and_no_credential_is_answered(audited, application, serve) -> None:
    details = call(serve, application, "findings")
    assert not details.is_error, text(details)
    for answer in (audited[0], details):
        assert SECRET not in answer.model_dump_json()


def test_the_details_quote_the_cause(audited, application, serve) -> None:
    details = call(serve, application, "findings", number=1)
    [finding] = details.structured_content["findings"]
    assert "owner_of" in finding["source"]


def test_a_finding_that_is_not_there_names_those_that_are(audited, application, serve) -> None:
    answer = call(serve, application, "findings", number=7)
    assert answer.is_error
    assert "no finding 7" in text(answer)


def test_a_budget_that_is_exceeded_names_the_statement(application, serve) -> None:
    answer = call(serve, application, "check")
    assert not answer.is_error, text(answer)
    assert not answer.structured_content["passed"]
    [breach] = answer.structured_content["breaches"]
    assert (breach["endpoint"], breach["what"]) == ("GET /orders", "queries")
    assert (breach["found"], breach["limit"]) == (31, 5)
    assert breach["statements"][0]["count"] == 30


def test_a_diff_is_judged_and_not_applied(application, serve) -> None:
    answer = call(serve, application, "prove", patch=OTHER_ANSWER, time_budget_s=20)
    assert not answer.is_error, text(answer)
    found = answer.structured_content
    assert found["verdict"] == "different"
    assert found["files"] == ["app.py"]
    assert "/health" in found["first_difference"]
    assert found["next"] in text(answer)
    assert (application / "app.py").read_text() == APPLICATION


def test_a_diff_that_does_not_apply_names_the_file(application, serve) -> None:
    answer = call(serve, application, "prove", patch=OTHER_ANSWER.replace("ok", "good"))
    assert answer.is_error
    assert "app.py" in text(answer)


def test_an_unchanged_work_tree_is_nothing_to_judge(application, serve) -> None:
    answer = call(serve, application, "prove")
    assert answer.is_error
    assert "nothing to compare" in text(answer)


def test_nothing_is_written_into_the_project(audited, application) -> None:
    names = {path.name for path in application.iterdir()}
    assert names == {".git", "app.py", "pyproject.toml", "shop.db"}


def test_a_folder_outside_is_refused(application, serve) -> None:
    answer = call(serve, application, "audit", folder="..")
    assert answer.is_error
    assert "outside" in text(answer)


def test_a_version_is_never_a_command_an_address_or_an_option(application, serve) -> None:
    bases = ("http://127.0.0.1:1/", "sh -c id", "--help", "../other", str(application.parent))

    async def talk(client: Client) -> list[CallToolResult]:
        return [
            await client.call_tool("prove", {"base": base, "candidate": "HEAD"}) for base in bases
        ]

    for base, answer in zip(bases, serve(application, talk), strict=True):
        assert answer.is_error
        assert base in text(answer)


def test_an_audit_that_is_called_off_leaves_nothing_and_the_server_goes_on(
    application, serve, scratch
) -> None:
    async def talk(client: Client) -> CallToolResult:
        async def call_off(progress: float, total: float | None, message: str | None) -> None:
            if message == "observe":
                scope.cancel()

        with anyio.CancelScope() as scope:
            await client.call_tool("audit", {}, progress_callback=call_off)
        assert scope.cancelled_caught
        return await client.call_tool("audit", {"prove": False})  # waits for the end of the first

    answer = serve(application, talk)
    assert not answer.is_error, text(answer)
    assert list(scratch.iterdir()) == []


def test_a_broken_application_is_an_error_with_its_words(application, serve) -> None:
    (application / "app.py").write_text("import no_such_module")
    try:
        answer = call(serve, application, "audit")
    finally:
        (application / "app.py").write_text(APPLICATION)
    assert answer.is_error
    assert "no_such_module" in text(answer)
