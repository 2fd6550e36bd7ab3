"""Describes Django's models: fields, relations, where they are defined, where migrations lie."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from unslow.observe import _wire
from unslow.observe._django_source import site_of_definition
from unslow.observe._origin import Json

WAYS = ("save", "save_base", "delete")
SIGNALS = ("pre_save", "post_save", "pre_delete", "post_delete")
TIMED = ("DateField", "DateTimeField", "TimeField")
KEPT = ("FileField", "ImageField")  # a save stores a new file and leaves others alone


def models() -> list[Json]:
    """Every managed or unmanaged model, in `model.Model` form."""
    apps = import_module("django.apps").apps
    found = [_wire.safely(_model)(model) for model in apps.get_models(include_auto_created=True)]
    return [model for model in found if model]


def _model(model: Any) -> Json:
    meta = model._meta
    return {
        "label": meta.label,
        "orm": "django",
        "module": model.__module__,
        "name": meta.object_name,
        "table": meta.db_table,
        "site": None if meta.auto_created else site_of_definition(model),
        "fields": [_field(field) for field in meta.concrete_fields],
        "relations": list(_relations(meta)),
        "app_label": meta.app_label,
        "migrations": _migrations(meta.app_label),
        "parents": [one._meta.label for one, link in meta.parents.items() if link is not None],
        **(_wire.safely(_hooks)(model) or {}),
    }


def _hooks(model: Any) -> Json:
    """What a write of rows in bulk would pass by."""
    base = import_module("django.db.models").Model
    signals = import_module("django.db.models.signals")
    return {
        "overrides": [name for name in WAYS if getattr(model, name) is not getattr(base, name)],
        "signals": [name for name in SIGNALS if getattr(signals, name).has_listeners(model)],
    }


def _field(field: Any) -> Json:
    return {
        "name": field.name,
        "column": field.column or "",
        "type": type(field).__name__,
        "null": bool(field.null),
        "unique": bool(field.unique),
        "primary_key": bool(field.primary_key),
        "indexed": bool(field.db_index or field.unique),
        "max_length": field.max_length,
        "choices": [str(value) for value, _ in field.flatchoices],
        "scale": getattr(field, "decimal_places", None),
        "on_save": _on_save(field),
        **(_wire.safely(_demands)(field) or {}),
    }


def _on_save(field: Any) -> str:
    """What the field does to its own value when a row is saved that was there before."""
    if getattr(field, "auto_now", False):
        return "now"
    plain = import_module("django.db.models").Field.pre_save
    if type(field).__name__ in (*TIMED, *KEPT) or type(field).pre_save is plain:
        return ""
    return "other"


def _demands(field: Any) -> Json:
    """What the validators of Django itself ask of a value."""
    found: Json = {}
    for validator in field.validators:
        match type(validator).__name__:
            case "MinValueValidator":
                found["minimum"] = str(_limit(validator))
            case "MaxValueValidator":
                found["maximum"] = str(_limit(validator))
            case "MinLengthValidator":
                found["min_length"] = int(_limit(validator))
            case "DecimalValidator" if validator.max_digits is not None:
                digits = validator.max_digits - (validator.decimal_places or 0)
                found.setdefault("maximum", str(10**digits - 1))
            case "RegexValidator" if not validator.inverse_match:
                found["pattern"] = validator.regex.pattern
    return found


def _limit(validator: Any) -> Any:
    limit = validator.limit_value
    return limit() if callable(limit) else limit


def _relations(meta: Any) -> Iterator[Json]:
    for field in meta.get_fields(include_hidden=True):
        relation = _wire.safely(_relation)(field)
        if relation:
            yield relation


def _relation(field: Any) -> Json | None:
    if not field.is_relation:
        return None
    if type(field).__name__ == "GenericForeignKey":
        return _named(field.name, field.name, "generic-forward", "", null=True)
    target = field.related_model
    if target is None or isinstance(target, str):
        return None
    label = target._meta.label
    if not field.auto_created or field.concrete:
        return _forward(field, label)
    if field.hidden:
        return None
    kind = (
        "many-to-many"
        if field.many_to_many
        else "reverse-one-to-one"
        if field.one_to_one
        else "reverse"
    )
    columns = {} if field.many_to_many else _columns(field.field, reverse=True)
    return _named(field.get_accessor_name(), field.name, kind, label, null=True, **columns)


def _forward(field: Any, label: str) -> Json:
    if field.many_to_many:
        return _named(field.name, field.name, "many-to-many", label, null=True)
    if not field.concrete:
        return _named(field.name, field.name, "generic-reverse", label, null=True)
    kind = "one-to-one" if field.one_to_one else "forward"
    return _named(field.name, field.name, kind, label, null=field.null, **_columns(field))


def _columns(field: Any, reverse: bool = False) -> dict[str, str]:
    pairs = getattr(field, "related_fields", None)
    if not pairs:
        return {}
    own, remote = pairs[0][0].column or "", pairs[0][1].column or ""
    return {
        "column": remote if reverse else own,
        "remote_column": own if reverse else remote,
    }


def _named(name: str, query_name: str, kind: str, model: str, null: bool, **columns: str) -> Json:
    return {
        "name": name,
        "query_name": query_name,
        "kind": kind,
        "model": model,
        "null": bool(null),
        **columns,
    }


def _migrations(app_label: str) -> str:
    """The folder of the app's migrations, "" if it has none."""
    config = import_module("django.apps").apps.get_app_config(app_label)
    modules = import_module("django.conf").settings.MIGRATION_MODULES
    name = modules.get(app_label, f"{config.name}.migrations")
    if not name:
        return ""
    try:
        spec = find_spec(name)
    except (ImportError, ValueError):
        return ""
    folders = list(spec.submodule_search_locations or ()) if spec is not None else []
    return os.path.abspath(folders[0]) if folders else ""
