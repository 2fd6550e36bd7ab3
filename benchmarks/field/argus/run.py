"""Audit argus-server 2.10.2 from nothing: `python -m benchmarks.field.argus.run`.

Installs it into its own virtual environment below `--folder`, migrates and fills a database on
the embedded PostgreSQL, and runs `unslow audit` on its normal start command.
"""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg

from benchmarks.field._application import Ready, installed, main, package, run
from unslow.demo.postgres import postgres
from unslow.demo.redis import redis

HERE = Path(__file__).parent
PACKAGES = ("argus-server==2.10.2", "gunicorn==27.0.1")
INCIDENTS = 200


@contextlib.contextmanager
def prepared(folder: Path, interpreter: str) -> Iterator[Ready]:
    python = installed(folder, interpreter, PACKAGES)
    admin = python.with_name("django-admin")
    with postgres() as database, redis() as cache:
        dsn = database.create("argus")
        environment = settings(folder, dsn, f"{cache.host}:{cache.port}")
        run(environment, admin, "migrate", "--verbosity=0")
        run(environment, admin, "collectstatic", "--noinput", "--verbosity=0")
        run(environment, python, HERE / "populate.py", str(INCIDENTS))
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("ANALYZE")
        gunicorn = str(python.with_name("gunicorn"))
        command = (gunicorn, "-w", "1", "--threads", "4", "argus.site.wsgi")
        yield Ready(
            HERE,
            environment,
            command,
            f"Authorization: Token {'a' * 40}",
            HERE / "traffic.jsonl",
            package(python, "argus"),
            dsn,
            database.log,
            HERE / "pages.jsonl",
        )


def settings(folder: Path, dsn: str, redis_server: str) -> dict[str, str]:
    given = {
        "PYTHONPATH": str(HERE),
        "DJANGO_SETTINGS_MODULE": "production_settings",
        "DATABASE_URL": dsn,
        "SECRET_KEY": "q" * 50,
        "ARGUS_FRONTEND_URL": "http://127.0.0.1:8106",
        "ARGUS_COOKIE_DOMAIN": "127.0.0.1",
        "ARGUS_REDIS_SERVER": redis_server,
        "STATIC_ROOT": str(folder / "static"),
        "DEFAULT_FROM_EMAIL": "argus@example.com",
        "EMAIL_HOST": "127.0.0.1",
        "EMAIL_PORT": "1",
        "EMAIL_HOST_USER": "unused",
        "EMAIL_HOST_PASSWORD": "unused",
    }
    return {**os.environ, **given}


if __name__ == "__main__":
    sys.exit(main("argus", prepared, __doc__))
