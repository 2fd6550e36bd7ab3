"""Routes, views and what an application declares, framework by framework."""

import json

import pytest

FASTAPI = """
from enum import Enum
from uuid import UUID

from fastapi import APIRouter, Depends, FastAPI, Header
from pydantic import BaseModel
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route


class Size(str, Enum):
    small = "small"
    large = "large"


class Tag(BaseModel):
    name: str


class Order(BaseModel):
    title: str
    tags: list[Tag] = []


def page(limit: int = 20, cursor: str | None = None):
    return limit


router = APIRouter(prefix="/orders")


@router.get("/{order_id}")
def read_order(order_id: int, size: Size = Size.small, page=Depends(page)):
    return {"id": order_id}


@router.post("/")
async def create_order(order: Order, x_key: str = Header()):
    return order


sub = FastAPI()


@sub.get("/things/{key}")
async def thing(key: UUID):
    return key


class Plain:
    async def __call__(self, scope, receive, send):
        await PlainTextResponse("plain")(scope, receive, send)


def hello(request):
    return PlainTextResponse("hello")


app = FastAPI(routes=[Mount("/inner", routes=[Route("/hello/{who:int}", hello)])])
app.include_router(router, prefix="/v1")
app.mount("/sub", sub)
app.mount("/static", Plain())


class Middleware(BaseHTTPMiddleware):
    async def dispatch(self, request, call_next):
        return await call_next(request)


app.add_middleware(Middleware)
"""

FLASK = """
from flask import Flask

app = Flask(__name__)


@app.route("/orders/<int:key>")
def order(key):
    return str(key)


@app.route("/kind/<any(small, large):size>", methods=["POST"])
def kind(size):
    return size


@app.route("/fail")
def fail():
    raise ValueError("the application's own error")
"""


@pytest.fixture
def fastapi(app):
    command = ("-m", "uvicorn", "--port", "{port}", "server:app")
    with app.write(server=FASTAPI).run(*command) as running:
        yield running


def test_fastapi_requests_have_their_route(fastapi):
    routes = {
        "/v1/orders/7": "/v1/orders/{order_id}",
        "/sub/things/00000000-0000-0000-0000-000000000000": "/sub/things/{key}",
        "/inner/hello/3": "/inner/hello/{who:int}",
        "/static/a/b.css": "/static/{path:path}",
        "/missing": "/missing",
    }
    assert {path: fastapi.observe(path)["route"] for path in routes} == routes
    assert fastapi.observe("/v1/orders/7")["view"]["function"] == "read_order"
    assert fastapi.collector.of("error") == []


def test_fastapi_describes_its_routes(fastapi):
    described = fastapi.control("describe")
    assert described["kind"] == "fastapi"
    assert described["framework"].startswith("FastAPI 0.")
    assert described["packages"]["server"].endswith("server.py")
    routes = {f"{route['method']} {route['route']}": route for route in described["routes"]}
    assert sorted(routes) == [
        "GET /inner/hello/{who:int}",
        "GET /sub/things/{key}",
        "GET /v1/orders/{order_id}",
        "POST /v1/orders/",
    ]
    read = routes["GET /v1/orders/{order_id}"]
    assert read["view"] == "server.read_order"
    assert read["site"]["function"] == "read_order"
    assert {param["name"]: param for param in read["params"]} == {
        "order_id": param("order_id", "path", "integer", required=True),
        "size": param("size", "query", "string", default="small", choices=["small", "large"]),
        "limit": param("limit", "query", "integer", default="20"),
        "cursor": param("cursor", "query", "string"),
    }
    assert routes["GET /sub/things/{key}"]["params"][0]["type"] == "uuid"
    assert routes["GET /inner/hello/{who:int}"]["params"][0]["type"] == "int"
    created = routes["POST /v1/orders/"]
    assert created["params"] == [param("x-key", "header", "string", required=True)]
    body = json.loads(created["body_schema"])
    assert sorted(body["$defs"]) == ["Order", "Tag"]
    assert body["$ref"] == "#/$defs/Order"
    assert fastapi.collector.of("error") == []


def param(name, location, type, *, required=False, default="", choices=()):
    return {
        "name": name,
        "location": location,
        "type": type,
        "required": required,
        "default": default,
        "choices": list(choices),
    }


@pytest.mark.parametrize(
    "command",
    [
        ("-m", "flask", "--app", "server", "run", "--port", "{port}"),
        ("-m", "gunicorn", "-b", "127.0.0.1:{port}", "--no-control-socket", "server:app"),
    ],
    ids=["flask-run", "gunicorn"],
)
def test_flask(app, command):
    with app.write(server=FLASK).run(*command) as running:
        described = running.control("describe")
        assert (described["kind"], described["framework"]) == ("flask", "Flask 3.1.3")
        routes = {f"{route['method']} {route['route']}": route for route in described["routes"]}
        assert sorted(routes) == [
            "GET /fail",
            "GET /orders/<int:key>",
            "POST /kind/<any(small, large):size>",
        ]
        assert routes["GET /orders/<int:key>"]["params"][0]["type"] == "int"
        assert routes["POST /kind/<any(small, large):size>"]["params"][0]["choices"] == [
            "large",
            "small",
        ]
        seen = running.observe("/orders/4")
        assert (seen["route"], seen["status"]) == ("/orders/<int:key>", 200)
        assert seen["view"]["function"] == "order"
        failed = running.observe("/fail")
        assert (failed["status"], failed["error"]) == (
            500,
            "ValueError: the application's own error",
        )
        assert running.collector.of("error") == []


def test_a_wrong_token_reaches_the_application(fastapi):
    assert fastapi.get("/__unslow__/ping", **{"X-Unslow-Control": "guess"}).status == 404
    assert fastapi.get("/__unslow__/ping").status == 404


def test_an_error_behind_the_framework_is_kept(app):
    source = (
        "from fastapi import FastAPI\n"
        "app = FastAPI()\n"
        "@app.get('/fail')\n"
        "async def fail():\n"
        "    raise ValueError('the own error')\n"
    )
    command = ("-m", "uvicorn", "--port", "{port}", "server:app")
    with app.write(server=source).run(*command) as running:
        failed = running.observe("/fail")
        assert (failed["status"], failed["error"]) == (500, "ValueError: the own error")
