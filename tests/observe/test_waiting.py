"""What a request waits for: a stopped event loop, other services, the clients made to ask them."""

import pytest

from tests.observe.conftest import Launcher

UVICORN = ("-m", "uvicorn", "--port", "{port}", "server:app")

LOOP = """
import asyncio, hashlib, time
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

async def sleeping(request):
    time.sleep(0.06)
    return PlainTextResponse("done")

def helper():
    time.sleep(0.06)

async def helped(request):
    helper()
    return PlainTextResponse("done")

async def awaiting(request):
    await asyncio.sleep(0.06)
    return PlainTextResponse("done")

async def aside(request):
    await asyncio.to_thread(time.sleep, 0.06)
    return PlainTextResponse("done")

def plain(request):
    time.sleep(0.06)
    return PlainTextResponse("done")

async def computing(request):
    hashlib.pbkdf2_hmac("sha256", b"password", b"salt", 60_000)
    return PlainTextResponse("done")

app = Starlette(routes=[
    Route("/" + view.__name__, view)
    for view in (sleeping, helped, awaiting, aside, plain, computing)
])
"""


@pytest.fixture(scope="module")
def loop(tmp_path_factory):
    with Launcher(tmp_path_factory.mktemp("loop")).write(server=LOOP).run(*UVICORN) as running:
        yield running


def waited(seen):
    return [block for block in seen.get("blocks", ()) if block["waited_ms"] > 20]


@pytest.mark.parametrize("path", ["/awaiting", "/aside", "/plain", "/computing"])
def test_a_loop_that_goes_on_or_works_waits_for_nothing(loop, path):
    assert waited(loop.observe(path)) == []


@pytest.mark.parametrize(
    ("path", "functions"), [("/sleeping", ["sleeping"]), ("/helped", ["helper", "helped"])]
)
def test_a_stopped_loop_names_the_line_that_stops_it(loop, path, functions):
    (block,) = waited(loop.observe(path))
    assert [site["function"] for site in block["stack"]] == functions
    assert block["duration_ms"] >= block["waited_ms"]


CALLS = """
import asyncio, json, threading, urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import httpx, requests, urllib3

class Partner(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.send_header("Set-Cookie", "a=b")
        self.end_headers()
        self.wfile.write(b"{}")
    def log_message(self, *args):
        pass

partner = ThreadingHTTPServer(("127.0.0.1", 0), Partner)
threading.Thread(target=partner.serve_forever, daemon=True).start()
URL = f"http://127.0.0.1:{partner.server_port}/rates/17?key=secret"

async def ask():
    async with httpx.AsyncClient(timeout=None) as client:
        await client.get(URL)

def httpx_get():
    httpx.get(URL)

def httpx_async():
    asyncio.run(ask())

def requests_get():
    requests.get(URL)

def requests_timed():
    requests.get(URL, timeout=(1, 7))

def urllib3_get():
    urllib3.PoolManager().request("GET", URL, timeout=4)

def urllib_open():
    urllib.request.urlopen(URL).read()

def application(environ, start_response):
    globals()[environ["PATH_INFO"][1:]]()
    start_response("200 OK", [])
    return [b"done"]
"""

GUNICORN = ("-m", "gunicorn", "-b", "127.0.0.1:{port}", "--no-control-socket", "server")


@pytest.fixture(scope="module")
def calls(tmp_path_factory):
    with Launcher(tmp_path_factory.mktemp("calls")).write(server=CALLS).run(*GUNICORN) as running:
        yield running


@pytest.mark.parametrize(
    ("path", "library", "timeout", "built"),
    [
        ("/httpx_get", "httpx", 5.0, ["httpx.Client"]),
        ("/httpx_async", "httpx-async", None, ["httpx.AsyncClient"]),
        ("/requests_get", "requests", None, ["requests.Session"]),
        ("/requests_timed", "requests", 7.0, ["requests.Session"]),
        ("/urllib3_get", "urllib3", 4.0, []),
        ("/urllib_open", "urllib", None, []),
    ],
)
def test_a_call_is_noted_once_by_the_library_that_was_asked(calls, path, library, timeout, built):
    seen = calls.observe(path)
    (call,) = seen["http_calls"]
    assert (call["library"], call["method"], call["status"]) == (library, "GET", 200)
    assert call["timeout_s"] == timeout
    assert call["path"] == "/rates/*"
    assert "secret" not in str(call)
    assert call["stack"][0]["function"] in (path[1:], "ask")
    assert [one["what"] for one in seen.get("built", [])] == built
    assert calls.collector.of("error") == []


AIOHTTP = """
import asyncio, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import aiohttp

class Partner(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(204)
        self.end_headers()
    def log_message(self, *args):
        pass

partner = ThreadingHTTPServer(("127.0.0.1", 0), Partner)
threading.Thread(target=partner.serve_forever, daemon=True).start()

async def ask():
    async with aiohttp.ClientSession() as session:
        await session.get(f"http://127.0.0.1:{partner.server_port}/rates/17")

def application(environ, start_response):
    asyncio.run(ask())
    start_response("200 OK", [])
    return [b"done"]
"""


def test_aiohttp_is_watched(app):
    pytest.importorskip("aiohttp", exc_type=ImportError)
    with app.write(server=AIOHTTP).run(*GUNICORN) as running:
        seen = running.observe("/")
        assert [call["timeout_s"] for call in seen["http_calls"]] == [300.0]
        assert [one["what"] for one in seen["built"]] == ["aiohttp.ClientSession"]
        assert running.collector.of("error") == []


DRIVERS = """
import psycopg, psycopg2
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

DSN = "postgresql://nobody@original.invalid/shop"

async def psycopg_(request):
    with psycopg.connect(DSN) as connection:
        connection.execute("SELECT pg_sleep(0.06)")
    return PlainTextResponse("done")

async def psycopg_async(request):
    async with await psycopg.AsyncConnection.connect(DSN) as connection:
        await connection.execute("SELECT pg_sleep(0.06)")
    return PlainTextResponse("done")

async def psycopg2_(request):
    connection = psycopg2.connect(DSN)
    connection.cursor().execute("SELECT pg_sleep(0.06)")
    connection.close()
    return PlainTextResponse("done")

app = Starlette(routes=[
    Route("/" + view.__name__, view) for view in (psycopg_, psycopg_async, psycopg2_)
])
"""


def test_the_waits_of_drivers_in_c_are_seen(app, postgres):
    postgres.create("observe_waiting")

    def answer(question):
        place = {"host": postgres.host, "port": postgres.port, "user": postgres.user}
        return {"params": {**question["params"], **place, "dbname": "observe_waiting"}}

    with app.write(server=DRIVERS).run(*UVICORN, answer=answer) as running:
        seen = {path: running.observe(f"/{path}") for path in ("psycopg_", "psycopg2_")}
        clean = running.observe("/psycopg_async")
    longest = {
        path: max(waited(one), key=lambda block: block["waited_ms"]) for path, one in seen.items()
    }
    lines = {path: block["stack"][0]["line"] for path, block in longest.items()}
    assert lines == {"psycopg_": 11, "psycopg2_": 21}
    assert 16 not in [block["stack"][0]["line"] for block in waited(clean)]
