"""Speaks to OpenTelemetry's API, with the names of its stable semantic conventions."""

import re
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from opentelemetry import context, propagate, trace
from opentelemetry.metrics import CallbackOptions, Observation, get_meter
from opentelemetry.propagators.textmap import Getter
from opentelemetry.trace import Span, SpanKind, Status, StatusCode

from unslow.kit import _cache_reads, _methods, _pools
from unslow.observe import _record, _shape
from unslow.observe._record import RequestRecord

Attributes = dict[str, str | int]

MOST_OPEN = 10_000  # spans of requests whose bodies are never closed

# Who makes a span of the same thing already; `asgi` and `wsgi` are under the frameworks' own.
_REQUESTS = ("asgi", "wsgi", "django", "flask", "starlette", "fastapi", "falcon", "pyramid")
_DATABASES = ("dbapi", "psycopg", "psycopg2", "asyncpg", "sqlalchemy", "sqlite3", "aiopg")
_CACHES = ("redis",)
_CALLS = ("httpx", "requests", "urllib", "urllib3", "aiohttp_client")

# Django's engines and SQLAlchemy's dialects, by the well-known values of `db.system.name`.
_SYSTEMS = {
    "postgresql": "postgresql",
    "postgis": "postgresql",
    "mysql": "mysql",
    "mariadb": "mariadb",
    "sqlite3": "sqlite",
    "spatialite": "sqlite",
    "sqlite": "sqlite",
    "oracle": "oracle.db",
    "mssql": "microsoft.sql_server",
}
_OTHER_SQL = "other_sql"
_QUOTES_STRINGS = ("mysql", "mariadb")  # where a string may stand in double quotes
_QUOTED = re.compile(r'"(?:[^"\\]|\\.|"")*"')

_tracer = trace.get_tracer("unslow")
_meter = get_meter("unslow")
_spans: dict[str, tuple[Span, str]] = {}  # with the scheme of the request

_duration = _meter.create_histogram("http.server.request.duration", "s", "Requests served.")
_db_duration = _meter.create_histogram("db.client.operation.duration", "s", "Statements sent.")
_call_duration = _meter.create_histogram("http.client.request.duration", "s", "Requests sent.")
_queries = _meter.create_histogram(
    "unslow.db.queries", "{query}", "Statements that a request sent to databases."
)
_hits = _meter.create_counter("unslow.cache.hits", "{value}", "Values found in a cache.")
_misses = _meter.create_counter("unslow.cache.misses", "{value}", "Values looked for in vain.")


def begin_asgi(scope: Any) -> object | None:
    """Open the span of a request and make it the current one; None where there is one already."""
    server = scope.get("server") or ("", None)
    attributes = _asked(scope["method"], scope["path"], scope.get("scheme", "http"), *server)
    return _begin(scope["headers"], _Headers(), attributes)


def begin_wsgi(environ: Any, scheme: str) -> object | None:
    """The same for WSGI's environment."""
    port = str(environ.get("SERVER_PORT", ""))
    path = f"{environ.get('SCRIPT_NAME', '')}{environ.get('PATH_INFO', '')}"
    attributes = _asked(
        environ["REQUEST_METHOD"],
        path or "/",
        scheme,
        environ.get("SERVER_NAME", ""),
        int(port) if port.isdigit() else None,
    )
    return _begin(environ, _Environ(), attributes)


def leave(token: Any) -> None:
    """What comes after is not in the span of the request."""
    context.detach(token)


def ended(record: RequestRecord) -> None:
    """Close the span of a client's request, and count it; tests and tasks have records too."""
    if not record.served:
        return
    attributes = _answered(record)
    span, scheme = _spans.pop(record.id, (None, "http"))
    if span is not None:
        span.update_name(f"{attributes['http.request.method']} {record.route}".rstrip())
        span.set_attributes(attributes)
        if "error.type" in attributes:
            span.set_status(Status(StatusCode.ERROR))
        span.end(_ns(record.started + record.duration_ms / 1000))
    if not _is_instrumented(_REQUESTS):
        _duration.record(record.duration_ms / 1000, {"url.scheme": scheme, **attributes})
    _queries.record(record.query_count, {"http.route": record.route} if record.route else {})


def query(record: RequestRecord, sql: Any, database: str, started: float, ended: float) -> None:
    """A statement that has just ended; only its shape leaves the process."""
    if _is_instrumented(_DATABASES):
        return
    shape = _shape.shape(_record._text(sql))
    system, namespace = _database(database)
    if system in _QUOTES_STRINGS:
        shape = _QUOTED.sub("?", shape)
    operation = _shape.kind(shape).upper()
    attributes: Attributes = {"db.system.name": system, "db.namespace": namespace}
    if operation != "OTHER":
        attributes["db.operation.name"] = operation
    _db_duration.record(ended - started, attributes)
    parent = _parent(record)
    if parent is not None:
        name = f"{operation} {namespace}" if operation != "OTHER" else namespace
        _child(parent, name, started, ended, {**attributes, "db.query.text": shape})


def cache_call(record: RequestRecord, call: Mapping[str, Any]) -> None:
    """A round trip to Redis that has just ended."""
    parent = _parent(record)
    if parent is None or _is_instrumented(_CACHES):
        return
    several = call["commands"] > 1
    name = "PIPELINE" if several else call["command"]
    attributes: Attributes = {"db.system.name": "redis", "db.operation.name": name}
    if several:
        attributes["db.operation.batch.size"] = call["commands"]
    _child(parent, name, *_times(record, call), attributes)


def http_call(record: RequestRecord, call: Mapping[str, Any]) -> None:
    """A call of another service that has just ended."""
    if _is_instrumented(_CALLS):
        return
    started, ended = _times(record, call)
    host, _, port = call["host"].rpartition(":")
    named = host and port.isdigit()
    attributes: Attributes = {
        **_method(call["method"]),
        "server.address": host if named else call["host"],
        **({"server.port": int(port)} if named else {}),
        **({"http.response.status_code": call["status"]} if call["status"] else {}),
    }
    failed = not call["status"] or call["status"] >= 400
    if failed:
        attributes["error.type"] = str(call["status"]) if call["status"] else "_OTHER"
    _call_duration.record(ended - started, attributes)
    parent = _parent(record)
    if parent is not None:
        method = str(attributes["http.request.method"])
        described = {**attributes, "url.template": call["path"]}
        _child(parent, method, started, ended, described, failed=failed)


class _Headers(Getter[Any]):
    """Headers of ASGI."""

    def get(self, carrier: Any, key: str) -> list[str] | None:
        name = key.lower().encode("latin-1")
        found = [value.decode("latin-1") for one, value in carrier if one.lower() == name]
        return found or None

    def keys(self, carrier: Any) -> list[str]:
        return [name.decode("latin-1") for name, _ in carrier]


class _Environ(Getter[Any]):
    """Headers in the environment of WSGI."""

    def get(self, carrier: Any, key: str) -> list[str] | None:
        value = carrier.get("HTTP_" + key.upper().replace("-", "_"))
        return None if value is None else [value]

    def keys(self, carrier: Any) -> list[str]:
        names = (name for name in carrier if name.startswith("HTTP_"))
        return [name[5:].replace("_", "-").lower() for name in names]


def _begin(carrier: Any, getter: Getter[Any], attributes: Attributes) -> object | None:
    record = _record.current()
    if record is None or _is_instrumented(_REQUESTS):
        return None
    if trace.get_current_span().get_span_context().is_valid:
        return None
    above = propagate.extract(carrier, getter=getter)
    span = _tracer.start_span(
        str(attributes["http.request.method"]),
        above,
        SpanKind.SERVER,
        attributes,
        start_time=_ns(record.started),
    )
    while len(_spans) >= MOST_OPEN:
        del _spans[next(iter(_spans))]
    _spans[record.id] = span, str(attributes["url.scheme"])
    return context.attach(trace.set_span_in_context(span, above))


def _asked(method: str, path: str, scheme: str, host: str, port: int | None) -> Attributes:
    attributes: Attributes = {**_method(method), "url.path": path, "url.scheme": scheme}
    if host:
        attributes["server.address"] = host
    if port:
        attributes["server.port"] = port
    return attributes


def _answered(record: RequestRecord) -> Attributes:
    attributes: Attributes = {**_method(record.method)}
    attributes.pop("http.request.method_original", None)
    if record.route:
        attributes["http.route"] = record.route
    if record.status:
        attributes["http.response.status_code"] = record.status
    if record.error or record.status >= 500:
        attributes["error.type"] = record.error.partition(":")[0] or str(record.status)
    return attributes


def _method(method: str) -> Attributes:
    if method in _methods.METHODS:
        return {"http.request.method": method}
    return {"http.request.method": _methods.OTHER, "http.request.method_original": method}


def _parent(record: RequestRecord) -> Span | None:
    """The span that is open here, the application's own ones included; None if nobody records."""
    current = trace.get_current_span()
    if not current.get_span_context().is_valid:
        current, _ = _spans.get(record.id, (current, ""))
    return current if current.is_recording() else None


def _child(
    parent: Span,
    name: str,
    started: float,
    ended: float,
    attributes: Mapping[str, str | int],
    *,
    failed: bool = False,
) -> None:
    span = _tracer.start_span(
        name,
        trace.set_span_in_context(parent),
        SpanKind.CLIENT,
        attributes,
        start_time=_ns(started),
    )
    if failed:
        span.set_status(Status(StatusCode.ERROR))
    span.end(_ns(ended))


def _ns(moment: float) -> int:
    """A moment of `time.perf_counter()` as nanoseconds since the epoch."""
    return time.time_ns() - round((time.perf_counter() - moment) * 1e9)


def _times(record: RequestRecord, part: Mapping[str, Any]) -> tuple[float, float]:
    started = record.started + part["start_ms"] / 1000
    return started, started + part["duration_ms"] / 1000


@lru_cache(maxsize=16)
def _is_instrumented(names: Sequence[str]) -> bool:
    """Whether OpenTelemetry's own instrumentation of it is loaded, when first asked."""
    return any(f"opentelemetry.instrumentation.{name}" in sys.modules for name in names)


@lru_cache(maxsize=256)
def _database(name: str) -> tuple[str, str]:
    """`db.system.name` and `db.namespace` of a Django alias, or of a database's own name."""
    known = _django_database(name)
    if known is not None:
        return known
    if name == "sqlite" or "/" in name or name.endswith((".db", ".sqlite", ".sqlite3")):
        return "sqlite", name.rpartition("/")[2]
    dialects = sys.modules.get("unslow.observe._sqlalchemy_sql")
    used = {dialect.name for dialect in getattr(dialects, "_dialects", ())}
    if len(used) == 1:
        return _SYSTEMS.get(used.pop(), _OTHER_SQL), name
    drivers = ("psycopg", "psycopg2", "asyncpg")
    return ("postgresql" if any(map(sys.modules.get, drivers)) else _OTHER_SQL), name


def _django_database(alias: str) -> tuple[str, str] | None:
    settings = getattr(sys.modules.get("django.conf"), "settings", None)
    if settings is None or not settings.configured or alias not in settings.DATABASES:
        return None
    given = settings.DATABASES[alias]
    engine = given.get("ENGINE", "").rpartition(".")[2]
    system = _SYSTEMS.get(engine, _OTHER_SQL)
    return system, str(given.get("NAME") or alias).rpartition("/")[2]


def _count_reads(name: str, hits: int, misses: int) -> None:
    attributes = {"cache.name": name}
    if hits:
        _hits.add(hits, attributes)
    if misses:
        _misses.add(misses, attributes)


def _observe_pools(options: CallbackOptions) -> Iterable[Observation]:
    now = _pools.usage()
    for name, used in now.in_use.items():
        pool = {"db.client.connection.pool.name": name}
        yield Observation(used, {**pool, "db.client.connection.state": "used"})
        idle = now.opened[name] - used
        yield Observation(idle, {**pool, "db.client.connection.state": "idle"})


def _observe_waiting(options: CallbackOptions) -> Iterable[Observation]:
    for name, waiting in _pools.usage().waiting.items():
        yield Observation(waiting, {"db.client.connection.pool.name": name})


_meter.create_observable_up_down_counter(
    "db.client.connection.count", [_observe_pools], "{connection}"
)
_meter.create_observable_up_down_counter(
    "db.client.connection.pending_requests", [_observe_waiting], "{request}"
)
_pools.watch()
_cache_reads.watch(_count_reads)
