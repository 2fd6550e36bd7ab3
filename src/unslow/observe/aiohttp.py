"""aiohttp: the calls of its client sessions, and the sessions that a request builds."""

from types import ModuleType
from typing import Any

from unslow.observe import _http_calls, _record, _wire
from unslow.observe._patch import Function, wrap

MODULES = ("aiohttp.client",)


def install(module: ModuleType) -> None:
    if _record.level() != "off":
        wrap(module.ClientSession, "_request", _request)
        wrap(module.ClientSession, "__init__", _init)


def _request(original: Function) -> Function:
    async def request(self: Any, method: str, url: Any, **options: Any) -> Any:
        if not _http_calls.wanted():
            return await original(self, method, url, **options)
        timeout = _longest(options.get("timeout"), getattr(self, "_timeout", None))
        with _http_calls.call("aiohttp-async", method, url, timeout) as call:
            response = await original(self, method, url, **options)
            call.status = getattr(response, "status", 0)
            call.cookies = "set-cookie" in getattr(response, "headers", ())
            return response

    return request


def _init(original: Function) -> Function:
    def init(self: Any, *args: Any, **options: Any) -> None:
        with _http_calls.building("aiohttp.ClientSession"):
            original(self, *args, **options)

    return init


@_wire.safely
def _longest(given: Any, usual: Any) -> Any:
    """Seconds of whichever limit there is, of the call's own timeout or of its session's."""
    for timeout in (given, usual):
        if isinstance(timeout, int | float):
            return timeout
        if hasattr(timeout, "total"):
            return timeout.total or getattr(timeout, "sock_read", None)
    return None
