"""The continuous profile: off unless asked for, by route, in each process for itself."""

import json
import os
import signal
import stat
import subprocess
import sys
import threading
from contextlib import contextmanager

import pytest

from tests.kit.profile import decoded
from tests.kit.profile.exchange import ASK, Application, wrapped
from unslow.errors import UnslowError, UsageError
from unslow.kit import _profile_socket, continuous

APP = """
import asyncio, os, sys, threading, time
from unslow.kit import asgi, wsgi

def burn(seconds):
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        sum(range(100))

def spent_in_thread():
    burn(0.15)

async def spent_in_task():
    burn(0.15)

def spent_here():
    burn(0.15)

CONTINUOUS = {"": None, "0": False, "1": True}[os.environ.get("CONTINUOUS", "")]

from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

async def item(request):
    spent_here()
    await asyncio.gather(spent_in_task(), asyncio.to_thread(spent_in_thread))
    return PlainTextResponse(str(os.getpid()))

def plain(request):
    return PlainTextResponse(str(os.getpid()))

starlette = Starlette(routes=[Route("/items/{id}", item), Route("/plain", plain)])
starlette = asgi.Middleware(starlette, continuous=CONTINUOUS)

from flask import Flask

flask = Flask(__name__)

@flask.get("/items/<int:id>")
def show(id):
    spent_here()
    thread = threading.Thread(target=spent_in_thread)
    thread.start()
    thread.join()
    return str(os.getpid())

@flask.get("/plain")
def about():
    return str(os.getpid())

flask.wsgi_app = wsgi.Middleware(flask.wsgi_app, continuous=CONTINUOUS)
"""
GUNICORN = (
    *("-m", "gunicorn", "-b", "127.0.0.1:{port}", "--no-control-socket", "--preload"),
    *("-k", "gthread", "--threads", "2", "-w", "2", "served:flask"),
)
UVICORN = ("-m", "uvicorn", "--port", "{port}", "--lifespan", "off", "served:starlette")


@pytest.fixture(autouse=True)
def sockets(tmp_path, monkeypatch):
    """A folder of this test for the sockets of its processes."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    return tmp_path / f"unslow-{os.geteuid()}"


@contextmanager
def burning():
    over = threading.Event()

    def loop() -> None:
        while not over.is_set():
            sum(range(100))

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def until(condition, what: str):
    """What the condition gives, as soon as it gives something."""
    pause = threading.Event()
    for _ in range(60):
        found = condition()
        if found:
            return found
        pause.wait(0.05)
    raise AssertionError(f"not in sixty attempts: {what}")


def names(process: int) -> dict[str, set[str]]:
    """The functions that were seen in each route."""
    found: dict[str, set[str]] = {}
    for stack, _, labels in decoded.pprof(_profile_socket.ask(process, "pprof"))["samples"]:
        found.setdefault(labels["route"], set()).update(name for name, *_ in stack)
    return found


def threads() -> set[str]:
    return {thread.name for thread in threading.enumerate() if thread.name.startswith("unslow-c")}


@pytest.mark.parametrize("protocol", ASK)
def test_without_the_setting_there_is_no_thread_and_no_socket(protocol, sockets) -> None:
    ASK[protocol](wrapped(Application(), protocol, debug=True), "")
    assert threads() == set()
    assert not sockets.exists()


@pytest.mark.parametrize("hz", [0, 0.5, 201, -50, float("nan"), float("inf")])
def test_a_rate_that_is_too_low_or_too_high_is_refused(hz) -> None:
    with pytest.raises(UsageError, match="looks per second"):
        continuous.on(hz)
    assert not continuous.is_on()


def test_it_sees_what_is_at_work_from_on_to_off() -> None:
    with burning():
        continuous.on(200)
        try:
            until(lambda: continuous.snapshot().counted, "a look")
            assert threads() == {"unslow-continuous"}
            assert continuous.is_on()
        finally:
            continuous.off()
    assert threads() == set()
    assert not continuous.is_on()
    seen = continuous.snapshot()
    assert any(p.function == "burning.<locals>.loop" for c in seen.counted for p in c.stack)
    assert not any("unslow/kit" in p.path for c in seen.counted for p in c.stack)
    assert continuous.snapshot() == seen


def test_on_twice_begins_anew_with_one_thread() -> None:
    try:
        continuous.on()
        continuous.on()
        assert [t.name for t in threading.enumerate()].count("unslow-continuous") == 1
    finally:
        continuous.off()
        continuous.off()


def test_a_thread_that_waits_for_work_is_not_counted() -> None:
    event = threading.Event()
    waiter = threading.Thread(target=event.wait, name="idle")
    waiter.start()
    with burning():
        continuous.on(200)
        try:
            until(lambda: continuous.snapshot().counted, "a look")
        finally:
            continuous.off()
            event.set()
            waiter.join()
    leaves = {one.stack[-1].function for one in continuous.snapshot().counted if one.stack}
    assert "Condition.wait" not in leaves


@pytest.mark.parametrize("command", [GUNICORN, UVICORN], ids=["gunicorn", "uvicorn"])
def test_each_worker_sees_its_own_requests_by_route(folder, command) -> None:
    with folder.serve(APP, command, {"CONTINUOUS": "1", "TMPDIR": os.environ["TMPDIR"]}) as server:
        worker = int(server.text("/plain"))
        template = "/items/<int:id>" if command is GUNICORN else "/items/{id}"
        expected = {"spent_here", "spent_in_thread"} | (
            set() if command is GUNICORN else {"spent_in_task"}
        )

        def seen() -> bool:
            server.text("/items/1")
            server.text("/items/2")
            return expected <= names(worker).get(f"GET {template}", set())

        assert until(seen, "the functions in the route")
        found = names(worker)
        assert not any("/items/1" in route for route in found)
        del found[f"GET {template}"]
        assert not any(expected & functions for functions in found.values())
        if command is GUNICORN:
            assert worker != server.process.pid


def test_it_is_switched_and_saved_from_outside(folder, unslow, tmp_path) -> None:
    with folder.serve(APP, UVICORN, {"CONTINUOUS": "0", "TMPDIR": os.environ["TMPDIR"]}) as server:
        worker = int(server.text("/plain"))
        nothing = unslow("profile", "save", str(worker), str(tmp_path / "a.json"))
        assert nothing.code == 1
        assert "switch the continuous profile on first" in nothing.err
        assert unslow("profile", "on", str(worker), "--hz", "1000").code == 1
        assert unslow("profile", "on", str(worker), "--hz", "100").code == 0

        def seen() -> bool:
            server.text("/items/1")
            return "GET /items/{id}" in names(worker)

        assert until(seen, "the route")
        assert unslow("profile", "off", str(worker)).code == 0
        after = names(worker)
        server.text("/items/2")
        assert names(worker) == after
        for name in ("a.json", "a.pb.gz"):
            assert unslow("profile", "save", str(worker), str(tmp_path / name)).code == 0
    routes = {one["name"] for one in json.loads((tmp_path / "a.json").read_text())["profiles"]}
    assert "GET /items/{id}" in routes
    assert decoded.pprof((tmp_path / "a.pb.gz").read_bytes())["samples"]


def test_a_process_that_does_not_listen_is_named_with_the_remedy(unslow, tmp_path) -> None:
    ran = unslow("profile", "on", str(os.getpid()))
    assert ran.code == 1
    assert "continuous=False" in ran.err
    assert unslow("profile", "save", "1", str(tmp_path / "a.txt")).code == 2


LISTEN = """
import os, sys
from unslow.kit import _profile_socket
_profile_socket.listen()
_profile_socket.listen()
print(os.getpid(), flush=True)
sys.stdin.read()
"""


@contextmanager
def listening():
    process = subprocess.Popen(
        [sys.executable, "-c", LISTEN],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        process.stdout.readline()
        yield process
    finally:
        process.said = process.communicate(timeout=20)[1]


def test_the_folder_and_the_socket_are_for_their_owner_alone(sockets) -> None:
    with listening() as process:
        assert stat.S_IMODE(sockets.lstat().st_mode) == 0o700
        path = sockets / f"{process.pid}.sock"
        assert path.is_socket()
        assert _profile_socket.ask(process.pid, "on 100") == b""
        with pytest.raises(UnslowError, match="there is no 'eval'"):
            _profile_socket.ask(process.pid, "eval 1")
        with pytest.raises(UnslowError):
            _profile_socket.ask(process.pid, "on " + "9" * 1000)
    assert not path.exists()


@pytest.mark.parametrize("kind", ["open", "link"])
def test_a_folder_that_others_may_enter_is_not_used(sockets, kind, tmp_path) -> None:
    if kind == "open":
        sockets.mkdir(mode=0o755)
        sockets.chmod(0o755)
    else:
        (tmp_path / "elsewhere").mkdir(mode=0o700)
        sockets.symlink_to(tmp_path / "elsewhere")
    with listening() as process:
        assert list(sockets.iterdir()) == []
        with pytest.raises(UnslowError, match="does not listen"):
            _profile_socket.ask(process.pid, "on")
    assert "cannot be switched from outside" in process.said


def test_what_a_killed_process_left_is_swept_away(sockets) -> None:
    with listening() as process:
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        assert (sockets / f"{process.pid}.sock").exists()
        with listening() as other:
            assert [path.stem for path in sockets.glob("*.sock")] == [str(other.pid)]


FORK = """
import os, sys
from unslow.kit import _profile_socket, continuous
_profile_socket.listen()
continuous.on(100)
first = continuous._sampler
if not (child := os.fork()):
    import threading
    names = sorted(t.name for t in threading.enumerate() if t.name.startswith("unslow-"))
    assert names == ["unslow-continuous", "unslow-profile-socket"], names
    assert continuous.is_on() and continuous._sampler is not first
    assert _profile_socket.ask(os.getpid(), "off") == b""
    assert not continuous.is_on()
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
assert continuous.is_on() and continuous._sampler is first
assert _profile_socket.ask(os.getpid(), "off") == b""
"""


def test_the_child_of_a_fork_has_its_own() -> None:
    subprocess.run([sys.executable, "-c", FORK], check=True, timeout=30)
