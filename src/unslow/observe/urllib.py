"""urllib.request: what `urlopen` and openers ask."""

import socket
from types import ModuleType
from typing import Any

from unslow.observe import _http_calls, _record, _wire
from unslow.observe._patch import Function, wrap

MODULES = ("urllib.request",)

_HTTP = ("http:", "https:")


def install(module: ModuleType) -> None:
    if _record.level() != "off":
        wrap(module.OpenerDirector, "open", _open)


def _open(original: Function) -> Function:
    def open_(self: Any, fullurl: Any, *args: Any, **options: Any) -> Any:
        url = getattr(fullurl, "full_url", fullurl)
        if not _http_calls.wanted() or not str(url).startswith(_HTTP):
            return original(self, fullurl, *args, **options)
        given = options.get("timeout", args[1] if len(args) > 1 else None)
        # Without one, the socket's default counts: None unless the application has set it.
        timeout = given if isinstance(given, int | float) else socket.getdefaulttimeout()
        with _http_calls.call("urllib", _method(fullurl, args, options), url, timeout) as call:
            response = original(self, fullurl, *args, **options)
            call.status = getattr(response, "status", 0) or 0
            return response

    return open_


@_wire.safely
def _method(request: Any, args: tuple[Any, ...], options: dict[str, Any]) -> str:
    if hasattr(request, "get_method"):
        return str(request.get_method())
    return "GET" if (args[0] if args else options.get("data")) is None else "POST"
