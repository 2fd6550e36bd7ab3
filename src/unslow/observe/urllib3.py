"""urllib3: calls that no library above has reported."""

from types import ModuleType
from typing import Any

from unslow.observe import _http_calls, _record
from unslow.observe._patch import Function, wrap

MODULES = ("urllib3.connectionpool",)


def install(module: ModuleType) -> None:
    if _record.level() != "off":
        wrap(module.HTTPConnectionPool, "urlopen", _urlopen)


def _urlopen(original: Function) -> Function:
    def urlopen(self: Any, method: str, url: str, *args: Any, **options: Any) -> Any:
        if not _http_calls.wanted():
            return original(self, method, url, *args, **options)
        timeout = options.get("timeout", self.timeout)
        timeout = getattr(timeout, "_read", timeout)
        whole = url if "://" in url else f"{self.scheme}://{self.host}:{self.port}{url}"
        with _http_calls.call("urllib3", method, whole, timeout) as call:
            response = original(self, method, url, *args, **options)
            call.status = getattr(response, "status", 0)
            call.cookies = "set-cookie" in getattr(response, "headers", ())
            return response

    return urlopen
