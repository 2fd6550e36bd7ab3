"""A Django project is observed under every server, with its errors and its settings' package."""

import sqlite3

import pytest

SETTINGS = """
from pathlib import Path

SECRET_KEY = "x"
DEBUG = True
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "site_.urls"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3",
                         "NAME": Path(__file__).parent.parent / "original.sqlite3"}}
"""

URLS = """
from django.db import connection
from django.http import HttpResponse, StreamingHttpResponse
from django.urls import path


def rows():
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM items WHERE id = %s", [1])
        return cursor.fetchone()


def item(request, key):
    return HttpResponse(rows()[0])


def stream(request):
    def chunks():
        yield rows()[0]
        yield "!"
    return StreamingHttpResponse(chunks())


def fail(request):
    raise ValueError("the application's own error")


urlpatterns = [path("items/<int:key>/", item), path("stream/", stream), path("fail/", fail)]
"""

MANAGE = """
import os, sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site_.settings")

if __name__ == "__main__":
    from django.core.management import execute_from_command_line
    execute_from_command_line(sys.argv)
"""

SERVER = """
import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site_.settings")
from django.core.{0} import get_{0}_application
application = get_{0}_application()
"""

GUNICORN = ("-m", "gunicorn", "-b", "127.0.0.1:{port}", "--no-control-socket")
SERVERS = {
    "runserver": ("manage.py", "runserver", "127.0.0.1:{port}"),
    "gunicorn-gthread": (*GUNICORN, "-k", "gthread", "--threads", "2", "wsgi"),
    "gunicorn-preload": (*GUNICORN, "--preload", "wsgi"),
    "granian": ("-m", "granian", "--interface", "wsgi", "--port", "{port}", "wsgi:application"),
    "uvicorn": ("-m", "uvicorn", "--port", "{port}", "asgi:application"),
    "gunicorn-asgi": (*GUNICORN, "-k", "asgi", "asgi:application"),
}


@pytest.fixture
def project(app):
    (app.root / "site_").mkdir()
    app.write(
        **{"site_/__init__": "", "site_/settings": SETTINGS, "site_/urls": URLS, "manage": MANAGE},
        wsgi=SERVER.format("wsgi"),
        asgi=SERVER.format("asgi"),
    )
    with sqlite3.connect(app.root / "clone.sqlite3") as connection:
        connection.execute("CREATE TABLE items (id, name)")
        connection.execute("INSERT INTO items VALUES (1, 'one')")
    return app


def answer(question):
    return {"path": question["path"].replace("original", "clone")}


@pytest.mark.parametrize("server", SERVERS)
def test_django(project, server):
    with project.run(*SERVERS[server], answer=answer) as running:
        seen = running.observe("/items/7/")
        assert (seen["status"], seen["error"]) == (200, "")
        assert seen["route"] == "items/<int:key>/"
        (query,) = seen["queries"]
        assert query["shape"] == "SELECT name FROM items WHERE id = ?"
        assert [site["function"] for site in query["stack"]] == ["rows", "item"]

        seen = running.observe("/stream/")
        assert seen["response_bytes"] == 4
        assert len(seen["queries"]) == 1
        assert [site["function"] for site in seen["queries"][0]["stack"]][:2] == [
            "rows",
            "stream.<locals>.chunks",
        ]

        failed = running.observe("/fail/")
        assert (failed["status"], failed["error"]) == (
            500,
            "ValueError: the application's own error",
        )
        described = running.control("describe")
        assert described["kind"] == "django"
        assert described["packages"]["site_"] == str(project.root / "site_")
        assert running.collector.of("error") == []
