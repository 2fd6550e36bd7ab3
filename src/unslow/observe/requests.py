"""requests: its calls, whether through a session or `requests.get`."""

from types import ModuleType
from typing import Any

from unslow.observe import _http_calls, _record, _wire
from unslow.observe._patch import Function, wrap

MODULES = ("requests.sessions",)


def install(module: ModuleType) -> None:
    if _record.level() != "off":
        wrap(module.Session, "send", _send)
        wrap(module.Session, "__init__", _init)


def _send(original: Function) -> Function:
    def send(self: Any, request: Any, **options: Any) -> Any:
        if not _http_calls.wanted():
            return original(self, request, **options)
        timeout = _longest(options.get("timeout"))
        with _http_calls.call("requests", request.method, request.url, timeout) as call:
            response = original(self, request, **options)
            call.status = getattr(response, "status_code", 0)
            call.cookies = "set-cookie" in getattr(response, "headers", ())
            return response

    return send


def _init(original: Function) -> Function:
    def init(self: Any) -> None:
        with _http_calls.building("requests.Session"):
            original(self)

    return init


@_wire.safely
def _longest(timeout: Any) -> Any:
    """The wait for the answer, of a number, a pair, or urllib3's own."""
    if isinstance(timeout, tuple):
        return timeout[-1]
    return getattr(timeout, "read_timeout", timeout)
