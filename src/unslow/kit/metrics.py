"""Metrics for Prometheus: `metrics.start()`, and `metrics.asgi`, `wsgi` or `view` to be scraped."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import TYPE_CHECKING, Any

from unslow.errors import UsageError
from unslow.kit import _cache_reads, _multiprocess, _pools
from unslow.observe import _embedded

if TYPE_CHECKING:
    from unslow.observe._boundary import Environ, Receive, Scope, Send, StartResponse

_started = False


def start() -> None:
    """Count requests from now on, at the level `light`; several calls are one.

    Raises `UsageError` where prometheus-client is missing, or `PROMETHEUS_MULTIPROC_DIR` is set and
    cannot be written.
    """
    global _started
    if _started:
        return
    _multiprocess.check()
    prometheus = _prometheus()
    _embedded.start()
    _embedded.starting(prometheus.begin)
    _embedded.listen(prometheus.count)
    _pools.watch()
    _cache_reads.watch(prometheus.cache_read)
    _started = True


def exposition(accept: str = "") -> tuple[bytes, str]:
    """The metrics of all workers, and their content type, for an `Accept` header."""
    text, content_type = _prometheus().exposition(accept)
    return text, content_type


class _Asgi:
    """An ASGI application: `app.add_route("/metrics", metrics.asgi)`, or mounted."""

    __name__ = "metrics"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        accept = b",".join(value for name, value in scope["headers"] if name == b"accept")
        text, content_type = await asyncio.to_thread(exposition, accept.decode("latin-1"))
        headers = [
            (b"content-type", content_type.encode()),
            (b"content-length", str(len(text)).encode()),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": text})


asgi = _Asgi()


def wsgi(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """A WSGI application, to be mounted or served on a port of its own."""
    text, content_type = exposition(environ.get("HTTP_ACCEPT", ""))
    start_response("200 OK", [("Content-Type", content_type), ("Content-Length", str(len(text)))])
    return [text]


def view(request: Any) -> Any:
    """A Django view: `path("metrics", metrics.view)`."""
    from django.http import HttpResponse  # type: ignore[import-untyped]

    text, content_type = exposition(request.META.get("HTTP_ACCEPT", ""))
    return HttpResponse(text, content_type=content_type)


def child_exit(server: Any, worker: Any) -> None:
    """For gunicorn's configuration: forget the gauges of a worker that has ended."""
    _multiprocess.bury(worker.pid)


def on_starting(server: Any) -> None:
    """For gunicorn's configuration: look at the directory before any worker writes to it."""
    _multiprocess.check()


def dashboard() -> Traversable:
    """The Grafana dashboard, a JSON file to import."""
    return files("unslow.kit").joinpath("dashboards/grafana.json")


def alerts() -> Traversable:
    """The alerting rules of Prometheus, a YAML file for `rule_files`."""
    return files("unslow.kit").joinpath("dashboards/alerts.yml")


def _prometheus() -> Any:
    try:
        from unslow.kit import _prometheus
    except ModuleNotFoundError as problem:
        if problem.name != "prometheus_client":
            raise
        raise UsageError("metrics need prometheus-client: pip install 'unslow[metrics]'") from None
    return _prometheus
