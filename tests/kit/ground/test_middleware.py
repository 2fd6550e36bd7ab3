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


STREAMING = """
import asyncio, contextlib
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from unslow.kit import asgi

_embedded.start()
connection = sqlite3.connect(":memory:", check_same_thread=False)
order = []

@contextlib.asynccontextmanager
async def lifespan(app):
    order.append("up")
    yield {"state": 1}
    order.append("down")

async def streamed(request):
    async def rows():
        for number in range(3):
            yield str(connection.execute("SELECT ?", (number,)).fetchone()[0])
    return StreamingResponse(rows())

def background(request):
    def later():
        order.append(connection.execute("SELECT 7").fetchone()[0])
    return PlainTextResponse("now", background=BackgroundTask(later))

async def echo(socket):
    await socket.accept()
    await socket.send_text(str(connection.execute("SELECT 8").fetchone()[0]))
    await socket.close()

app = asgi.Middleware(Starlette(lifespan=lifespan, routes=[
    Route("/streamed", streamed), Route("/background", background), WebSocketRoute("/ws", echo)]))
seen = []
_embedded.listen(lambda record: seen.append([record.route, record.query_count]))
with TestClient(app) as client:
    texts = [client.get(path).text for path in ("/streamed", "/background")]
    with client.websocket_connect("/ws") as socket:
        texts.append(socket.receive_text())
print(json.dumps([texts, order, seen]))
"""


def test_what_asgi_does_beside_requests_stays_as_it_is(tmp_path) -> None:
    texts, order, seen = run(tmp_path, STREAMING)
    assert texts == ["012", "now", "8"]
    assert order == ["up", 7, "down"]
    assert seen == [["/streamed", 3], ["/background", 0]]


def test_django_is_watched_under_asgi_and_its_asynchronous_streams_too(tmp_path) -> None:
    seen = run(
        tmp_path,
        DJANGO
        + """
from django.core.handlers.asgi import ASGIHandler

async def rows():
    from asgiref.sync import sync_to_async
    for number in range(3):
        yield str(await sync_to_async(ask)(number))

async def flowing(request):
    return StreamingHttpResponse(rows())

urlpatterns.append(path("flowing/", flowing))
application = ASGIHandler()

async def get(path):
    sent = []
    async def receive():
        if sent and not sent[-1].get("more_body", True):
            return {"type": "http.disconnect"}
        if not order:
            order.append(1)
            return {"type": "http.request", "body": b""}
        await asyncio.sleep(3600)
    order = []
    async def send(message):
        sent.append(message)
    await application({"type": "http", "method": "GET", "path": path, "headers": [],
        "query_string": b""}, receive, send)
    return len(b"".join(message.get("body", b"") for message in sent))

async def main():
    return await asyncio.gather(*(get(path) for path in ["/flowing/", "/items/3/"] * 3))

print(json.dumps([asyncio.run(main()), sorted(seen)]))
""",
    )
    lengths, records = seen
    assert lengths == [18, 4] * 3
    assert [(one[2], one[4]) for one in records] == [("flowing/", 3)] * 3 + [
        ("items/<int:number>/", 1)
    ] * 3


def test_a_stream_that_nobody_reads_hides_no_later_request(tmp_path) -> None:
    seen = run(
        tmp_path,
        DJANGO
        + """
client = Client()
left = client.get("/streamed/")
client.get("/items/3/")
client.get("/items/4/")
print(json.dumps([[one[2], one[4]] for one in seen]))
""",
    )
    assert seen == [["items/<int:number>/", 1]] * 2
