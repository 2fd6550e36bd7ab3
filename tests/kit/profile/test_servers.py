"""Profiles of Django, Starlette, FastAPI and Flask behind gunicorn and uvicorn."""

import re
import threading
from dataclasses import dataclass

import pytest

from tests.kit.profile.exchange import SECRET
from unslow.kit import _token

WORK = """
import asyncio, os, threading, time
from concurrent.futures import ThreadPoolExecutor

calls = 0

def burn(seconds=0.03):
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        sum(range(100))

def burn_in_pool():
    burn()

def burn_in_thread():
    burn()

async def wait_for_it():
    await asyncio.sleep(0.05)

async def wait_beside():
    await asyncio.sleep(0.05)

def work():
    global calls
    calls += 1
    burn()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(burn_in_pool).result()

async def awork():
    global calls
    calls += 1
    burn()
    await wait_for_it()
    await asyncio.gather(wait_beside(), asyncio.to_thread(burn_in_thread))

gate = threading.Event()

def neighbour():
    while not gate.wait(0):
        sum(range(100))
"""

DJANGO = (
    WORK
    + """
import django
from django.conf import settings
settings.configure(
    DEBUG="DEBUG" in os.environ, ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="tests",
    MIDDLEWARE=["unslow.kit.django.Middleware", "django.middleware.http.ConditionalGetMiddleware",
        "django.middleware.gzip.GZipMiddleware", "django.middleware.common.CommonMiddleware"],
)
django.setup()
import logging
logging.basicConfig()
from django.http import HttpResponse, StreamingHttpResponse
from django.urls import path

def answer(request):
    response = HttpResponse(f"{calls} {request.GET.urlencode()}", status=201)
    response.set_cookie("seen", str(calls))
    return response

def sync(request):
    work()
    return answer(request)

async def awaited(request):
    await awork()
    return answer(request)

def plain(request):
    return answer(request)

def stream(request):
    return StreamingHttpResponse(iter(["a", "b"]))

def error(request):
    burn()
    raise LookupError("wrong")

def busy(request):
    neighbour()
    return answer(request)

def free(request):
    gate.set()
    return answer(request)

urlpatterns = [path(f"{view.__name__}/", view)
    for view in (sync, awaited, plain, stream, error, busy, free)]
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
wsgi, asgi = get_wsgi_application(), get_asgi_application()
"""
)

STARLETTE = (
    WORK
    + """
from fastapi import FastAPI, Request, Response
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import StreamingResponse
from unslow.kit.asgi import Middleware

app = FastAPI(debug="DEBUG" in os.environ)

@app.middleware("http")
async def around(request, call_next):
    return await call_next(request)

app.add_middleware(GZipMiddleware)
app.add_middleware(Middleware)

def answer(request):
    response = Response(f"{calls} {request.url.query}", 201)
    response.set_cookie("seen", str(calls))
    return response

@app.get("/sync/")
def sync(request: Request):
    work()
    return answer(request)

@app.get("/awaited/")
async def awaited(request: Request):
    await awork()
    return answer(request)

@app.get("/plain/")
async def plain(request: Request):
    return answer(request)

@app.get("/stream/")
def stream():
    return StreamingResponse(iter(["a", "b"]))

@app.get("/error/")
def error():
    burn()
    raise LookupError("wrong")

@app.get("/busy/")
def busy(request: Request):
    neighbour()
    return answer(request)

@app.get("/free/")
def free(request: Request):
    gate.set()
    return answer(request)
"""
)

FLASK = (
    WORK
    + """
from flask import Flask, Response, request
from unslow.kit.wsgi import Middleware

flask = Flask(__name__)
flask.debug = "DEBUG" in os.environ
flask.wsgi_app = Middleware(flask.wsgi_app)

def answer():
    response = Response(f"{calls} {request.query_string.decode()}", 201)
    response.set_cookie("seen", str(calls))
    return response

@flask.get("/sync/")
def sync():
    work()
    return answer()

@flask.get("/plain/")
def plain():
    return answer()

@flask.get("/stream/")
def stream():
    return Response(iter(["a", "b"]))

@flask.get("/error/")
def error():
    burn()
    raise LookupError("wrong")

@flask.get("/busy/")
def busy():
    neighbour()
    return answer()

@flask.get("/free/")
def free():
    gate.set()
    return answer()
"""
)

GUNICORN = (
    *("-m", "gunicorn", "-b", "127.0.0.1:{port}", "--no-control-socket"),
    *("-k", "gthread", "--threads", "4", "--access-logfile", "-"),
)
UVICORN = ("-m", "uvicorn", "--port", "{port}")


@dataclass(frozen=True)
class Stand:
    """An application, the server's command, and what the application can do."""

    source: str
    command: tuple[str, ...]
    views: tuple[str, ...] = ("sync", "awaited")


STANDS = {
    "django-gunicorn": Stand(DJANGO, (*GUNICORN, "served:wsgi")),
    "django-uvicorn": Stand(DJANGO, (*UVICORN, "--lifespan", "off", "served:asgi")),
    "fastapi-uvicorn": Stand(STARLETTE, (*UVICORN, "served:app")),
    "flask-gunicorn": Stand(FLASK, (*GUNICORN, "served:flask"), ("sync",)),
}


@pytest.fixture(scope="module", params=STANDS)
def stand(request):
    return STANDS[request.param]


@pytest.fixture(scope="module")
def server(stand, folder):
    with folder.serve(stand.source, stand.command) as server:
        yield server


def token(**options) -> str:
    return _token.sign(SECRET, **{"ttl_s": 300, **options})


def share(text: str, function: str) -> float:
    """The part of the time that the table gives to a function."""
    found = re.search(
        rf"(?m)^ *[\d.]+ +([\d.]+) +[\d.]+ +[\d.]+  {re.escape(function)}(?: |$)", text
    )
    assert found, f"no {function} in {text}"
    return float(found[1])


def test_an_outsider_sees_the_plain_response(server) -> None:
    plain = server.send("/plain/?a=1")
    for query in ("profile=1", "profile=text", f"profile=1&profile_token={token(route='/x')}"):
        answered = server.send(f"/plain/?a=1&{query}")
        assert answered.status == 201
        assert answered.body.decode().endswith(f" a=1&{query.replace('/', '%2F')}")
        assert answered.headers.keys() == plain.headers.keys()


def test_a_view_is_profiled_and_runs_once(server, stand) -> None:
    for view in stand.views:
        before = int(server.text("/plain/").split()[0])
        answered = server.send(f"/{view}/?profile=text&profile_token={token()}")
        text = answered.body.decode()
        assert answered.status == 201
        assert f"seen={before + 1}" in str(answered.headers)
        assert int(server.text("/plain/").split()[0]) == before + 1
        assert share(text, "burn") > 1
        if view == "sync":
            assert share(text, "burn_in_pool") > 1
        else:
            assert share(text, "burn_in_thread") > 1
            assert share(text, "wait_for_it") > 1
            assert share(text, "[await]") > 1


def test_the_page_is_html_and_keeps_the_cookie(server) -> None:
    answered = server.send("/sync/?profile=1", **{"X-Unslow-Token": token(route="/sync/")})
    assert answered.status == 201
    headers = {name.lower(): value for name, value in answered.headers.items()}
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert "content-encoding" not in headers
    assert "seen=" in headers["set-cookie"]
    assert int(headers["content-length"]) == len(answered.body)
    assert b"pyinstrumentHTMLRenderer" in answered.body


def test_a_good_token_is_not_in_the_access_log(server) -> None:
    good = token(ttl_s=299)
    assert "answered 201" in server.text(f"/plain/?a=1&profile=text&profile_token={good}")
    server.send("/plain/")
    log = server.log.read_text()
    assert "/plain/?a=1" in log
    assert good not in log


def test_a_head_request_has_no_body(server) -> None:
    answered = server.send(f"/plain/?profile=1&profile_token={token()}", "HEAD")
    assert answered.body == b""


def test_a_streamed_response_is_refused_a_profile(server) -> None:
    answered = server.send(f"/stream/?profile=1&profile_token={token()}")
    assert (answered.status, answered.body) == (200, b"ab")
    headers = {name.lower(): value for name, value in answered.headers.items()}
    assert headers["x-unslow-profile"] == "refused: the response is streamed"


def test_a_view_that_raises_is_profiled(server) -> None:
    answered = server.send(f"/error/?profile=text&profile_token={token()}")
    assert answered.status == 500
    assert share(answered.body.decode(), "error") > 1
    server.send("/plain/")
    assert "LookupError: wrong" in server.log.read_text()


def test_a_request_beside_it_is_not_mixed_in(server, stand) -> None:
    busy = threading.Thread(target=server.send, args=("/busy/",))
    busy.start()
    try:
        text = server.text(f"/{stand.views[-1]}/?profile=text&profile_token={token()}")
    finally:
        server.send("/free/")
        busy.join()
    assert share(text, "burn") > 1
    assert "neighbour" not in text


def test_in_debug_mode_everyone_may_see_a_profile(stand, folder) -> None:
    with folder.serve(stand.source, stand.command, {"DEBUG": "1", "UNSLOW_SECRET": ""}) as server:
        text = server.text("/sync/?profile=text")
        assert share(text, "burn") > 1
        assert "pyinstrumentHTMLRenderer" in server.text("/sync/?profile=1")
        assert "LookupError" not in server.text("/plain/?profile=2")
