"""Small applications under real servers, each with the kit in it and no lab around it."""

import http.client
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from tests.observe.conftest import _wait_for, free_port

Series = dict[tuple[str, ...], float]

STARLETTE = """
import os
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from unslow.kit import asgi, metrics

async def pid(request):
    return PlainTextResponse(str(os.getpid()))

async def item(request):
    return PlainTextResponse("item", status_code=int(request.query_params.get("status", 200)))

routes = [Route("/pid", pid), Route("/items/{id:int}", item, methods=["GET", "POST"]),
          Route("/metrics", metrics.asgi)]
app = asgi.Middleware(Starlette(routes=routes), metrics=True)
"""

DJANGO = """
import os, django
from django.conf import settings
settings.configure(
    ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="test", DEBUG=False,
    MIDDLEWARE=["unslow.kit.django.Middleware"], UNSLOW={"METRICS": True},
    CACHES={"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}},
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3",
        "CONN_MAX_AGE": None}},
)
django.setup()
from django.core.cache import cache
from django.db import connection
from django.http import HttpResponse
from django.urls import path, re_path
from unslow.kit import metrics

def pid(request):
    return HttpResponse(str(os.getpid()))

def read(request, count):
    for _ in range(count):
        connection.cursor().execute("SELECT 1")
    cache.get("nothing")
    cache.set("it", 1)
    cache.get("it")
    return HttpResponse("read")

urlpatterns = [path("", pid), path("pid", pid), path("read/<int:count>/", read),
               path("metrics", metrics.view), re_path(r"^files/", pid)]
from django.core.wsgi import get_wsgi_application
application = get_wsgi_application()
from django.core.asgi import get_asgi_application
asgi_application = get_asgi_application()
"""


@dataclass
class Server:
    """A server that runs."""

    port: int
    process: "subprocess.Popen[bytes]"
    log: Path

    def send(self, path: str, method: str = "GET", accept: str = "*/*") -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, headers={"Accept": accept})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def get(self, path: str) -> str:
        return self.send(path)[1]

    def scrape(self, path: str = "/metrics") -> dict[str, Series]:
        """Each sample's value by its name and its labels' values in alphabetical order."""
        return series(self.get(path))


def series(text: str) -> dict[str, Series]:
    found: dict[str, Series] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = tuple(sample.labels[name] for name in sorted(sample.labels))
            found.setdefault(sample.name, {})[labels] = sample.value
    return found


@contextmanager
def serving(
    folder: Path, source: str, *command: str, environ: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """Start `python -m command` with the source as `program.py`; `{port}` is a free port."""
    folder.mkdir(exist_ok=True)
    (folder / "program.py").write_text(source)
    port, log = free_port(), folder / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *(part.format(port=port) for part in command)],
            cwd=folder,
            env={**os.environ, **(environ or {})},
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            _wait_for(port, process, log)
            yield Server(port, process, log)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
