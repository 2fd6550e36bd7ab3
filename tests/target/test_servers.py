"""Frameworks under their normal start commands: found, started, observed, logged in to."""

import os
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from tests.target.applications import Notes, get
from unslow.errors import UnslowError, UsageError
from unslow.lab.target import Lab, Settings, Start, Target, discover
from unslow.progress import Silent

DJANGO = {
    "manage.py": """
import os, sys
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site_.settings")
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
""",
    "site_/settings.py": """
import os
from pathlib import Path
SECRET_KEY = "x" * 50
ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions",
                  "books"]
MIDDLEWARE = ["django.contrib.sessions.middleware.SessionMiddleware",
              "django.contrib.auth.middleware.AuthenticationMiddleware"]
ROOT_URLCONF = "site_.urls"
if "NAME" in os.environ:
    DATABASES = {"default": {"ENGINE": "django.db.backends.postgresql", "USER": "postgres",
        "HOST": "127.0.0.1", "PORT": os.environ["DBPORT"], "NAME": os.environ["NAME"]}}
else:
    DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3",
        "NAME": Path(__file__).parent.parent / "db.sqlite3"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
""",
    "site_/wsgi.py": """
import os
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site_.settings")
from django.core.wsgi import get_wsgi_application
application = get_wsgi_application()
""",
    "site_/urls.py": """
from django.urls import path
from books.views import listing, whoami
urlpatterns = [path("books/", listing), path("me/", whoami)]
""",
    "books/__init__.py": "",
    "books/models.py": """
from django.db import models
class Book(models.Model):
    title = models.CharField(max_length=50)
""",
    "books/views.py": """
from django.http import HttpResponse
from books.models import Book
def listing(request):
    return HttpResponse(",".join(book.title for book in Book.objects.order_by("id")))
def whoami(request):
    return HttpResponse(request.user.get_username())
""",
    "books/migrations/__init__.py": "",
    "books/migrations/0001_initial.py": """
from django.db import migrations, models
class Migration(migrations.Migration):
    operations = [migrations.CreateModel("Book", [
        ("id", models.BigAutoField(primary_key=True)),
        ("title", models.CharField(max_length=50))])]
""",
}
FASTAPI = """
import os
import asyncpg
from fastapi import FastAPI
app = FastAPI()
@app.get("/items")
async def items() -> int:
    connection = await asyncpg.connect(os.environ["DSN"])
    try:
        return await connection.fetchval("SELECT count(*) FROM item")
    finally:
        await connection.close()
"""
FLASK = """
import os
import psycopg
from flask import Flask
app = Flask(__name__)
@app.get("/items")
def items():
    with psycopg.connect(os.environ["DSN"]) as connection:
        return str(connection.execute("SELECT count(*) FROM item").fetchone()[0])
"""


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def found(folder: Path, *command: str, **env: str) -> Target:
    return discover(None, command, cwd=folder, settings=Settings(env=env))


def migrate(folder: Path, **env: str) -> None:
    code = (
        "import django; django.setup()\n"
        "from django.core.management import call_command; call_command('migrate', verbosity=0)\n"
        "from books.models import Book; Book.objects.create(title='Emma')\n"
        "from django.contrib.auth.models import User; User.objects.create(username='ann')\n"
    )
    environment = {**os.environ, **env, "DJANGO_SETTINGS_MODULE": "site_.settings"}
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    subprocess.run([sys.executable, "-c", code], cwd=folder, env=environment, check=True)


def location(dsn: str) -> dict[str, str]:
    with psycopg.connect(dsn) as connection:
        return {"NAME": connection.info.dbname, "DBPORT": str(connection.info.port)}


def test_django_on_sqlite_under_runserver(tmp_path: Path) -> None:
    migrate(write(tmp_path, DJANGO))
    with Lab(found(tmp_path, "python", "manage.py", "runserver"), Silent()) as lab:
        running = lab.launch(lab.tree(), "A", record="full")
        description = running.describe()
        assert description.kind == "django"
        lab.check(running, description)
        assert get(running, "/books/", "one") == b"Emma"
        (request,) = running.drain(["one"])
        assert request.endpoint == "GET books/"
        assert request.queries[0].stack[0].path == "books/views.py"
        assert [model.site.path for model in description.models if model.site][-1:] == [
            "books/models.py"
        ]
        assert lab.roots == (str(tmp_path),)


def test_django_on_postgresql_under_gunicorn_with_a_login(tmp_path: Path, source: str) -> None:
    env = location(source)
    migrate(write(tmp_path, DJANGO), **env)
    target = found(tmp_path, **env)
    assert target.command == ("gunicorn", "site_.wsgi")
    with Lab(target, Silent()) as lab:
        running = lab.launch(lab.tree(), "A", record="full")
        lab.check(running, running.describe())
        assert get(running, "/me/", "a", **running.login("ann")) == b"ann"
        assert get(running, "/books/", "b") == b"Emma"
        with pytest.raises(UsageError, match="'bob' was refused"):
            running.login("bob")
    with psycopg.connect(source) as connection:
        row = connection.execute("SELECT count(*) FROM django_session").fetchone()
        assert row == (0,)


def test_a_django_project_without_migrations_says_so(tmp_path: Path, source: str) -> None:
    env = location(source)
    with psycopg.connect(source) as connection:
        connection.execute("DROP TABLE item")
    with Lab(found(write(tmp_path, DJANGO), **env), Silent()) as lab:
        running = lab.launch(lab.tree(), "A")
        with pytest.raises(UnslowError, match=r"python manage\.py migrate"):
            lab.check(running, running.describe())


def test_a_django_project_with_a_pending_migration_is_warned_of(tmp_path: Path) -> None:
    migrate(write(tmp_path, DJANGO))
    models = tmp_path / "books" / "models.py"
    models.write_text(models.read_text() + "class Author(models.Model):\n    pass\n")
    notes = Notes()
    with Lab(found(tmp_path), notes) as lab:
        running = lab.launch(lab.tree(), "A")
        get(running, "/books/")
        lab.check(running, running.describe())
    assert any("books_author" in note for note in notes.notes)


def test_a_login_without_users_is_refused(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("from fastapi import FastAPI\napp = FastAPI()\n")
    with Lab(found(tmp_path), Silent()) as lab:
        running = lab.launch(lab.tree(), "A")
        with pytest.raises(UsageError, match="Login as 'ann' was refused"):
            running.login("ann")


@pytest.mark.parametrize(
    "command",
    [
        (),
        ("uvicorn", "--workers", "2", "main:app"),
        ("granian", "--interface", "asgi", "main:app"),
    ],
)
def test_fastapi_is_observed(tmp_path: Path, source: str, command: tuple[str, ...]) -> None:
    (tmp_path / "main.py").write_text(FASTAPI)
    with Lab(found(tmp_path, *command, DSN=source), Silent()) as lab:
        running = lab.launch(lab.tree(), "A", record="full")
        assert running.describe().kind == "fastapi"
        assert get(running, "/items", "one") == b"100"
        (request,) = running.drain(["one"])
        assert request.endpoint == "GET /items"
        assert [query.stack[0].path for query in request.queries] == ["main.py"]
        assert running.databases[0].source in source
        assert not running.cpu().unseen


@pytest.mark.parametrize(
    "command",
    [
        ("flask", "--app", "main", "run"),
        ("gunicorn", "--preload", "-w", "2", "main:app"),
        ("granian", "--interface", "wsgi", "main:app"),
    ],
)
def test_flask_is_observed(tmp_path: Path, source: str, command: tuple[str, ...]) -> None:
    (tmp_path / "main.py").write_text(FLASK)
    with Lab(found(tmp_path, *command, DSN=source), Silent()) as lab:
        running = lab.launch(lab.tree(), "A", record="full")
        assert running.describe().kind == "flask"
        assert get(running, "/items", "one") == b"100"
        (request,) = running.drain(["one"])
        assert request.endpoint == "GET /items"
        assert [query.stack[0].path for query in request.queries] == ["main.py"]


def test_a_configuration_file_of_gunicorn_is_used_but_for_the_address(
    tmp_path: Path, source: str
) -> None:
    (tmp_path / "main.py").write_text(FLASK)
    (tmp_path / "gunicorn.conf.py").write_text("bind = '0.0.0.0:80'\nworkers = 2\n")
    with Lab(found(tmp_path, "gunicorn", "main:app", DSN=source), Silent()) as lab:
        running = lab.launch(lab.tree(), "A")
        assert get(running, "/items") == b"100"
        assert len(running.pids()) == 3


def test_workers_that_cannot_import_are_given_up(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("import nothing_of_that_name\n")
    target = found(tmp_path, "uvicorn", "--workers", "2", "main:app")
    with Lab(target, Silent()) as lab, pytest.raises(UnslowError, match="nothing_of_that_name"):
        lab.launch(lab.tree(), "A")


WSGIREF = """
from wsgiref.simple_server import make_server
def app(e, s):
    s('200 OK', [])
    return [b'mine']
make_server('0.0.0.0', {port}, app).serve_forever()
"""
UVICORN = """
import uvicorn
from fastapi import FastAPI
app = FastAPI()
@app.get("/")
def mine() -> str:
    return "mine"
if __name__ == "__main__":
    uvicorn.run({what}, host="0.0.0.0", port={port}{more})
"""
METRICS = """
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
metrics = HTTPServer(("", 9100), BaseHTTPRequestHandler)
threading.Thread(target=metrics.serve_forever, daemon=True).start()
"""
FLASK_RUN = """
from flask import Flask
app = Flask(__name__)
@app.get("/")
def mine():
    return "mine"
app.run(port={port}, debug=True)
"""


@pytest.mark.parametrize(
    "text",
    [
        WSGIREF,
        METRICS + WSGIREF,
        FLASK_RUN,
        UVICORN.replace("{what}", "app").replace("{more}", ""),
        UVICORN.replace("{what}", "'main:app'").replace("{more}", ", workers=2"),
    ],
    ids=["wsgiref", "metrics first", "flask with a reloader", "uvicorn", "uvicorn workers"],
)
def test_copies_of_a_command_with_a_fixed_port_run_side_by_side(tmp_path: Path, text: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        (tmp_path / "main.py").write_text(text.replace("{port}", str(port)))
        with Lab(found(tmp_path, "python", "main.py"), Silent()) as lab:
            runs = lab.launch_all([Start(lab.tree(), "A"), Start(lab.tree(), "B")])
            assert all(b"mine" in get(running, "/") for running in runs)


def test_a_taken_port_is_named_with_the_remedy(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        (tmp_path / "main.py").write_text(FLASK)
        script = f"exec granian --interface wsgi --port {taken.getsockname()[1]} main:app"
        with (
            Lab(found(tmp_path, "sh", "-c", script), Silent()) as lab,
            pytest.raises(UnslowError, match="environment variable PORT"),
        ):
            lab.launch(lab.tree(), "A")


def test_a_write_ahead_database_is_cloned_without_a_trace(tmp_path: Path) -> None:
    folder = write(tmp_path, DJANGO)
    migrate(folder)
    connection = sqlite3.connect(folder / "db.sqlite3")
    connection.execute("PRAGMA journal_mode = wal")
    connection.close()
    before = sorted(path.name for path in folder.iterdir())
    with Lab(found(folder), Silent()) as lab:
        assert get(lab.launch(lab.tree(), "A"), "/books/") == b"Emma"
    assert sorted(path.name for path in folder.iterdir()) == before
