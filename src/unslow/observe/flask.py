"""Flask: the boundary under any server, the rule of each request, the rules there are."""

import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from unslow.observe import _application, _boundary, _record, _wire
from unslow.observe._django_source import site_of_view, view_name
from unslow.observe._patch import Function, wrap

MODULES = ("flask.app",)

_TYPES = {
    "UnicodeConverter": "str",
    "IntegerConverter": "int",
    "FloatConverter": "float",
    "UUIDConverter": "uuid",
    "PathConverter": "path",
}


def install(module: ModuleType) -> None:
    """Watch applications, and how they dispatch a request."""
    if _wire.is_open():
        wrap(module.Flask, "__call__", _boundary.wsgi_method)
    if _record.level() != "off":
        wrap(module.Flask, "dispatch_request", _dispatch)
        wrap(module.Flask, "handle_exception", _handle_exception)


def _dispatch(original: Function) -> Function:
    def dispatch_request(self: Any, *context: Any) -> Any:
        record = _record.current()
        if record is not None:
            _name(record, self)
        return original(self, *context)

    return dispatch_request


def _handle_exception(original: Function) -> Function:
    def handle_exception(self: Any, *args: Any) -> Any:
        record = _record.current()
        if record is not None and args and isinstance(args[-1], BaseException):
            record.error = f"{type(args[-1]).__name__}: {args[-1]}"
        return original(self, *args)

    return handle_exception


@_wire.safely
def _name(record: _record.RequestRecord, app: Any) -> None:
    from flask import request

    if request.url_rule is None:
        return
    record.route = request.script_root + request.url_rule.rule
    if _record.level() == "full":
        record.view = site_of_view(_view(app, request.url_rule), request.method.lower())


def describe() -> dict[str, Any] | None:
    """The rules of the Flask applications."""
    module = sys.modules.get("flask")
    found = _application.find(module.Flask) if module is not None else []
    if not found:
        return None
    from importlib.metadata import version

    return {
        "kind": "flask",
        "framework": f"Flask {version('flask')}",
        "routes": [route for app in found for route in _routes(app)],
    }


def _routes(app: Any) -> Iterator[dict[str, Any]]:
    for rule in app.url_map.iter_rules():
        view = _view(app, rule)
        if view is None or str(getattr(view, "__module__", "")).startswith("flask."):
            continue
        for method in sorted(set(rule.methods or {"GET"}) - {"HEAD", "OPTIONS"}):
            yield {
                "method": method,
                "route": rule.rule,
                "params": [_param(name, how) for name, how in rule._converters.items()],
                "view": view_name(view),
                "site": site_of_view(view, method.lower()),
            }


def _view(app: Any, rule: Any) -> Any:
    view = app.view_functions.get(rule.endpoint)
    return getattr(view, "view_class", view)


def _param(name: str, converter: Any) -> dict[str, Any]:
    return {
        "name": name,
        "location": "path",
        "type": _TYPES.get(type(converter).__name__, "str"),
        "required": True,
        "choices": sorted(getattr(converter, "items", ())),
    }
