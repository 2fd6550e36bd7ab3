"""`unslow live` over real servers: what the page is told, and what the application keeps."""

import http.client
import os
import signal
import socket
import sqlite3
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.live.conftest import FASTAPI, FLASK, django, free_port, live
from unslow.cli._app import app


def marked(folder: str) -> list[int]:
    """The processes that carry a recorder whose socket lies in a folder."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            environment = Path(f"/proc/{name}/environ").read_bytes()
        except OSError:
            continue
        if f"UNSLOW_SOCKET={folder}".encode() in environment:
            found.append(int(name))
    return found


def variable(pid: int, name: str) -> str:
    """What a child of `unslow live` has of the recorder's variables."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    environment = Path(f"/proc/{children[0]}/environ").read_bytes().split(b"\0")
    found = next(one for one in environment if one.startswith(f"{name}=".encode()))
    return found.decode().removeprefix(f"{name}=")


def socket_of(pid: int) -> str:
    """The folder of the recorder of a child of `unslow live`."""
    return os.path.dirname(variable(pid, "UNSLOW_SOCKET"))


def test_a_request_of_django_is_shown_with_its_repeats_and_its_finding(shop) -> None:
    with shop.events() as events:
        events.until("snapshot")
        assert shop.ask("/books/") == 200
        assert events.until("begun")["path"] == "/books/"
        row = events.until("request")
        (finding,) = events.until("findings")
    assert (row["route"], row["status"], row["queries"]) == ("books/", 200, 13)
    assert row["repeated"] == 12
    assert sum(row["split"]) == pytest.approx(row["ms"], abs=0.1)
    assert finding["id"] == "repeated-query"
    assert finding["cause"]["text"] == "manage.py:13"
    assert [line["marked"] for line in finding["lines"] if line["marked"]] == [
        'models.Book.objects.order_by("title")'
    ]
    detail = shop.page(f"request/{row['id']}")
    (lane,) = [one for one in detail["lanes"] if one["repeated"]]
    assert (lane["count"], lane["place"]["code"], lane["rows"]) == (12, "book.author", 1)
    assert lane["values"] == ""
    link = lane["place"]["link"]
    assert link.startswith("vscode://file/")
    assert Path("/" + link.removeprefix("vscode://file/").split(":")[0]).name == "manage.py"
    (edit,) = shop.page(f"finding/{finding['key']}")[:1]
    assert any('select_related("author")' in line["text"] for line in edit["lines"])


def test_writes_reach_the_database_of_the_user(shop) -> None:
    folder = Path(f"/proc/{shop.process.pid}/cwd").resolve()
    with sqlite3.connect(folder / "data.db") as connection:
        before = connection.execute("SELECT count(*) FROM books_author").fetchone()[0]
    assert shop.ask("/add/") == 200
    with sqlite3.connect(folder / "data.db") as connection:
        after = connection.execute("SELECT count(*) FROM books_author").fetchone()[0]
    connection.close()
    assert after == before + 1


def test_nobody_is_logged_in_to_the_database_of_the_user(shop) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", shop.port, timeout=20)
    for method, verb in (("GET", "ping"), ("GET", "users"), ("POST", "login")):
        headers = {"X-Unslow-Control": variable(shop.process.pid, "UNSLOW_TOKEN")}
        connection.request(method, f"/__unslow__/{verb}", body='{"user": "a"}', headers=headers)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 404, verb
        assert answer.getheader("Content-Type", "").startswith("text/html")  # the application's
    connection.close()


def test_an_error_is_shown_with_its_request(shop) -> None:
    with shop.events() as events:
        events.until("snapshot")
        assert shop.ask("/broken/") == 500
        row = events.until("request")
    assert row["status"] == 500
    assert row["error"] == "ValueError: <script>broken</script>"


def test_what_was_seen_can_be_forgotten(shop) -> None:
    import urllib.request

    with shop.events() as events:
        events.until("snapshot")
        shop.ask("/add/")
        events.until("request")
        urllib.request.urlopen(urllib.request.Request(shop.url + "forget", method="POST")).close()
        assert events.until("snapshot")["rows"] == []


SERVERS = {
    "uvicorn": (FASTAPI, "uvicorn app:app --reload --port {port}", "startup complete", "fastapi"),
    "flask": (FLASK, "flask --app app --debug run --port {port}", "Debugger PIN", "flask"),
    "gunicorn": (FLASK, "gunicorn app:app --workers 2 --bind 127.0.0.1:{port}", "Booting", "flask"),
}


@pytest.mark.parametrize("server", SERVERS)
def test_other_frameworks_and_their_reloaders_report_too(tmp_path, server) -> None:
    text, words, ready, framework = SERVERS[server]
    (tmp_path / "app.py").write_text(text)
    port = free_port()
    command = words.format(port=port).split()
    with live(tmp_path, command, port, ready, "--values") as running:
        with running.events() as events:
            events.until("snapshot")
            assert running.ask("/items/7") == 200
            row = events.until("request")
            state = events.until("state", lambda it: it["framework"])
        assert row["route"] in ("/items/{number}", "/items/<int:number>")
        assert row["repeated"] == 7
        assert framework in state["framework"].lower()
        lanes = running.page(f"request/{row['id']}")["lanes"]
        assert any(lane["values"].startswith("SELECT 1 WHERE 1 < ") for lane in lanes)
        folder = socket_of(running.process.pid)
        assert marked(folder)
        running.process.send_signal(signal.SIGINT)
        assert running.process.wait(20) == 0
    assert not marked(folder)
    assert not os.path.exists(folder)


def test_a_process_that_a_reloader_starts_anew_reports_too(tmp_path) -> None:
    text, words, ready, _ = SERVERS["uvicorn"]
    (tmp_path / "app.py").write_text(text)
    port = free_port()
    command = words.format(port=port).split()
    with live(tmp_path, command, port, ready) as running, running.events() as events:
        events.until("snapshot")
        running.ask("/items/1")
        events.until("request")
        (tmp_path / "app.py").write_text(text.replace("/items/", "/things/"))
        running.wait_for_log(ready, times=2)
        running.ask("/things/1")
        row = events.until("request")
    assert row["route"] == "/things/{number}"


def run(folder: Path, monkeypatch, *words: str, command: tuple[str, ...]) -> tuple[int, str]:
    monkeypatch.chdir(folder)
    result = CliRunner().invoke(app, ["live", *words], obj=command)
    return result.exit_code, result.output


def test_an_application_that_stops_by_itself_is_an_error(tmp_path, monkeypatch) -> None:
    (tmp_path / "app.py").write_text("raise SystemExit(3)")
    code, said = run(tmp_path, monkeypatch, command=(sys.executable, "app.py"))
    assert code == 1
    assert "The application stopped by itself (status 3)" in said


def test_a_taken_port_and_an_unknown_command_are_wrong_usage(tmp_path, monkeypatch) -> None:
    nothing = (sys.executable, "-c", "pass")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, said = run(tmp_path, monkeypatch, "--port", str(port), command=nothing)
    assert code == 2
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in said
    code, said = run(tmp_path, monkeypatch, command=("no-such-server", "app:app"))
    assert code == 2
    assert "The start command 'no-such-server' is not found" in said
    code, said = run(tmp_path, monkeypatch, "--editor", "vi", command=nothing)
    assert code == 2
    assert "--editor 'vi' is none of vscode" in said


def test_help_says_what_it_does_to_the_database() -> None:
    text = CliRunner().invoke(app, ["live", "--help"]).output
    assert "nothing is cloned, redirected or blocked" in " ".join(text.split())


def test_a_project_without_a_command_runs_under_its_development_server(tmp_path) -> None:
    from unslow.lab.live.serving import development
    from unslow.lab.target import Target

    django(tmp_path)
    found = Target(tmp_path, ("gunicorn", "x.wsgi"), Path(sys.executable), "django")
    assert development(found, ()).command[1:] == ("manage.py", "runserver")
    assert development(found, ("gunicorn", "x.wsgi")) == found
