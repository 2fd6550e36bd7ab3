"""The series that Prometheus gets, and the little that each request adds to them."""

import asyncio
import os
import threading
import time
import weakref
from asyncio.events import _get_running_loop
from collections.abc import Callable
from typing import Any

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector

from unslow.errors import UsageError
from unslow.kit import _methods, _multiprocess, _pools
from unslow.kit._promised import METRICS
from unslow.observe import _wire
from unslow.observe._record import RequestRecord

# What OpenTelemetry advises for http.server.request.duration, so that both exports agree; 0.5 s is
# where the log of slow requests begins.
DURATION_BUCKETS_S = (
    *(0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25),
    *(0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0),
)
# None, one, and then by steps of 2 to 2.5: a request that repeats a query moves up with its rows.
QUERY_BUCKETS = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
# A timer of the event loop is up to a millisecond late by itself; at 5 ms something held the loop.
LAG_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)

UNMATCHED = "unmatched"  # no route: what scanners ask for
OTHERS = "other"
MOST_ENDPOINTS = 500  # an application that makes routes as it runs must not make series without end
MOST_CACHES = 100  # the same for one that makes a client for each of its tenants

REFRESH_S = 5.0  # a third of Prometheus' usual interval, so a scrape sees gauges of the last one
LAG_EVERY_S = 0.25


def _registered(kind: Callable[..., Any], name: str, text: str, **options: Any) -> Any:
    try:
        return kind(name, text, METRICS[name], **options)
    except ValueError as problem:
        raise UsageError(
            f"another library of this process exports the same metric ({problem}); remove that one"
        ) from None


_LIVE = {"multiprocess_mode": "livesum"}

duration = _registered(
    Histogram,
    "http_request_duration_seconds",
    "Time from a request's arrival to the end of its response.",
    buckets=DURATION_BUCKETS_S,
)
queries = _registered(
    Histogram,
    "db_queries_per_request",
    "Statements that a request sent to databases.",
    buckets=QUERY_BUCKETS,
)
hits = _registered(Counter, "cache_hits_total", "Values found in a cache.")
misses = _registered(Counter, "cache_misses_total", "Values looked for in vain in a cache.")
connections = _registered(
    Gauge,
    "active_db_connections",
    "Open database connections, idle ones of the pools included.",
    **_LIVE,
)
in_use = _registered(
    Gauge, "db_pool_connections_in_use", "Connections of a pool that are checked out.", **_LIVE
)
waiting = _registered(
    Gauge, "db_pool_requests_waiting", "Callers that wait for a connection of a pool.", **_LIVE
)
lag = _registered(
    Histogram,
    "event_loop_lag_seconds",
    "How late the event loop runs what was due.",
    buckets=LAG_BUCKETS_S,
)

_durations: dict[tuple[str, str, int], Callable[[float], None]] = {}
_caches: dict[str, tuple[Callable[[float], None], Callable[[float], None]]] = {}
_queries: dict[str, Callable[[float], None]] = {}
_loops: "weakref.WeakSet[asyncio.AbstractEventLoop]" = weakref.WeakSet()
_refreshing: threading.Thread | None = None


def begin(record: RequestRecord) -> None:
    """Watch the event loop that serves the request, if one does."""
    loop = _get_running_loop()
    if loop is not None and loop not in _loops:
        _loops.add(loop)
        _tick_later(loop)


def count(record: RequestRecord) -> None:
    """Add a client's request that has ended; tests and tasks have records too."""
    if not record.served:
        return
    if _refreshing is None:
        _start_refreshing()
    endpoint = record.route or UNMATCHED
    key = (record.method, endpoint, record.status)
    observe = _durations.get(key) or _duration(*key)
    observe(record.duration_ms / 1000)
    observe = _queries.get(endpoint) or _count(endpoint)
    observe(record.query_count)


def cache_read(name: str, found: int, missed: int) -> None:
    """Add a read of a cache."""
    if name not in _caches:
        name = name if len(_caches) < MOST_CACHES else OTHERS
        _caches[name] = (hits.labels(name).inc, misses.labels(name).inc)
    add_hits, add_misses = _caches[name]
    add_hits(found)
    add_misses(missed)


@_wire.safely
def refresh() -> None:
    """Ask the pools what they have now."""
    now = _pools.usage()
    connections.set(now.open)
    for gauge, said in ((in_use, now.in_use), (waiting, now.waiting)):
        for name in _pools.names():
            gauge.labels(name).set(said[name])


def exposition(accept: str) -> tuple[bytes, str]:
    """The metrics of all workers as text, and its content type."""
    refresh()
    registry = REGISTRY
    if _multiprocess.directory():
        _multiprocess.bury_all()
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


def _duration(method: str, endpoint: str, status: int) -> Callable[[float], None]:
    """The series of a key; the keys kept are as bounded as the series are."""
    known = method in _methods.METHODS
    code = str(status) if 100 <= status <= 599 else "0"
    endpoint = _bounded(endpoint)
    observe: Callable[[float], None] = duration.labels(
        method if known else _methods.OTHER, endpoint, code
    ).observe
    if known and code != "0" and endpoint != OTHERS:
        _durations[method, endpoint, status] = observe
    return observe


def _count(endpoint: str) -> Callable[[float], None]:
    endpoint = _bounded(endpoint)
    observe: Callable[[float], None] = queries.labels(endpoint).observe
    if endpoint != OTHERS:
        _queries[endpoint] = observe
    return observe


def _bounded(endpoint: str) -> str:
    return endpoint if endpoint in _queries or len(_queries) < MOST_ENDPOINTS else OTHERS


def _tick_later(loop: asyncio.AbstractEventLoop) -> None:
    loop.call_later(LAG_EVERY_S, _tick, weakref.ref(loop), time.perf_counter() + LAG_EVERY_S)


@_wire.safely
def _tick(reference: "weakref.ref[asyncio.AbstractEventLoop]", due: float) -> None:
    loop = reference()
    lag.observe(max(time.perf_counter() - due, 0.0))
    if loop is not None and not loop.is_closed():
        _tick_later(loop)


def _start_refreshing() -> None:
    """Keep the gauges true: another worker may answer the scrape."""
    global _refreshing
    _refreshing = threading.Thread(target=_refresh, name="unslow-metrics", daemon=True)
    _refreshing.start()


def _refresh() -> None:
    pause = threading.Event()
    while True:
        refresh()
        pause.wait(REFRESH_S)


def _after_fork() -> None:
    global _refreshing
    _refreshing = None
    _loops.clear()


os.register_at_fork(after_in_child=_after_fork)
