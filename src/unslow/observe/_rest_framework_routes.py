"""Describes views of Django REST framework: query parameters, request bodies, permissions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from unslow.observe import _wire
from unslow.observe._django_parameters import param, type_of_field
from unslow.observe._django_source import unwrapped
from unslow.observe._origin import Json

WRITES = ("post", "put", "patch")
TYPES = {
    "IntegerField": {"type": "integer"},
    "BooleanField": {"type": "boolean"},
    "NullBooleanField": {"type": "boolean"},
    "FloatField": {"type": "number"},
    "DecimalField": {"type": "number"},
    "DateField": {"type": "string", "format": "date"},
    "DateTimeField": {"type": "string", "format": "date-time"},
    "TimeField": {"type": "string", "format": "time"},
    "EmailField": {"type": "string", "format": "email"},
    "URLField": {"type": "string", "format": "uri"},
    "UUIDField": {"type": "string", "format": "uuid"},
    "PrimaryKeyRelatedField": {"type": "integer"},
    "JSONField": {"type": "object"},
    "DictField": {"type": "object"},
    "HStoreField": {"type": "object"},
}
MAX_DEPTH = 4  # nested serializers
COLUMN_LIMIT = 1 << 31  # from here on a limit is the column's, not the application's


def requires_login(view_class: Any) -> bool | None:
    """Whether the permissions ask for a user; None if this is no such view or they do not say."""
    permissions = getattr(view_class, "permission_classes", None)
    if permissions is None:
        return None
    names = {name for one in permissions for name in _names(one)}
    if names & {"IsAuthenticated", "IsAdminUser", "DjangoModelPermissions"}:
        return True
    return False if names <= {"AllowAny", "IsAuthenticatedOrReadOnly"} else None


def query_params(view: Any) -> list[Json]:
    """Pagination, search, ordering and filter parameters of a list view."""
    target = unwrapped(view)
    if not _is_list(view, target):
        return []
    return _wire.safely(lambda: [*_pagination(target), *_filters(target)])() or []


def body_schema(view: Any, method: str) -> str:
    """JSON Schema text of the request body, "" if unknown or none."""
    if method not in WRITES:
        return ""
    target = unwrapped(view)
    if not isinstance(target, type) or not hasattr(target, "get_serializer"):
        return ""
    schema = _wire.safely(_schema_of_view)(view, target, method)
    return json.dumps(schema, default=str) if schema else ""


def _names(permission: Any) -> Iterator[str]:
    """The permission's name, or those that `IsAuthenticated & IsOwner` combines."""
    for operand in ("op1_class", "op2_class"):
        if hasattr(permission, operand):
            yield from _names(getattr(permission, operand))
    if not hasattr(permission, "op1_class"):
        yield str(getattr(permission, "__name__", type(permission).__name__))


def _is_list(view: Any, target: Any) -> bool:
    actions = getattr(view, "actions", None)
    if actions:
        return bool(actions.get("get") == "list")
    return isinstance(target, type) and hasattr(target, "list") and hasattr(target, "get")


def _pagination(target: Any) -> Iterator[Json]:
    pagination = getattr(target, "pagination_class", None)
    if pagination is None:
        return
    if getattr(pagination, "limit_query_param", None):
        if pagination.default_limit is not None:
            yield param(pagination.limit_query_param, "query", "int")
            yield param(pagination.offset_query_param, "query", "int")
    elif getattr(pagination, "page_size", None) and hasattr(pagination, "page_query_param"):
        yield param(pagination.page_query_param, "query", "int")
        if pagination.page_size_query_param:
            yield param(pagination.page_size_query_param, "query", "int")


def _filters(target: Any) -> Iterator[Json]:
    for backend in getattr(target, "filter_backends", ()):
        names = {base.__name__ for base in backend.__mro__}
        if "SearchFilter" in names and getattr(target, "search_fields", None):
            yield param(backend.search_param, "query")
        elif "OrderingFilter" in names:
            fields = getattr(target, "ordering_fields", None)
            if isinstance(fields, list | tuple) and fields:
                choices = [sign + str(name) for name in fields for sign in ("", "-")]
                yield param(backend.ordering_param, "query", choices=choices)
        elif "DjangoFilterBackend" in names:
            yield from _filterset(target, backend)


def _filterset(target: Any, backend: Any) -> Iterator[Json]:
    queryset = getattr(target, "queryset", None)
    filterset = backend().get_filterset_class(_Stub(target), queryset)
    for name, one in (filterset.base_filters if filterset is not None else {}).items():
        model, field = _filtered_field(filterset, one)
        details: Json = {}
        if model is not None and one.lookup_expr in ("exact", "in"):
            key = getattr(field, "related_model", None)
            label = key._meta.label if key is not None else model._meta.label
            details = {"model": label, "field": "pk" if key is not None else field.name}
            details["choices"] = [str(value) for value, _ in getattr(field, "flatchoices", ())]
        kind = type_of_field(field) if field is not None else "str"
        yield param(name, "query", kind, required=bool(one.extra.get("required")), **details)


class _Stub:
    """A view as far as a filter backend looks at it without a request."""

    def __init__(self, target: Any) -> None:
        self.filterset_class = getattr(target, "filterset_class", None)
        self.filterset_fields = getattr(target, "filterset_fields", None)


def _filtered_field(filterset: Any, one: Any) -> tuple[Any, Any]:
    model = filterset._meta.model
    if model is None or not one.field_name:
        return None, None
    *path, last = one.field_name.split("__")
    for step in path:
        model = getattr(_field_of(model, step), "related_model", None)
        if model is None:
            return None, None
    found = _field_of(model, model._meta.pk.name if last == "pk" else last)
    return (model, found) if found is not None else (None, None)


def _field_of(model: Any, name: str) -> Any:
    return next((field for field in model._meta.get_fields() if field.name == name), None)


def _schema_of_view(view: Any, target: Any, method: str) -> Json | None:
    instance = target(**getattr(view, "initkwargs", {}))
    instance.request = None
    instance.format_kwarg = None
    instance.kwargs = {}
    instance.action = (getattr(view, "actions", None) or {}).get(method)
    if not _reads_a_body(target, instance.action):
        return None
    serializer_class = _serializer_class(instance)
    if serializer_class is None:
        return None
    schema = _field_schema(serializer_class(), 0)
    if method == "patch" and schema["type"] == "object":
        schema["required"] = schema["required"][:1] or list(schema["properties"])[:1]
    return schema


def _reads_a_body(target: Any, action: str | None) -> bool:
    if action in (None, "create", "update", "partial_update"):
        return True
    handler = unwrapped(getattr(target, str(action), None))
    options = getattr(handler, "kwargs", None) or {}
    code = getattr(handler, "__code__", None)
    return "serializer_class" in options or (code is not None and "get_serializer" in code.co_names)


def _serializer_class(instance: Any) -> Any:
    try:
        return instance.get_serializer_class()
    except Exception:  # noqa: BLE001  (an override that needs the request)
        return getattr(instance, "serializer_class", None)


def _schema(serializer: Any, depth: int) -> Json:
    fields = {name: one for name, one in serializer.fields.items() if not one.read_only}
    hidden = [name for name, one in fields.items() if type(one).__name__ == "HiddenField"]
    for name in hidden:
        del fields[name]
    return {
        "type": "object",
        "properties": {name: _field_schema(one, depth + 1) for name, one in fields.items()},
        "required": [name for name, one in fields.items() if one.required],
    }


def _field_schema(field: Any, depth: int) -> Json:
    if hasattr(field, "child_relation"):
        return {"type": "array", "items": _field_schema(field.child_relation, depth)}
    if hasattr(field, "child") and not isinstance(field, dict):
        kinds = {base.__name__ for base in type(field).__mro__}
        if "DictField" not in kinds:
            return {"type": "array", "items": _field_schema(field.child, depth + 1)}
    if hasattr(field, "fields"):
        return _schema(field, depth) if depth < MAX_DEPTH else {"type": "object"}
    schema: Json = {"type": "string"}
    for base in type(field).__mro__:
        if base.__name__ in TYPES:
            schema = dict(TYPES[base.__name__])
            break
    if not hasattr(field, "queryset"):  # the choices of a related field are all its rows
        choices = getattr(field, "choices", None)
        if isinstance(choices, dict):
            schema["enum"] = list(choices)
    for own, name in (("max_length", "maxLength"), ("min_value", "minimum")):
        limit = getattr(field, own, None)
        if isinstance(limit, int) and abs(limit) < COLUMN_LIMIT:
            schema[name] = limit
    return schema
