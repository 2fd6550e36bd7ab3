"""FastAPI: the route of each request, and the routes with all that their OpenAPI schema says."""

import json
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from unslow.observe import _application, _encodings, _record, _wire
from unslow.observe._patch import Function, wrap
from unslow.observe.starlette import (
    declared,
    is_own,
    methods_of,
    observed,
    path_params,
    routes_in,
)
from unslow.observe.starlette import (
    name as name_request,
)

MODULES = ("fastapi.routing",)

_REFERENCE = "#/components/schemas/"
_FORMATS = frozenset({"uuid", "date", "date-time", "time", "email", "duration"})


def install(module: ModuleType) -> None:
    """Watch how an API route hands a request on."""
    if _record.level() != "off":
        wrap(module.APIRoute, "handle", lambda original: observed(original, _enter))
    if _record.level() == "full":
        wrap(module, "serialize_response", _timed)


def _timed(original: Function) -> Function:
    async def serialize_response(*args: Any, **named: Any) -> Any:
        """A route without a response model has its answer encoded by Python code."""
        content = named.get("response_content")
        record = _record.current()
        if record is None or record.endpoint is None:
            return await original(*args, **named)
        kind = "encoder" if named.get("field") is None else "response model"
        with _encodings.encoding(kind, record.endpoint, content):
            return await original(*args, **named)

    return serialize_response


@_wire.safely
def _enter(record: _record.RequestRecord, route: Any, scope: Any) -> None:
    context = scope.get("fastapi", {}).get("effective_route_context")
    included = context is not None and context.original_route is route
    path = (context if included else route).path
    name_request(record, path, route.endpoint, scope["method"])


def describe() -> dict[str, Any] | None:
    """The routes of the FastAPI applications, sub-applications included."""
    module = sys.modules.get("fastapi")
    found = _application.find(module.FastAPI) if module is not None else []
    if module is None or not found:
        return None
    return {
        "kind": "fastapi",
        "framework": f"FastAPI {module.__version__}",
        "routes": [route for app in found for route in _routes(app, "")],
    }


def _routes(app: Any, prefix: str) -> Iterator[dict[str, Any]]:
    from fastapi import FastAPI

    schema = _schema(app)
    for route in _flat(app.routes):
        endpoint = getattr(route, "endpoint", None)
        inner = getattr(route, "app", None)
        if isinstance(inner, FastAPI):
            yield from _routes(inner, prefix + route.path)
        elif hasattr(route, "dependant") and endpoint is not None:
            yield from _operations(route, endpoint, prefix, schema)
        elif endpoint is None or not is_own(endpoint):
            yield from routes_in(route, prefix)


def _flat(routes: Any) -> Iterator[Any]:
    from fastapi import routing

    contexts = getattr(routing, "iter_route_contexts", None)  # routers are included lazily
    yield from contexts(routes) if contexts is not None else routes


def _schema(app: Any) -> dict[str, Any]:
    """The OpenAPI schema, made afresh: the application may hold back its own."""
    from fastapi.openapi.utils import get_openapi

    make = _wire.safely(get_openapi)
    return make(title="unslow", version="0", routes=app.routes) or {}


def _operations(
    route: Any, endpoint: Any, prefix: str, schema: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    item = schema.get("paths", {}).get(route.path_format, {})
    for method in methods_of(route.methods, endpoint):
        operation = item.get(method.lower())
        if operation is None:
            yield declared(method, prefix + route.path, endpoint, path_params(route))
            continue
        params = [
            *(_param(param, schema) for param in operation.get("parameters", ())),
            *_form(operation, schema),
        ]
        yield {
            **declared(method, prefix + route.path, endpoint, [p for p in params if p]),
            "body_schema": _body(operation, schema),
            "requires_login": True if operation.get("security") else None,
        }


def _param(param: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    if param["in"] not in ("path", "query", "header"):
        return {}
    return {
        "name": param["name"],
        "location": param["in"],
        "required": bool(param.get("required")),
        **_type(param.get("schema", {}), schema),
    }


def _type(described: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """Type, default and choices, from a JSON Schema that may be optional, an enum or a list."""
    chosen = _resolved(described, schema)
    for wrapper in ("anyOf", "oneOf", "allOf"):
        options = [_resolved(option, schema) for option in chosen.get(wrapper, ())]
        options = [option for option in options if option.get("type") != "null"]
        if options:
            chosen = options[0]
    if chosen.get("type") == "array":
        chosen = _resolved(chosen.get("items", {}), schema)
    form = chosen.get("format")
    choices = chosen.get("enum") or ([chosen["const"]] if "const" in chosen else [])
    default = described.get("default")
    return {
        "type": form if form in _FORMATS else chosen.get("type", "string"),
        "default": "" if default is None else _text(default),
        "choices": [_text(choice) for choice in choices],
    }


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _resolved(described: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    reference = described.get("$ref", "")
    if not reference.startswith(_REFERENCE):
        return described
    found: dict[str, Any] = schema["components"]["schemas"][reference.removeprefix(_REFERENCE)]
    return found


def _form(operation: dict[str, Any], schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    content = operation.get("requestBody", {}).get("content", {})
    for kind in ("application/x-www-form-urlencoded", "multipart/form-data"):
        form = _resolved(content.get(kind, {}).get("schema", {}), schema)
        for name, described in form.get("properties", {}).items():
            yield {
                "name": name,
                "location": "body",
                "required": name in form.get("required", ()),
                **_type(described, schema),
            }


def _body(operation: dict[str, Any], schema: dict[str, Any]) -> str:
    """The JSON Schema of the body, with all it refers to in `$defs`."""
    content = operation.get("requestBody", {}).get("content", {})
    described = content.get("application/json", {}).get("schema")
    if described is None:
        return ""
    text = json.dumps(described)
    components = schema.get("components", {}).get("schemas", {})
    needed: dict[str, Any] = {}
    waiting = [name for name in components if f'"{_REFERENCE}{name}"' in text]
    while waiting:
        one = waiting.pop()
        needed[one] = components[one]
        inner = json.dumps(components[one])
        waiting += [n for n in components if n not in needed and f'"{_REFERENCE}{n}"' in inner]
    whole = json.dumps({**described, **({"$defs": needed} if needed else {})})
    return whole.replace(_REFERENCE, "#/$defs/")
