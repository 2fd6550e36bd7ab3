"""What is set up wrongly is said once, when the application starts."""

import pytest

from tests.kit.ground.test_embedded import run
from tests.kit.ground.test_middleware import DJANGO
from tests.kit.ground.test_slow_log import LOG

SAID = """
print(json.dumps([one.getMessage() for one in written if one.name == "unslow"]))
"""
FIRST = '"unslow.kit.django.Middleware"'
COMMON = '"django.middleware.common.CommonMiddleware"'


def django(folder, middleware: str, then: str = "Client().get('/items/3/')\n" * 2) -> list[str]:
    source = DJANGO.replace(f"MIDDLEWARE=[{FIRST}]", f"MIDDLEWARE=[{middleware}]")
    return run(folder, LOG + source + then + SAID)


def test_silent_where_django_has_it_first(tmp_path) -> None:
    assert django(tmp_path, f"{FIRST}, {COMMON}") == []


def test_second_in_django_is_said_once(tmp_path) -> None:
    [said] = django(tmp_path, f"{COMMON}, {FIRST}")
    assert said == (
        "unslow.kit.django.Middleware is number 2 in MIDDLEWARE: what "
        "django.middleware.common.CommonMiddleware does is not measured. Put it first."
    )


def test_twice_in_django_is_said_once(tmp_path) -> None:
    [said] = django(tmp_path, f"{FIRST}, {FIRST}")
    assert said.startswith("unslow.kit.django.Middleware is 2 times in MIDDLEWARE")


def test_around_django_and_in_it_is_said_once(tmp_path) -> None:
    [said] = django(
        tmp_path,
        FIRST,
        """
from django.core.wsgi import get_wsgi_application
from unslow.kit import wsgi
wsgi.Middleware(get_wsgi_application())
""",
    )
    assert said.startswith("unslow's middleware is there twice")


@pytest.mark.parametrize(
    "setting", ['{"SLOW_ROUTES": {"items/": "fast"}}', '{"SLOW": 3}'], ids=["limit", "name"]
)
def test_a_wrong_setting_of_django_stops_it(tmp_path, setting) -> None:
    source = DJANGO.replace("MIDDLEWARE=", f"UNSLOW={setting}, MIDDLEWARE=")
    seen = run(
        tmp_path,
        source
        + """
from django.core.exceptions import ImproperlyConfigured
try:
    Client().get("/items/3/")
except ImproperlyConfigured as problem:
    print(json.dumps(str(problem)))
""",
    )
    assert seen.startswith("UNSLOW: ")


STARLETTE = """
from starlette.applications import Starlette
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from unslow.kit import asgi
app = Starlette(routes=[Route("/", lambda request: PlainTextResponse("done"))])
"""
ASK = """
with TestClient(app) as client:
    assert client.get("/").text == client.get("/").text == "done"
"""


def starlette(folder, source: str) -> list[str]:
    return run(folder, LOG + STARLETTE + source + ASK + SAID)


def test_silent_where_starlette_has_it_outermost(tmp_path) -> None:
    source = "app.add_middleware(GZipMiddleware)\napp.add_middleware(asgi.Middleware)\n"
    assert starlette(tmp_path, source) == []
    assert starlette(tmp_path, "app = asgi.Middleware(app)\n") == []


def test_inside_another_middleware_is_said_once(tmp_path) -> None:
    source = "app.add_middleware(asgi.Middleware)\napp.add_middleware(GZipMiddleware)\n"
    [said] = starlette(tmp_path, source)
    assert said.startswith("unslow's middleware is added before GZipMiddleware")


@pytest.mark.parametrize(
    "source",
    [
        "app = asgi.Middleware(asgi.Middleware(app))\n",
        "app.add_middleware(asgi.Middleware)\napp = asgi.Middleware(app)\n",
        "app = asgi.Middleware(GZipMiddleware(asgi.Middleware(app)))\n",
    ],
)
def test_twice_around_starlette_is_said_once(tmp_path, source) -> None:
    [said] = starlette(tmp_path, source)
    assert "twice" in said


def test_added_twice_is_said_once(tmp_path) -> None:
    said = starlette(tmp_path, "app.add_middleware(asgi.Middleware)\n" * 2)
    assert len(said) == 1


DRIVER = """
import sys, types
from importlib.machinery import ModuleSpec
from importlib.abc import Loader, MetaPathFinder
class Empty(MetaPathFinder, Loader):
    def find_spec(self, name, path, target=None):
        return ModuleSpec(name, self) if name == "pymysql" else None
    def exec_module(self, module):
        pass
sys.meta_path.append(Empty())
"""


def test_a_driver_that_is_not_watched_is_said_when_it_is_imported(tmp_path) -> None:
    source = DRIVER + "from unslow.kit import wsgi\nwsgi.Middleware(print)\nimport pymysql\n"
    [said] = run(tmp_path, LOG + source + SAID)
    assert said.startswith("unslow does not watch pymysql: its queries are counted only through")


def test_silent_where_sqlalchemy_uses_the_driver(tmp_path) -> None:
    source = DRIVER + "import sqlalchemy\nfrom unslow.kit import wsgi\nwsgi.Middleware(print)\n"
    assert run(tmp_path, LOG + source + "import pymysql\n" + SAID) == []
