"""gunicorn: its WSGI workers (sync, gthread, gevent, eventlet, tornado) and its own ASGI worker."""

import os
from types import ModuleType
from typing import Any

from unslow.observe import _application, _boundary, _wire
from unslow.observe._patch import Function, wrap

MODULES = ("gunicorn.workers.base", "gunicorn.workers.gasgi")

_served: dict[str, Any] = {}

_WSGI_WORKERS = frozenset({"SyncWorker", "ThreadWorker", "AsyncWorker", "TornadoWorker"})


def install(module: ModuleType) -> None:
    """Wrap the application where a worker loads it."""
    if not _wire.is_open():
        return
    if hasattr(module, "ASGIWorker"):
        wrap(module.ASGIWorker, "load_wsgi", _load_asgi)
    elif hasattr(module, "Worker"):
        wrap(module.Worker, "load_wsgi", _load_wsgi)


def describe() -> dict[str, Any] | None:
    """`model.Server`, as the configuration has it."""
    return {"server": dict(_served)} if _served else None


@_wire.safely
def _remember(worker: Any) -> None:
    cfg = worker.cfg
    _served.update(
        name="gunicorn",
        worker=str(cfg.worker_class_str),
        workers=int(cfg.workers),
        threads=int(cfg.threads),
        cores=len(os.sched_getaffinity(0)),
    )


def _load_wsgi(original: Function) -> Function:
    def load_wsgi(self: Any) -> None:
        original(self)
        _observe(self)

    return load_wsgi


def _load_asgi(original: Function) -> Function:
    def load_wsgi(self: Any) -> None:
        original(self)
        _observe_asgi(self)

    return load_wsgi


@_wire.safely
def _observe(worker: Any) -> None:
    _remember(worker)
    _application.named(getattr(worker.app, "app_uri", None))
    # Third-party workers (uvicorn's) put an ASGI application here and serve it themselves.
    if any(base.__name__ in _WSGI_WORKERS for base in type(worker).__mro__):
        worker.wsgi = _boundary.wrap_wsgi(worker.wsgi)


@_wire.safely
def _observe_asgi(worker: Any) -> None:
    _remember(worker)
    _application.named(getattr(worker.app, "app_uri", None))
    worker.asgi = _boundary.wrap_asgi(worker.asgi)
