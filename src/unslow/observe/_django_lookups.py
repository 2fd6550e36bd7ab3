"""Reads from a view's source which model and field each path parameter is looked up in."""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from unslow.observe._django_source import definition_of, written
from unslow.observe._origin import Json

LOOKUPS = ("get", "filter", "aget", "exclude")
SHORTCUTS = ("get_object_or_404", "get_list_or_404", "aget_object_or_404")


def with_model(param: Json, view: Any, model: Any) -> Json:
    """The path parameter with the model and field that its value is looked up in, if known."""
    target = written(view)
    field = _declared_field(target, param["name"]) if isinstance(target, type) else None
    if getattr(view, "model_admin", None) is not None and param["name"] in ("object_id", "id"):
        field = "pk"
    found = _looked_up(target).get(param["name"])
    if field is not None and model is not None and (found is None or _names_its_rows(target)):
        return {**param, "model": model._meta.label, "field": field}
    if found is None:
        return param
    label, name = found
    return {**param, "model": label, "field": name}


def first_model(target: Any) -> Any:
    """The model that the view's source names first, None if it names none."""
    node = definition_of(target)
    for child in ast.walk(node) if node is not None else ():
        if isinstance(child, ast.Name) and (model := _model(child, target)) is not None:
            return model
    return None


def _names_its_rows(target: Any) -> bool:
    """Whether a class-based view says which rows it is about; else its model is a guess."""
    return "get_queryset" in getattr(target, "__dict__", ()) or any(
        getattr(target, name, None) is not None for name in ("queryset", "model")
    )


def _declared_field(view: Any, name: str) -> str | None:
    """`lookup_field` of Django REST framework, `pk` and slug of Django's generic views."""
    lookup = getattr(view, "lookup_field", None)
    if lookup is not None and name == (getattr(view, "lookup_url_kwarg", None) or lookup):
        return str(lookup)
    if name == getattr(view, "pk_url_kwarg", None):
        return "pk"
    if name == getattr(view, "slug_url_kwarg", None):
        return str(view.slug_field)
    return None


@lru_cache(maxsize=1024)
def _looked_up(target: Any) -> dict[str, tuple[str, str]]:
    node = definition_of(target)
    found: dict[str, tuple[str, str]] = {}
    for call in ast.walk(node) if node is not None else ():
        if isinstance(call, ast.Call) and (model := _subject(call, target)) is not None:
            for keyword in call.keywords:
                name = _parameter(keyword.value)
                if keyword.arg and name and (field := _field(model, keyword.arg)):
                    found.setdefault(name, field)
    return found


def _subject(call: ast.Call, target: Any) -> Any:
    function = call.func
    name = function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")
    if name in SHORTCUTS and call.args:
        return next(_models(call.args[0], target), None)
    if name in LOOKUPS and isinstance(function, ast.Attribute):
        return next(_models(function.value, target), None)
    return None


def _models(node: ast.AST, target: Any) -> Iterator[Any]:
    for child in ast.walk(node):
        if isinstance(child, ast.Name) and (model := _model(child, target)) is not None:
            yield model


def _model(name: ast.Name, target: Any) -> Any:
    module = sys.modules.get(getattr(target, "__module__", ""))
    value = getattr(module, name.id, None)
    return (
        value if inspect.isclass(value) and hasattr(value, "_meta") and _is_model(value) else None
    )


def _is_model(value: Any) -> bool:
    return hasattr(value._meta, "concrete_fields") and not value._meta.abstract


def _parameter(value: ast.expr) -> str:
    """The path parameter that is read: `pk`, `self.kwargs["pk"]`, `kwargs.get("pk")`."""
    if isinstance(value, ast.Name):
        return value.id
    if isinstance(value, ast.Subscript):
        owner, key = value.value, value.slice
    elif isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.args:
        owner, key = value.func.value, value.args[0]
    else:
        return ""
    named = owner.id if isinstance(owner, ast.Name) else getattr(owner, "attr", "")
    return str(key.value) if named == "kwargs" and isinstance(key, ast.Constant) else ""


def _field(model: Any, lookup: str) -> tuple[str, str] | None:
    """The model and field at the end of `customer__slug`."""
    *path, last = lookup.removesuffix("__exact").removesuffix("__iexact").split("__")
    for step in path:
        related = getattr(_get(model, step), "related_model", None)
        if related is None:
            return None
        model = related
    if last in ("pk", "id"):
        return model._meta.label, "pk"
    field = _get(model, last)
    if field is None:
        return None
    if field.is_relation:
        return (field.related_model._meta.label, "pk") if field.related_model else None
    return model._meta.label, field.name


def _get(model: Any, name: str) -> Any:
    fields = model._meta.get_fields()
    return next((one for one in fields if name in (one.name, getattr(one, "attname", ""))), None)
