"""What a request sends elsewhere is told with its kind and digests, and never with its content."""

import subprocess
from collections.abc import Mapping

import pytest

from tests.observe.conftest import PYTHON

WSGI = """
import os

def application(environ, start_response):
    start_response("200 OK", [])
    os.environ["PATH_INFO"] = environ["PATH_INFO"]
    act(environ["PATH_INFO"])
    return [b"ok"]
"""
DJANGO = (
    """
from django.conf import settings
settings.configure(
    EMAIL_BACKEND="django.core.mail.backends.locmem.EmailBackend",
    CACHES={"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}},
)
import django
django.setup()
from django.core import mail
from django.core.cache import cache

def act(path):
    if path == "/mail":
        mail.send_mail("Subject", "Dear Ada,\\nyour order", "a@x.example", ["b@x.example"] * 2)
    elif path == "/mass":
        mail.send_mass_mail([("s", "b", "a@x.example", ["b@x.example"])] * 3)
    elif path == "/cache":
        cache.set("user:17:name", "Ada", 60)
        cache.get("user:17:name")
        cache.delete("user:17:name")
"""
    + WSGI
)
COMMAND = ("-m", "gunicorn", "-b", "127.0.0.1:{port}", "--no-control-socket", "server")
Effects = list[tuple[str, Mapping[str, str]]]


def installed(name: str) -> bool:
    asked = [PYTHON, "-c", f"import {name}"]
    return subprocess.run(asked, capture_output=True, check=False).returncode == 0


def effects(running, path: str) -> Effects:
    seen = running.observe(path)
    assert (seen["status"], seen["error"]) == (200, "")
    assert running.collector.of("error") == []
    events = running.collector.of("effect")
    return [(e["what"], e["parts"]) for e in events if e["request"] == seen["id"]]


def names(found: Effects) -> list[str]:
    return [what for what, _ in found]


def test_silent_for_a_request_that_sends_nothing(app) -> None:
    with app.write(server=DJANGO).run(*COMMAND) as running:
        assert effects(running, "/nothing") == []


def test_silent_when_nothing_is_recorded(app) -> None:
    with app.write(server=DJANGO).run(*COMMAND, level="off") as running:
        running.get("/mail")
        assert running.collector.of("effect") == []


def test_django_mail_is_told_by_line(app) -> None:
    with app.write(server=DJANGO).run(*COMMAND, level="light") as running:
        ((what, parts),) = effects(running, "/mail")
        assert what == "mail to 2 recipients"
        assert set(parts) == {"sender", "recipients", "subject", "line 1", "line 2"}
        assert names(effects(running, "/mass")) == ["mail to 1 recipient"] * 3
        assert "Ada" not in str(running.collector.events)
        assert "x.example" not in str(running.collector.of("effect"))


def test_django_cache_writes_are_told_by_the_shape_of_their_key(app) -> None:
    """The integration `django_cache`."""
    with app.write(server=DJANGO).run(*COMMAND) as running:
        found = effects(running, "/cache")
        assert names(found) == ["cache set user:*:name", "cache delete user:*:name"]
        assert set(found[0][1]) == {"key", "argument 1", "argument 2"}


REDIS = (
    """
import asyncio, redis, redis.asyncio

async def push():
    async with redis.asyncio.from_url("redis://original.invalid/0") as client:
        await client.lpush("jobs", "one")
        async with client.pipeline() as pipe:
            await pipe.set("a:1", 1).get("a:1").execute()

def act(path):
    client = redis.from_url("redis://original.invalid/0")
    client.set("user:17", "Ada", ex=60)
    client.get("user:17")
    client.pipeline().incr("hits").expire("hits", 5).execute()
    asyncio.run(push())
"""
    + WSGI
)


def test_redis_writes_are_told_and_reads_are_not(app, redis_server) -> None:
    def answer(question):
        return {"host": redis_server.host, "port": redis_server.port, "db": 5}

    with app.write(server=REDIS).run(*COMMAND, answer=answer) as running:
        assert names(effects(running, "/")) == [
            "cache SET user:*",
            "cache INCRBY hits",
            "cache EXPIRE hits",
            "cache LPUSH jobs",
            "cache SET a:*",
        ]


SMTPLIB = (
    """
import smtplib

def act(path):
    try:
        smtplib.SMTP("mail.invalid", 25)
    except ConnectionRefusedError:
        pass
"""
    + WSGI
)


def test_smtplib_is_told_though_it_is_refused(app) -> None:
    with app.write(server=SMTPLIB).run(*COMMAND) as running:
        assert names(effects(running, "/")) == ["connection to a mail server"]


LATER = """
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from django.conf import settings
settings.configure(EMAIL_BACKEND="django.core.mail.backends.dummy.EmailBackend")
from django.core import mail

def send():
    mail.send_mail("s", "b", "a@x.example", ["b@x.example"])

async def home(request):
    return PlainTextResponse("ok", background=BackgroundTask(send))

app = Starlette(routes=[Route("/", home)])
"""


def test_what_is_sent_after_the_response_still_belongs_to_its_request(app) -> None:
    command = ("-m", "uvicorn", "--port", "{port}", "server:app")
    with app.write(server=LATER).run(*command) as running:
        seen = running.observe("/")
        running.collector.wait("effect", request=seen["id"], what="mail to 1 recipient")


THREADED = """
import os
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from threading import Event, Thread
from django.conf import settings
settings.configure(EMAIL_BACKEND="django.core.mail.backends.dummy.EmailBackend")
from django.core import mail

answered = Event()

def send():
    answered.wait(10)
    mail.send_mail("s", "b", "a@x.example", ["b@x.example"])

async def home(request):
    Thread(target=send).start()
    return PlainTextResponse("ok")

async def done(request):
    answered.set()
    return PlainTextResponse("ok")

app = Starlette(routes=[Route("/", home), Route("/done", done)])
"""


def test_what_a_thread_sends_belongs_to_the_request_that_started_it(app) -> None:
    command = ("-m", "uvicorn", "--port", "{port}", "server:app")
    with app.write(server=THREADED).run(*command) as running:
        seen = running.observe("/")
        running.get("/done")
        running.collector.wait("effect", request=seen["id"], what="mail to 1 recipient")


QUEUES = {
    "celery": """
import celery
app = celery.Celery("shop", broker="memory://")

@app.task(name="shop.send_receipt")
def send_receipt(order, loud=False): ...

def act(path):
    send_receipt.delay(17, loud=True)
    app.send_task("shop.send_receipt", (17,), {"loud": True})
""",
    "dramatiq": """
import dramatiq
from dramatiq.brokers.stub import StubBroker
dramatiq.set_broker(StubBroker())

@dramatiq.actor(actor_name="shop.send_receipt")
def send_receipt(order, loud=False): ...

def act(path):
    send_receipt.send(17, loud=True)
    send_receipt.send_with_options(args=(17,), kwargs={"loud": True})
""",
    "rq": """
import redis, rq
queue = rq.Queue(connection=redis.from_url("redis://original.invalid/0"))

def act(path):
    queue.enqueue("shop.send_receipt", 17, loud=True)
    queue.enqueue_call("shop.send_receipt", (17,), {"loud": True})
""",
    "arq": """
import asyncio
from arq import create_pool
from arq.connections import RedisSettings

async def twice():
    pool = await create_pool(RedisSettings(host="original.invalid"))
    await pool.enqueue_job("shop.send_receipt", 17, loud=True)
    await pool.enqueue_job("shop.send_receipt", 17, loud=True)
    await pool.aclose()

def act(path):
    asyncio.run(twice())
""",
    "django_tasks": """
import sys
from django.conf import settings
settings.configure(TASKS={"default": {"BACKEND": "django.tasks.backends.dummy.DummyBackend"}})
import types
shop = sys.modules["shop"] = types.ModuleType("shop")
from django.tasks import task
exec("def send_receipt(order, loud=False): ...", shop.__dict__)
shop.send_receipt.__module__ = "shop"
shop.send_receipt = task(shop.send_receipt)

def act(path):
    shop.send_receipt.enqueue(17, loud=True)
    shop.send_receipt.enqueue(17, loud=True)
""",
}
LIBRARIES = {"django_tasks": "django.tasks"}


@pytest.mark.parametrize("name", QUEUES)
def test_a_task_is_told_once_with_its_arguments(app, redis_server, name: str) -> None:
    if not installed(LIBRARIES.get(name, name)):
        pytest.skip(f"{name} is not installed")

    def answer(question):
        return {"host": redis_server.host, "port": redis_server.port, "db": 6}

    with app.write(server=QUEUES[name] + WSGI).run(*COMMAND, answer=answer) as running:
        found = effects(running, "/")
        assert names(found) == ["task shop.send_receipt"] * 2
        first, second = (parts for _, parts in found)
        assert {key: first[key] for key in ("argument 1", "loud=")} == {
            key: second[key] for key in ("argument 1", "loud=")
        }
