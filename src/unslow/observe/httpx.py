"""httpx and httpx2: the calls of their clients, and the clients that a request builds."""

from types import ModuleType
from typing import Any

from unslow.observe import _http_calls, _record, _wire
from unslow.observe._patch import Function, wrap

MODULES = ("httpx._client", "httpx2._client")


def install(module: ModuleType) -> None:
    if _record.level() == "off":
        return
    name = module.__name__.partition(".")[0]
    wrap(module.Client, "send", lambda original: _send(original, name))
    wrap(module.AsyncClient, "send", lambda original: _send_async(original, name))
    for kind in ("Client", "AsyncClient"):
        wrap(getattr(module, kind), "__init__", _init(f"{name}.{kind}"))


def _send(original: Function, name: str) -> Function:
    def send(self: Any, request: Any, **options: Any) -> Any:
        if not _http_calls.wanted():
            return original(self, request, **options)
        with _http_calls.call(name, request.method, request.url, _timeout(request)) as call:
            response = original(self, request, **options)
            _answered(call, response)
            return response

    return send


def _send_async(original: Function, name: str) -> Function:
    async def send(self: Any, request: Any, **options: Any) -> Any:
        if not _http_calls.wanted():
            return await original(self, request, **options)
        library, timeout = f"{name}-async", _timeout(request)
        with _http_calls.call(library, request.method, request.url, timeout) as call:
            response = await original(self, request, **options)
            _answered(call, response)
            return response

    return send


def _init(what: str) -> Any:
    def make(original: Function) -> Function:
        def init(self: Any, *args: Any, **options: Any) -> None:
            with _http_calls.building(what):
                original(self, *args, **options)

        return init

    return make


@_wire.safely
def _timeout(request: Any) -> float | None:
    """The longest wait for an answer's next part."""
    timeout = request.extensions.get("timeout") or {}
    return timeout.get("read")


@_wire.safely
def _answered(call: _http_calls.Call, response: Any) -> None:
    call.status = getattr(response, "status_code", 0)
    call.cookies = "set-cookie" in getattr(response, "headers", ())
