"""The middleware is the boundary of a request, framework by framework."""

from tests.kit.ground.test_embedded import run

DJANGO = """
import asyncio
from django.conf import settings
settings.configure(
    ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="s",
    MIDDLEWARE=["unslow.kit.django.Middleware"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "file.db"}},
)
import django
django.setup()
from django.db import connection
from django.http import HttpResponse, StreamingHttpResponse
from django.test import AsyncClient, Client
from django.urls import path

def ask(number):
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s", [number])
        return cursor.fetchall()

def view(request, number):
    ask(number)
    return HttpResponse("done")

async def awaited(request):
    from asgiref.sync import sync_to_async
    await sync_to_async(ask)(1)
    return HttpResponse("done")

def streamed(request):
    def rows():
        for number in range(3):
            yield str(ask(number))
    return StreamingHttpResponse(rows())

def broken(request):
    raise ValueError("broken")

urlpatterns = [path("items/<int:number>/", view), path("awaited/", awaited),
    path("streamed/", streamed), path("broken/", broken)]
seen = []
_embedded.listen(lambda record: seen.append([record.method, record.path, record.route,
    record.status, len(record.queries), record.response_bytes]))
"""


def test_django_is_watched_from_its_middleware(tmp_path) -> None:
    seen = run(
        tmp_path,
        DJANGO
        + """
client = Client(raise_request_exception=False)
client.get("/items/3/?page=2")
client.get("/broken/")
asyncio.run(AsyncClient().get("/awaited/"))
print(json.dumps([seen, _record.current() is None]))
""",
    )
    assert seen == [
        [
            ["GET", "/items/3/?page=2", "items/<int:number>/", 200, 1, 4],
            ["GET", "/broken/", "broken/", 500, 0, seen[0][1][5]],
            ["GET", "/awaited/", "awaited/", 200, 1, 4],
        ],
        True,
    ]


def test_a_streaming_response_of_django_is_watched_to_its_end(tmp_path) -> None:
    seen = run(
        tmp_path,
        DJANGO
        + """
response = Client().get("/streamed/")
before = len(seen)
content = response.getvalue()
response.close()
print(json.dumps([before, seen, _record.current() is None]))
""",
    )
    assert seen == [0, [["GET", "/streamed/", "streamed/", 200, 3, 0]], True]


def test_asgi_and_wsgi_applications_are_watched(tmp_path) -> None:
    seen = run(
        tmp_path,
        """
import asyncio
from fastapi import FastAPI
from flask import Flask
from starlette.testclient import TestClient
from unslow.kit import asgi, wsgi

_embedded.start()
connection = sqlite3.connect(":memory:", check_same_thread=False)
app = FastAPI()

@app.get("/items/{number}")
async def item(number: int):
    return connection.execute("SELECT ?", (number,)).fetchall()

flask = Flask("shop")

@flask.get("/things/<int:number>")
def thing(number):
    return str(connection.execute("SELECT ?", (number,)).fetchall())

seen = []
_embedded.listen(lambda record: seen.append([record.route, record.status, len(record.queries),
    record.response_bytes]))
app.add_middleware(asgi.Middleware)
TestClient(app).get("/items/3")
flask.wsgi_app = wsgi.Middleware(flask.wsgi_app)
flask.test_client().get("/things/3").close()
print(json.dumps([seen, _record.current() is None]))
""",
    )
    assert seen == [[["/items/{number}", 200, 1, 5], ["/things/<int:number>", 200, 1, 6]], True]
