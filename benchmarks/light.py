"""Measures what the light level costs a Django request, and each of its statements, by itself.

    python benchmarks/light.py

A driver that does nothing answers in no time, so that what is left is Python: Django's handler and
cursor, without the middleware and with it. Printed is the least CPU time of many rounds.
"""

import argparse
import io
import subprocess
import sys
import time

ROUNDS = 60
COUNTS = {0: 100, 10: 50, 100: 10}  # statements of a request -> requests of a round
SQL = 'SELECT "orders"."id", "orders"."status" FROM "orders" WHERE "orders"."id" = %s LIMIT 21'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--level", choices=["none", "light"], help=argparse.SUPPRESS)
    level = parser.parse_args().level
    if level:
        print(*measure(level))
        return
    none, light = (ask(level) for level in ("none", "light"))
    for count, before, after in zip(COUNTS, none, light, strict=True):
        print(
            f"{count:4} statements {before:8.1f} us  light {after:8.1f} us  {after - before:+.1f}"
        )
    each = (light[2] - light[0] - none[2] + none[0]) / 100
    print(f"each statement {each:+.2f} us, each request {light[0] - none[0]:+.1f} us")


def ask(level: str) -> list[float]:
    command = [sys.executable, __file__, "--level", level]
    return [float(part) for part in subprocess.check_output(command, text=True).split()]


def measure(level: str) -> list[float]:
    """Microseconds of CPU per request, for each number of statements."""
    handler = application(level)
    for count in COUNTS:
        serve(handler, count)
    return [min(timed(handler, count, COUNTS[count]) for _ in range(ROUNDS)) for count in COUNTS]


def application(level: str):
    from django.conf import settings

    settings.configure(
        ROOT_URLCONF=__name__,
        ALLOWED_HOSTS=["*"],
        SECRET_KEY="benchmark",
        MIDDLEWARE=["unslow.kit.django.Middleware"] if level == "light" else [],
        DATABASES={"default": {"ENGINE": "django.db.backends.postgresql", "NAME": "none"}},
    )
    import django

    django.setup()
    import psycopg
    from django.core.handlers.wsgi import WSGIHandler
    from django.db import connections
    from django.db.backends.utils import CursorWrapper
    from django.http import HttpResponse
    from django.urls import path

    def execute(self, query, params=None, **options):
        return self

    psycopg.Cursor.execute = execute

    class Cursor(psycopg.Cursor):
        def __init__(self) -> None:
            self._closed = True

        def fetchmany(self, size):
            return []

        def close(self) -> None:
            pass

    cursor = Cursor()
    connection = connections["default"]

    def view(request, count):
        for _ in range(count):
            wrapper = CursorWrapper(cursor, connection)
            wrapper.execute(SQL, (1,))
            wrapper.fetchmany(100)
            wrapper.close()
        return HttpResponse("done")

    globals()["urlpatterns"] = [path("<int:count>/", view)]
    return WSGIHandler()


def timed(handler, count: int, requests: int) -> float:
    started = time.process_time_ns()
    for _ in range(requests):
        serve(handler, count)
    return (time.process_time_ns() - started) / requests / 1000


def serve(handler, count: int) -> None:
    environ = {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": f"/{count}/",
        "QUERY_STRING": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": sys.stderr,
        "wsgi.url_scheme": "http",
    }
    handler(environ, lambda status, headers, *rest: None).close()


if __name__ == "__main__":
    main()
