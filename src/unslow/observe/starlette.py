"""Starlette: the boundary under any server, the route of each request, the routes there are."""

import sys
from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import Any

from unslow.observe import _application, _boundary, _record, _wire
from unslow.observe._django_source import site_of_view, view_name
from unslow.observe._patch import Function, wrap

MODULES = ("starlette.applications", "starlette.routing")

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_TYPES = {
    "StringConvertor": "str",
    "IntegerConvertor": "int",
    "FloatConvertor": "float",
    "UUIDConvertor": "uuid",
    "PathConvertor": "path",
}
_OWN_ROUTES = ("starlette.", "fastapi.")  # documentation pages, static files


def install(module: ModuleType) -> None:
    """Watch applications, and how routes hand a request on."""
    if module.__name__ == "starlette.applications":
        if _wire.is_open():
            wrap(module.Starlette, "__call__", _boundary.asgi_method)
    elif _record.level() != "off":
        wrap(module.Route, "handle", lambda original: observed(original, _enter_route))
        wrap(module.Mount, "handle", lambda original: observed(original, _enter_mount))


def observed(original: Function, note: Function) -> Function:
    """A route's `handle`, which tells `note` of the request first."""

    def handle(self: Any, scope: Any, receive: Any, send: Any) -> Any:
        record = _record.current()
        if record is not None:
            note(record, self, scope)
        return original(self, scope, receive, send)

    return handle


@_wire.safely
def _enter_route(record: _record.RequestRecord, route: Any, scope: Any) -> None:
    name(record, route.path, route.endpoint, scope["method"])


@_wire.safely
def _enter_mount(record: _record.RequestRecord, mount: Any, scope: Any) -> None:
    record.mounted += mount.path
    record.route = record.mounted + "/{path:path}"


def name(record: _record.RequestRecord, path: str, endpoint: Any, method: str) -> None:
    """Give a request its route and view."""
    record.route = record.mounted + path
    if _record.level() == "full":
        record.view = site_of_view(endpoint, method.lower())
        record.endpoint = endpoint


def describe() -> dict[str, Any] | None:
    """The routes of the Starlette applications that are not FastAPI's."""
    module = sys.modules.get("starlette.applications")
    if module is None:
        return None
    found = [app for app in _application.find(module.Starlette) if not hasattr(app, "openapi")]
    if not found:
        return None
    import starlette

    return {
        "kind": "starlette",
        "framework": f"Starlette {starlette.__version__}",
        "routes": [route for app in found for route in routes_of(app, "")],
    }


def routes_of(app: Any, prefix: str) -> Iterator[dict[str, Any]]:
    """`model.Route` as JSON for every route of an application or router, mounts included."""
    for route in getattr(app, "routes", None) or ():
        yield from routes_in(route, prefix)


def routes_in(route: Any, prefix: str) -> Iterator[dict[str, Any]]:
    """The same for one route or mount."""
    endpoint = getattr(route, "endpoint", None)
    if hasattr(route, "routes"):
        yield from routes_of(route, prefix + getattr(route, "path", ""))
    elif endpoint is not None and hasattr(route, "methods") and not is_own(endpoint):
        for method in methods_of(route.methods, endpoint):
            yield declared(method, prefix + route.path, endpoint, path_params(route))


def declared(method: str, path: str, endpoint: Any, params: list[dict[str, Any]]) -> dict[str, Any]:
    """A route as `model.Route` has it."""
    return {
        "method": method,
        "route": path,
        "params": params,
        "view": view_name(endpoint),
        "site": site_of_view(endpoint, method.lower()),
    }


def is_own(endpoint: Any) -> bool:
    """Tell whether a route is the framework's own."""
    return str(getattr(endpoint, "__module__", "")).startswith(_OWN_ROUTES)


def methods_of(methods: Iterable[str] | None, endpoint: Any) -> list[str]:
    """The methods that a client would use, HEAD and OPTIONS left out."""
    declared = methods or [method for method in _METHODS if hasattr(endpoint, method.lower())]
    return sorted(set(declared) - {"HEAD", "OPTIONS"})


def path_params(route: Any) -> list[dict[str, Any]]:
    """The parameters of a route's path, by Starlette's convertors."""
    return [
        {
            "name": name,
            "location": "path",
            "type": _TYPES.get(type(convertor).__name__, "str"),
            "required": True,
        }
        for name, convertor in route.param_convertors.items()
    ]
