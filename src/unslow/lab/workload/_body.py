"""Request bodies from a JSON Schema, with keys of rows that exist."""

import json
import re
from collections.abc import Mapping, Sequence

from unslow.lab.workload._sample import Sampler
from unslow.model import Route

type_example: dict[str, object] = {
    "integer": 1,
    "number": 1.5,
    "boolean": True,
    "string": "unslow",
    "null": None,
}
format_example = {
    "date-time": "2026-01-01T00:00:00Z",
    "date": "2026-01-01",
    "time": "12:00:00",
    "email": "unslow@example.com",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "uri": "https://example.com/",
}
Schema = Mapping[str, object]


def example_body(route: Route, sampler: Sampler, count: int) -> Sequence[bytes | None]:
    """Up to `count` bodies for a route with a schema; none for a route whose body is unknown."""
    declared = [param for param in route.params if param.location == "body"]
    if not route.body_schema:
        return () if declared else ((None,) if route.params or _is_action(route) else ())
    schema = json.loads(route.body_schema)
    definitions = schema.get("$defs") or schema.get("definitions") or {}
    return [
        json.dumps(_example(schema, definitions, sampler, "", position)).encode()
        for position in range(max(count, 1))
    ]


def _is_action(route: Route) -> bool:
    """A write on one row that needs no body: `POST /orders/7/cancel`."""
    return bool(re.search(r"[>}]/\w+/?$", route.route))


def _example(
    schema: Schema, definitions: Schema, sampler: Sampler, name: str, position: int
) -> object:
    schema = _resolved(schema, definitions)
    for constant in ("const", "default"):
        if schema.get(constant) is not None:
            return schema[constant]
    choices = schema.get("enum")
    if isinstance(choices, list) and choices:
        return choices[position % len(choices)]
    kind = schema.get("type", "object" if "properties" in schema else "string")
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), "null")
    if kind == "object":
        return _object(schema, definitions, sampler, position)
    if kind == "array":
        items = schema.get("items")
        inner = items if isinstance(items, Mapping) else {}
        return [_example(inner, definitions, sampler, _item_name(name), position)]
    return _scalar(schema, str(kind), sampler, name, position)


def _object(
    schema: Schema, definitions: Schema, sampler: Sampler, position: int
) -> dict[str, object]:
    properties = schema.get("properties")
    required = schema.get("required")
    if not isinstance(properties, Mapping) or not isinstance(required, list):
        return {}
    return {
        name: _example(properties[name], definitions, sampler, name, position)
        for name in required
        if name in properties
    }


def _scalar(schema: Schema, kind: str, sampler: Sampler, name: str, position: int) -> object:
    stem = re.sub(r"_(id|pk)$", "", name)
    model = sampler.named(stem) if name else None
    if model is not None and (stem != name or kind == "integer"):
        keys = sampler.values(model, "pk")
        if keys:
            key = keys[position % len(keys)]
            return int(key) if kind == "integer" and key.lstrip("-").isdigit() else key
    if kind == "string":
        text = format_example.get(str(schema.get("format")), f"unslow {position}")
        limit = schema.get("maxLength")
        return text[:limit] if isinstance(limit, int) else text
    minimum = schema.get("minimum", schema.get("exclusiveMinimum"))
    if isinstance(minimum, int | float) and kind in ("integer", "number"):
        return minimum + 1
    return type_example.get(kind, "unslow")


def _resolved(schema: Schema, definitions: Schema) -> Schema:
    """The schema behind a `$ref`, or the first branch of a union that is not null."""
    reference = schema.get("$ref")
    if isinstance(reference, str):
        target = definitions.get(reference.rsplit("/", 1)[-1])
        return _resolved(target, definitions) if isinstance(target, Mapping) else {}
    for union in ("anyOf", "oneOf", "allOf"):
        branches = schema.get(union)
        if isinstance(branches, list):
            for branch in branches:
                if isinstance(branch, Mapping) and branch.get("type") != "null":
                    return _resolved(branch, definitions)
    return schema


def _item_name(name: str) -> str:
    return name[:-1] if name.endswith("s") else name
