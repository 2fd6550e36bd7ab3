"""What OpenTelemetry gets: by real SDKs in memory, under real frameworks and drivers."""

import json
import subprocess
import sys
from typing import Any

import pytest
from psycopg.conninfo import conninfo_to_dict

SDK = """
import json
from opentelemetry import metrics as otel_metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

exporter, reader = InMemorySpanExporter(), InMemoryMetricReader()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
trace.set_tracer_provider(provider)
otel_metrics.set_meter_provider(MeterProvider([reader]))

def told():
    spans = [{
        "name": span.name, "kind": span.kind.name, "attributes": dict(span.attributes),
        "id": span.context.span_id, "trace": f"{span.context.trace_id:032x}",
        "parent": span.parent.span_id if span.parent else None,
        "status": span.status.status_code.name, "start": span.start_time, "end": span.end_time,
    } for span in exporter.get_finished_spans()]
    data = reader.get_metrics_data()
    metrics = {
        metric.name: [[dict(point.attributes),
            point.count if hasattr(point, "count") else point.value]
            for point in metric.data.data_points]
        for resource in (data.resource_metrics if data else ()) for scope in resource.scope_metrics
        for metric in scope.metrics
    }
    print(json.dumps({"spans": spans, "metrics": metrics}))
"""

STARLETTE = """
import asyncio, sqlite3
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from unslow.kit import asgi

async def item(request):
    connection = sqlite3.connect("file.sqlite3")
    connection.execute("SELECT 'secret', ?", (7,)).fetchall()
    return PlainTextResponse("item")

async def fails(request):
    raise ValueError("secret")

async def own(request):
    from opentelemetry import trace
    with trace.get_tracer("own").start_as_current_span("work"):
        sqlite3.connect("file.sqlite3").execute("SELECT 1").fetchall()
    return PlainTextResponse("own")

routes = [Route("/items/{id}", item), Route("/fails", fails), Route("/own", own)]
app = asgi.Middleware(Starlette(routes=routes), telemetry=True)

async def ask(path, app=app, method="GET", headers=()):
    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}
    async def send(message):
        pass
    try:
        await app({"type": "http", "method": method, "path": path, "raw_path": path.encode(),
            "query_string": b"token=secret", "headers": list(headers), "scheme": "https",
            "root_path": "", "server": ("shop.test", 8443)}, receive, send)
    except ValueError:
        pass
"""

DJANGO = """
from django.conf import settings
settings.configure(
    ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="test",
    MIDDLEWARE=["unslow.kit.django.Middleware"], UNSLOW={"TELEMETRY": True},
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "shop.sqlite3"}},
)
import django
django.setup()
from django.db import connection
from django.http import HttpResponse, StreamingHttpResponse
from django.test import AsyncClient, Client
from django.urls import path

def rows():
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s", [1])
        yield str(cursor.fetchall())

def view(request, id):
    list(rows())
    return HttpResponse("view")

async def awaited(request):
    return HttpResponse("awaited")

def streamed(request):
    return StreamingHttpResponse(rows())

urlpatterns = [path("items/<int:id>/", view), path("awaited", awaited), path("stream", streamed)]
"""


def run(tmp_path, *parts: str) -> Any:
    (tmp_path / "program.py").write_text("\n".join(parts))
    done = subprocess.run(
        [sys.executable, "program.py"], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "Failed to detach" not in done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def by_name(told: Any) -> dict[str, Any]:
    return {span["name"]: span for span in told["spans"]}


def test_nothing_of_opentelemetry_is_imported_without_an_sdk(tmp_path) -> None:
    found = run(
        tmp_path,
        STARLETTE,
        "asyncio.run(ask('/items/1'))\nimport json, sys\n"
        "print(json.dumps([n for n in sys.modules if n.startswith('opentelemetry')]))",
    )
    assert found == []


def test_silent_where_telemetry_is_not_asked_for(tmp_path) -> None:
    source = STARLETTE.replace(", telemetry=True", "")
    assert run(tmp_path, SDK, source, "asyncio.run(ask('/items/1'))\ntold()")["spans"] == []


def test_silent_in_a_trace_that_is_not_sampled(tmp_path) -> None:
    sdk = SDK.replace(
        "TracerProvider()", "TracerProvider(sampler=trace_sampling.ALWAYS_OFF)"
    ).replace(
        "import json",
        "import json\nfrom opentelemetry.sdk.trace import sampling as trace_sampling",
        1,
    )
    told = run(tmp_path, sdk, STARLETTE, "asyncio.run(ask('/items/1'))\ntold()")
    assert told["spans"] == []
    assert told["metrics"]["http.server.request.duration"][0][1] == 1


def test_a_request_and_its_statements_are_one_trace(tmp_path) -> None:
    told = run(tmp_path, SDK, STARLETTE, "asyncio.run(ask('/items/1'))\ntold()")
    spans = by_name(told)
    request, query = spans["GET /items/{id}"], spans["SELECT sqlite"]
    assert request["kind"] == "SERVER"
    assert request["parent"] is None
    assert request["attributes"] == {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "http.route": "/items/{id}",
        "server.address": "shop.test",
        "server.port": 8443,
        "url.path": "/items/1",
        "url.scheme": "https",
    }
    assert (query["kind"], query["parent"], query["trace"]) == (
        "CLIENT",
        request["id"],
        request["trace"],
    )
    assert query["attributes"] == {
        "db.namespace": "sqlite",
        "db.operation.name": "SELECT",
        "db.query.text": "SELECT ?, ?",
        "db.system.name": "sqlite",
    }
    assert request["start"] <= query["start"] <= query["end"] <= request["end"] + 1_000_000
    assert len(told["spans"]) == 2
    assert "secret" not in json.dumps(told)


def test_no_value_of_a_composed_statement_is_told(tmp_path, postgres) -> None:
    given = conninfo_to_dict(postgres.dsn())
    names = {"USER": "user", "PASSWORD": "password", "HOST": "host", "PORT": "port"}
    database = {"ENGINE": "django.db.backends.postgresql", "NAME": given["dbname"]} | {
        name: given.get(key, "") for name, key in names.items()
    }
    source = DJANGO.replace(
        '{"ENGINE": "django.db.backends.sqlite3", "NAME": "shop.sqlite3"}', repr(database)
    ).replace(
        'cursor.execute("SELECT %s", [1])',
        """cursor.execute(sql.SQL("SELECT {}").format(sql.Literal("it's secret")))""",
    )
    told = run(
        tmp_path, SDK, "from psycopg import sql", source, "Client().get('/items/1/')\ntold()"
    )
    texts = [span["attributes"].get("db.query.text") for span in told["spans"]]
    assert "SELECT ?" in texts
    assert "secret" not in json.dumps(told)


def test_no_string_of_mysql_is_told(tmp_path) -> None:
    told = run(
        tmp_path,
        SDK,
        STARLETTE,
        """
from unslow.kit import _opentelemetry
from unslow.observe._record import RequestRecord
_opentelemetry._database = lambda name: ("mysql", name)
with trace.get_tracer("own").start_as_current_span("work"):
    record = RequestRecord("", "GET", "/", threaded=True)
    _opentelemetry.query(record, 'SELECT a FROM t WHERE b = "secret"', "shop", 0.0, 1.0)
told()
""",
    )
    assert by_name(told)["SELECT shop"]["attributes"]["db.query.text"].endswith("WHERE b = ?")


def test_metrics_have_the_names_of_the_conventions(tmp_path) -> None:
    metrics = run(tmp_path, SDK, STARLETTE, "asyncio.run(ask('/items/1'))\ntold()")["metrics"]
    assert metrics["http.server.request.duration"] == [
        [
            {
                "url.scheme": "https",
                "http.request.method": "GET",
                "http.route": "/items/{id}",
                "http.response.status_code": 200,
            },
            1,
        ]
    ]
    assert metrics["db.client.operation.duration"][0][0] == {
        "db.system.name": "sqlite",
        "db.namespace": "sqlite",
        "db.operation.name": "SELECT",
    }
    assert metrics["unslow.db.queries"] == [[{"http.route": "/items/{id}"}, 1]]


def test_a_scan_makes_one_series(tmp_path) -> None:
    body = "async def main():\n    for n in range(50): await ask(f'/wp-{n}.php', method=f'M{n}')\n"
    metrics = run(tmp_path, SDK, STARLETTE, body + "asyncio.run(main())\ntold()")["metrics"]
    [[attributes, count]] = metrics["http.server.request.duration"]
    assert count == 50
    assert attributes["http.request.method"] == "_OTHER"


def test_the_trace_of_the_caller_goes_on(tmp_path) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    header = f"[(b'traceparent', b'00-{trace}-b7ad6b7169203331-01')]"
    told = run(tmp_path, SDK, STARLETTE, f"asyncio.run(ask('/items/1', headers={header}))\ntold()")
    assert {span["trace"] for span in told["spans"]} == {trace}
    assert by_name(told)["GET /items/{id}"]["parent"] == 0xB7AD6B7169203331


def test_a_failure_is_an_error_with_its_type_and_without_its_message(tmp_path) -> None:
    told = run(tmp_path, SDK, STARLETTE, "asyncio.run(ask('/fails'))\ntold()")
    [span] = told["spans"]
    assert span["status"] == "ERROR"
    assert span["attributes"]["error.type"] == "ValueError"
    assert span["attributes"]["http.response.status_code"] == 500
    assert "secret" not in json.dumps(told)


def test_a_statement_belongs_to_the_applications_own_span(tmp_path) -> None:
    spans = by_name(run(tmp_path, SDK, STARLETTE, "asyncio.run(ask('/own'))\ntold()"))
    assert spans["SELECT sqlite"]["parent"] == spans["work"]["id"]
    assert spans["work"]["parent"] == spans["GET /own"]["id"]


def test_a_request_that_is_instrumented_outside_has_no_second_span(tmp_path) -> None:
    outside = """
async def outer(scope, receive, send):
    with trace.get_tracer("theirs").start_as_current_span("GET theirs"):
        await app(scope, receive, send)
asyncio.run(ask('/items/1', app=outer))
told()
"""
    spans = by_name(run(tmp_path, SDK, STARLETTE, outside))
    assert set(spans) == {"GET theirs", "SELECT sqlite"}
    assert spans["SELECT sqlite"]["parent"] == spans["GET theirs"]["id"]


def test_a_request_that_is_instrumented_inside_has_no_second_span(tmp_path) -> None:
    inside = """
import sys, types
sys.modules["opentelemetry.instrumentation.asgi"] = types.ModuleType("asgi")
starlette = Starlette(routes=routes)
async def inner(scope, receive, send):
    with trace.get_tracer("theirs").start_as_current_span("GET theirs"):
        await starlette(scope, receive, send)
asyncio.run(ask('/items/1', app=asgi.Middleware(inner, telemetry=True)))
told()
"""
    told = run(tmp_path, SDK, STARLETTE, inside)
    spans = by_name(told)
    assert set(spans) == {"GET theirs", "SELECT sqlite"}
    assert spans["SELECT sqlite"]["parent"] == spans["GET theirs"]["id"]
    assert "http.server.request.duration" not in told["metrics"]


def test_statements_that_are_instrumented_have_no_second_span(tmp_path) -> None:
    loaded = (
        "import sys, types\n"
        "sys.modules['opentelemetry.instrumentation.sqlite3'] = types.ModuleType('sqlite3')\n"
    )
    told = run(tmp_path, SDK, STARLETTE, loaded, "asyncio.run(ask('/items/1'))\ntold()")
    assert set(by_name(told)) == {"GET /items/{id}"}
    assert "db.client.operation.duration" not in told["metrics"]


def test_the_span_of_one_request_is_not_the_parent_of_the_next(tmp_path) -> None:
    body = "async def main():\n    await ask('/items/1')\n    await ask('/items/2')\n"
    told = run(tmp_path, SDK, STARLETTE, body + "asyncio.run(main())\ntold()")
    requests = [span for span in told["spans"] if span["kind"] == "SERVER"]
    assert [span["parent"] for span in requests] == [None, None]
    assert len({span["trace"] for span in told["spans"]}) == 2


@pytest.mark.parametrize(
    ("call", "name"),
    [
        ("Client().get('/items/7/')", "GET items/<int:id>/"),
        ("asyncio.run(AsyncClient().get('/awaited'))", "GET awaited"),
        ("list(Client().get('/stream').streaming_content)", "GET stream"),
    ],
)
def test_django_sync_async_and_streaming(tmp_path, call, name) -> None:
    told = run(tmp_path, SDK, DJANGO, f"import asyncio\n{call}\ntold()")
    spans = by_name(told)
    assert spans[name]["kind"] == "SERVER"
    queries = [span for span in told["spans"] if span["kind"] == "CLIENT"]
    assert len(queries) == ("awaited" not in name)
    for query in queries:
        assert query["parent"] == spans[name]["id"]
        assert query["attributes"]["db.system.name"] == "sqlite"
        assert query["attributes"]["db.namespace"] == "shop.sqlite3"


def test_the_full_level_tells_each_statement_once(tmp_path) -> None:
    full = "from unslow.observe import _embedded\n_embedded.start('full')\n"
    told = run(tmp_path, SDK, STARLETTE, full, "asyncio.run(ask('/items/1'))\ntold()")
    assert set(by_name(told)) == {"GET /items/{id}", "SELECT sqlite"}
    assert len(told["spans"]) == 2


def test_redis_and_other_services_are_spans(tmp_path, redis_server, partner) -> None:
    host, port = redis_server.host, redis_server.port
    body = f"""
import redis, urllib.request
async def calls(request):
    client = redis.Redis(host={host!r}, port={port})
    client.get("secret")
    pipeline = client.pipeline(transaction=False)
    pipeline.get("a").get("b")
    pipeline.execute()
    try:
        urllib.request.urlopen({partner!r} + "/missing?key=secret")
    except OSError:
        pass
    return PlainTextResponse("calls")
app = asgi.Middleware(Starlette(routes=[Route("/calls", calls)]), telemetry=True)
asyncio.run(ask('/calls', app=app))
told()
"""
    told = run(tmp_path, SDK, STARLETTE, body)
    spans = {
        (span["name"], span["attributes"].get("db.system.name")): span for span in told["spans"]
    }
    request = spans["GET /calls", None]
    read, pipeline, call = spans["GET", "redis"], spans["PIPELINE", "redis"], spans["GET", None]
    assert {read["parent"], pipeline["parent"], call["parent"]} == {request["id"]}
    assert pipeline["attributes"]["db.operation.batch.size"] == 2
    assert call["attributes"]["http.request.method"] == "GET"
    assert call["attributes"]["server.address"] == "127.0.0.1"
    assert told["metrics"]["http.client.request.duration"][0][1] == 1
    assert told["metrics"]["unslow.cache.misses"] == [[{"cache.name": f"{host}:{port}/0"}, 3]]
    assert "secret" not in json.dumps(told)


def test_pools_are_observed_when_the_sdk_asks(tmp_path, postgres) -> None:
    dsn = postgres.create("telemetry_pools").replace("postgresql:", "postgresql+psycopg:", 1)
    body = f"""
import sqlalchemy
engine = sqlalchemy.create_engine({dsn!r})
held = [engine.connect(), engine.connect()]
held.pop().close()
asyncio.run(ask('/items/1'))
told()
"""
    metrics = run(tmp_path, SDK, STARLETTE, body)["metrics"]
    states = {
        one["db.client.connection.state"]: n for one, n in metrics["db.client.connection.count"]
    }
    assert states == {"used": 1, "idle": 1}
    assert [n for _, n in metrics["db.client.connection.pending_requests"]] == [0]
