"""A process is observed by its environment alone, and runs as it would without."""

import json
import os
import subprocess
import sys
import venv

import pytest

from unslow.observe import _imports, _start

COMMAND = ("-m", "gunicorn", "-b", "127.0.0.1:{port}", "--no-control-socket", "server")

BODIES = """
import os
from wsgiref.util import FileWrapper

class Sized:
    def __init__(self, chunks):
        self.chunks = chunks
    def __iter__(self):
        return iter(self.chunks)
    def __len__(self):
        return len(self.chunks)
    def close(self):
        closed.append(True)

closed = []

def application(environ, start_response):
    path = environ["PATH_INFO"]
    start_response("200 OK", [("Content-Type", "text/plain")])
    if path == "/list":
        return [b"one", b"two"]
    if path == "/generator":
        return (chunk for chunk in [b"one", b"two"])
    if path == "/sized":
        return Sized([b"one"])
    if path == "/file":
        return environ["wsgi.file_wrapper"](open(__file__, "rb"))
    if path == "/closed":
        return [str(len(closed)).encode()]
    return FileWrapper(open(__file__, "rb"))

if __name__ == "__main__":
    import sys
    from wsgiref.simple_server import make_server
    make_server("127.0.0.1", int(sys.argv[1]), application).serve_forever()
"""


def run(code, collector_environment, python=sys.executable, cwd=None):
    return subprocess.run(
        [python, "-c", code],
        env=collector_environment,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_nothing_happens_without_a_socket(app, observed_environment):
    environ = {**observed_environment, "UNSLOW_SOCKET": ""}
    code = "import sys; print([name for name in sys.modules if name.startswith('unslow')])"
    assert run(code, environ).stdout == "[]\n"


def test_only_the_standard_library_is_imported(observed_environment):
    code = (
        "import sys; print({name.partition('.')[0] for name in sys.modules}"
        " - set(sys.stdlib_module_names) - {'unslow', '__main__', 'sitecustomize'})"
    )
    before = run(code, {**observed_environment, "UNSLOW_SOCKET": ""})
    assert run(code, observed_environment).stdout == before.stdout


def test_the_own_sitecustomize_still_runs(app, observed_environment):
    app.write(sitecustomize="import builtins; builtins.mine = __file__")
    environ = dict(observed_environment)
    environ["PYTHONPATH"] += os.pathsep + str(app.root)
    result = run("import sitecustomize, sys; print(mine, sitecustomize.__file__)", environ)
    mine = str(app.root / "sitecustomize.py")
    assert result.stdout.split() == [mine, mine]


def test_a_foreign_interpreter_needs_nothing_of_ours(tmp_path, collector, observed_environment):
    venv.create(tmp_path / "foreign", with_pip=False)
    python = str(tmp_path / "foreign/bin/python")
    code = "import sys; print('msgspec' in sys.modules, 'unslow.observe._record' in sys.modules)"
    result = run(code, observed_environment, python=python)
    assert result.stdout == "False True\n", result.stderr
    assert collector.wait("hello")[0]["python"] == ".".join(map(str, sys.version_info[:3]))
    assert collector.of("error") == []


def test_each_worker_says_hello_with_its_own_pid(app):
    command = (*COMMAND[:-1], "--preload", "-w", "2", "server:application")
    with app.write(server=BODIES).run(*command) as running:
        for _ in range(20):
            running.observe("/list")
        pids = {event["pid"] for event in running.collector.of("hello")}
        assert running.process.pid in pids
        parents = {e["ppid"] for e in running.collector.of("hello") if e["pid"] in pids}
        assert running.process.pid in parents
        assert len(pids) == len(running.collector.of("hello"))


@pytest.mark.parametrize("command", [COMMAND, ("server.py", "{port}")], ids=["gunicorn", "wsgiref"])
def test_responses_are_the_same_as_without(app, command):
    paths = ["/list", "/generator", "/sized", "/file", "/closed", "/plain-file"]
    app.write(server=BODIES)

    def responses(level):
        environ = {"UNSLOW_SOCKET": ""} if level is None else {}
        with app.run(*command, level=level or "off", environ=environ) as running:
            return [
                (answer.status, sorted(set(answer.headers) - {"Date"}), answer.body)
                for answer in map(running.get, paths)
            ]

    plain = responses(None)
    assert plain[4][2] == b"1"
    assert responses("full") == plain
    assert responses("light") == plain
    assert responses("off") == plain


def test_an_application_outlives_its_collector(app):
    with app.write(server=BODIES).run(*COMMAND) as running:
        running.observe("/list")
        running.collector.close()
        os.unlink(running.collector.path)
        running.collector.drop()
        assert [running.get("/list").body for _ in range(3)] == [b"onetwo"] * 3


def test_a_failing_recorder_is_reported_and_never_seen(app):
    broken = (
        "from unslow.observe import _sites, _record\n"
        "def fail(*args, **kwargs): raise ZeroDivisionError('a bug of the recorder')\n"
        "_sites.application_stack = fail\n"
        "_record.RequestRecord.finish = fail\n"
        "import sqlite3\n"
        "def application(environ, start_response):\n"
        "    rows = sqlite3.connect(':memory:').execute('SELECT 41 + 1').fetchall()\n"
        "    start_response('200 OK', [])\n"
        "    return [str(rows).encode()]\n"
    )
    with app.write(server=broken).run(*COMMAND) as running:
        answer = running.get("/")
        assert (answer.status, answer.body) == (200, b"[(42,)]")
        messages = {event["message"] for event in running.collector.wait("error", 2)}
        assert messages == {"ZeroDivisionError: a bug of the recorder"}


def test_light_counts_without_stacks_or_values(app):
    source = (
        "import sqlite3\n"
        "def application(environ, start_response):\n"
        "    sqlite3.connect(':memory:').execute('SELECT ?, 7', ('secret',))\n"
        "    start_response('200 OK', [])\n"
        "    return [b'']\n"
    )
    with app.write(server=source).run(*COMMAND, level="light") as running:
        (query,) = running.observe("/")["queries"]
        assert query["shape"] == query["sql"] == "SELECT ?, ?"
        assert (query["stack"], query["parameters"], query["parameters_digest"]) == ([], None, "")


HOT_PATHS = """
import asyncio, concurrent.futures, inspect, sqlite3
import asyncpg, flask, psycopg, starlette.routing
from asyncpg.prepared_stmt import PreparedStatement
from django.db.backends.utils import CursorWrapper
from django.db.models.query import QuerySet
from sqlalchemy.engine import Engine

hot = [
    asyncio.BaseEventLoop.create_task, asyncio.to_thread, asyncpg.Connection.fetch,
    asyncpg.Connection._execute, concurrent.futures.ThreadPoolExecutor.submit,
    flask.Flask.dispatch_request, psycopg.AsyncCursor.execute, psycopg.Cursor.execute,
    PreparedStatement.fetch, starlette.routing.Route.handle, CursorWrapper.execute,
    QuerySet.__init__, QuerySet._clone, type(sqlite3.connect(":memory:").cursor()).execute,
]
print([f.__qualname__ for f in hot if "/unslow/" in getattr(f, "__code__", f.__init__).__repr__()])
"""


def test_nothing_that_runs_often_is_touched_when_off(observed_environment):
    off = run(HOT_PATHS, {**observed_environment, "UNSLOW_LEVEL": "off"})
    assert off.stdout == "[]\n", off.stderr
    full = run(HOT_PATHS, {**observed_environment, "UNSLOW_LEVEL": "full"})
    assert full.stdout.count(",") > 8, full.stderr


def test_requests_follow_their_threads(app):
    source = (
        "import sqlite3\n"
        "from concurrent.futures import ThreadPoolExecutor\n"
        "pool = ThreadPoolExecutor(2)\n"
        "def query(number):\n"
        "    return sqlite3.connect(':memory:').execute('SELECT ?', (number,)).fetchall()\n"
        "def application(environ, start_response):\n"
        "    list(pool.map(query, [1, 2]))\n"
        "    start_response('200 OK', [])\n"
        "    return [b'']\n"
    )
    with app.write(server=source).run(*COMMAND) as running:
        for _ in range(2):
            queries = running.observe("/")["queries"]
            stacks = [[site["function"] for site in query["stack"]] for query in queries]
            assert stacks == [["query", "application"]] * 2


def test_stacks_go_on_where_a_task_or_thread_was_started(app):
    source = (
        "import asyncio, sqlite3\n"
        "def query():\n"
        "    return sqlite3.connect(':memory:').execute('SELECT 1').fetchall()\n"
        "async def child():\n"
        "    return query()\n"
        "async def threads():\n"
        "    await asyncio.to_thread(query)\n"
        "    await asyncio.get_running_loop().run_in_executor(None, query)\n"
        "async def tasks():\n"
        "    await asyncio.create_task(child())\n"
        "    async with asyncio.TaskGroup() as group:\n"
        "        group.create_task(child())\n"
        "async def application(scope, receive, send):\n"
        "    if scope['type'] == 'lifespan':\n"
        "        raise RuntimeError('no lifespan here')\n"
        "    await threads()\n"
        "    await tasks()\n"
        "    query()\n"
        "    await send({'type': 'http.response.start', 'status': 200, 'headers': []})\n"
        "    await send({'type': 'http.response.body', 'body': b''})\n"
    )
    command = ("-m", "uvicorn", "--port", "{port}", "server:application")
    with app.write(server=source).run(*command) as running:
        for _ in range(2):
            queries = running.observe("/")["queries"]
            assert [[site["function"] for site in query["stack"]] for query in queries] == [
                ["query", "threads", "application"],
                ["query", "threads", "application"],
                ["query", "child", "tasks", "application"],
                ["query", "child", "tasks", "application"],
                ["query", "application"],
            ]


def test_modules_imported_before_are_installed_at_once():
    seen = []
    _imports.after("json", seen.append)
    assert seen == [json]


def test_start_does_nothing_outside_an_audit(monkeypatch):
    monkeypatch.delenv("UNSLOW_SOCKET", raising=False)
    before = list(sys.meta_path)
    _start.start()
    assert sys.meta_path == before
