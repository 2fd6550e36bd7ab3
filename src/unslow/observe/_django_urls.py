"""Describes the routes of Django's resolver: methods, parameters, view and model of each."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any

from unslow.observe import _django_lookups, _django_parameters, _rest_framework_routes, _wire
from unslow.observe._django_routes import groups, template
from unslow.observe._django_source import site_of_definition, unwrapped, view_name, written
from unslow.observe._origin import Json

METHODS = ("get", "post", "put", "patch", "delete")
MIXINS_LOGIN = ("LoginRequiredMixin", "PermissionRequiredMixin", "UserPassesTestMixin")


def routes() -> list[Json]:
    """Every route and method, in `model.Route` form."""
    resolver = import_module("django.urls").get_resolver()
    found = []
    for route, params, view in _patterns(resolver, "", []):
        found += _wire.safely(_routes_of)(route, params, view) or []
    return found


def _patterns(resolver: Any, prefix: str, params: list[Json]) -> Iterator[tuple[str, Any, Any]]:
    for pattern in resolver.url_patterns:
        route = _joined(prefix, str(pattern.pattern))
        own = [*params, *_path_params(pattern.pattern)]
        if hasattr(pattern, "url_patterns"):
            yield from _patterns(pattern, route, own)
        elif not any(param["name"] == "format" for param in own):  # DRF's suffix twins
            yield route, own, pattern.callback


def _joined(prefix: str, route: str) -> str:
    return prefix + route.removeprefix("^") if prefix else route


def _path_params(pattern: Any) -> Iterator[Json]:
    converters = getattr(pattern, "converters", None) or {}
    if converters:
        for name, converter in converters.items():
            yield _django_parameters.param(name, "path", _converter(converter), required=True)
        return
    for name, expression in groups(str(pattern)).items():
        kind = _django_parameters.type_of_expression(expression)
        yield _django_parameters.param(name, "path", kind, required=True)


def _converter(converter: Any) -> str:
    known = import_module("django.urls.converters").get_converters()
    return next(
        (name for name, one in known.items() if type(one) is type(converter)),
        type(converter).__name__,
    )


def _routes_of(route: str, params: list[Json], view: Any) -> list[Json]:
    model = model_of(view)
    path = [_django_lookups.with_model(param, view, model) for param in params]
    shared = {
        "route": template(route),
        "view": view_name(view),
        "site": site_of_definition(written(view)),
        "model": model._meta.label if model is not None else "",
        "requires_login": _requires_login(view),
    }
    return [
        {
            **shared,
            "method": method.upper(),
            "params": [*path, *_query_params(view, method, bool(path))],
            "body_schema": _rest_framework_routes.body_schema(view, method),
        }
        for method in _methods(view)
    ]


def model_of(view: Any) -> Any:
    """The model whose rows the view serves, as its class attributes or its source tell."""
    target = unwrapped(view)
    options = {**getattr(view, "view_initkwargs", {}), **getattr(view, "initkwargs", {})}
    queryset = options.get("queryset", getattr(target, "queryset", None))
    serializer = options.get("serializer_class", getattr(target, "serializer_class", None))
    candidates = (
        getattr(getattr(view, "model_admin", None), "model", None),
        getattr(queryset, "model", None),
        options.get("model", getattr(target, "model", None)),
        getattr(getattr(serializer, "Meta", None), "model", None),
    )
    known = next((one for one in candidates if hasattr(one, "_meta")), None)
    return known if known is not None else _django_lookups.first_model(written(view))


def _methods(view: Any) -> list[str]:
    actions = getattr(view, "actions", None)
    if actions:
        return [method for method in METHODS if method in actions]
    target = unwrapped(view)
    if isinstance(target, type):
        if any(base.__name__ == "RedirectView" for base in target.__mro__):
            return ["get"]  # it answers every method alike
        allowed = getattr(target, "http_method_names", METHODS)
        return [name for name in METHODS if name in allowed and hasattr(target, name)]
    return _function_methods(view)


def _function_methods(view: Any) -> list[str]:
    allowed = closure_value(view, "request_method_list")  # @require_http_methods
    if allowed is not None:
        return [name for name in METHODS if name.upper() in allowed]
    code = getattr(unwrapped(view), "__code__", None)
    constants = code.co_consts if code is not None else ()
    asks = code is not None and "method" in code.co_names
    return ["get"] + [name for name in METHODS[1:] if asks and name.upper() in constants]


def closure_value(view: Any, name: str) -> Any:
    """The value of a decorator's variable, somewhere in the chain of wrappers."""
    while view is not None:
        code = getattr(view, "__code__", None)
        cells = getattr(view, "__closure__", None) or ()
        if code is not None and name in code.co_freevars:
            return cells[code.co_freevars.index(name)].cell_contents
        view = getattr(view, "__wrapped__", None)
    return None


def _query_params(view: Any, method: str, has_path: bool) -> list[Json]:
    if method != "get":
        return []
    target = unwrapped(view)
    params = _rest_framework_routes.query_params(view)
    if not has_path and getattr(target, "paginate_by", None):
        name = getattr(target, "page_kwarg", "page")
        params.append(_django_parameters.param(name, "query", "int"))
    return params


def _requires_login(view: Any) -> bool | None:
    target = unwrapped(view)
    if isinstance(target, type):
        if any(base.__name__ in MIXINS_LOGIN for base in target.__mro__):
            return True
        known = _rest_framework_routes.requires_login(target)
        if known is not None:
            return known
    if closure_value(view, "test_func") is not None:  # @login_required and its kin
        return True
    if hasattr(view, "admin_site") or hasattr(view, "model_admin"):
        return True
    middleware = import_module("django.conf").settings.MIDDLEWARE
    if any(str(name).endswith(".LoginRequiredMiddleware") for name in middleware):
        return bool(getattr(view, "login_required", True))
    return None
