"""Describes the classes that SQLAlchemy maps: columns, relationships, where they are defined."""

from __future__ import annotations

import sys
from typing import Any

from unslow.observe import _wire
from unslow.observe._django_source import site_of_definition
from unslow.observe._origin import Json
from unslow.observe._sqlalchemy_tables import label_of, mappers

SIGNALS = (
    "before_insert",
    "after_insert",
    "before_update",
    "after_update",
    "before_delete",
    "after_delete",
)


def models() -> list[Json]:
    """Every mapped class with a table, in `model.Model` form."""
    orm: Any = sys.modules.get("sqlalchemy.orm")
    if orm is None:
        return []
    _wire.safely(orm.configure_mappers)()
    found = [_wire.safely(_model)(mapper) for mapper in mappers()]
    return [model for model in found if model]


def _model(mapper: Any) -> Json | None:
    table = mapper.local_table
    if not hasattr(table, "name"):
        return None
    cls = mapper.class_
    return {
        "label": label_of(cls),
        "orm": "sqlalchemy",
        "module": cls.__module__,
        "name": cls.__name__,
        "table": table.name,
        "site": site_of_definition(cls),
        "fields": [_field(prop, table) for prop in mapper.column_attrs if _is_column(prop)],
        "relations": [_relation(prop) for prop in mapper.relationships],
        "parents": [label_of(mapper.inherits)] if mapper.inherits is not None else [],
        **(_wire.safely(_hooks)(mapper) or {}),
    }


def _hooks(mapper: Any) -> Json:
    """What a write of rows in bulk would pass by."""
    return {
        "overrides": [
            name
            for name, found in (
                ("validates", mapper.validators),
                ("version_id_col", mapper.version_id_col is not None),
            )
            if found
        ],
        "signals": [name for name in SIGNALS if bool(getattr(mapper.dispatch, name))],
    }


def _is_column(prop: Any) -> bool:
    return hasattr(prop.columns[0], "table") and hasattr(prop.columns[0], "nullable")


def _field(prop: Any, table: Any) -> Json:
    column = prop.columns[0]
    leading = {next(iter(index.columns)).name for index in table.indexes if len(index.columns)}
    return {
        "name": prop.key,
        "column": column.name,
        "type": type(column.type).__name__,
        "null": bool(column.nullable),
        "unique": bool(column.unique),
        "primary_key": bool(column.primary_key),
        "indexed": bool(column.index or column.unique or column.primary_key)
        or column.name in leading,
        "max_length": getattr(column.type, "length", None),
        "choices": [str(value) for value in getattr(column.type, "enums", None) or ()],
        "scale": getattr(column.type, "scale", None),
        "on_save": "other" if column.onupdate is not None or column.server_onupdate else "",
    }


def _relation(prop: Any) -> Json:
    pairs = prop.local_remote_pairs or ()
    own, remote = (pairs[0][0].name, pairs[0][1].name) if pairs else ("", "")
    return {
        "name": prop.key,
        "query_name": prop.key,
        "kind": _kind(prop),
        "model": label_of(prop.mapper),
        "null": _is_optional(prop),
        "column": own,
        "remote_column": remote,
        "strategy": str(prop.lazy),
    }


def _kind(prop: Any) -> str:
    direction = prop.direction.name
    if direction == "MANYTOMANY":
        return "many-to-many"
    if direction == "MANYTOONE":
        return "forward"
    return "reverse" if prop.uselist else "reverse-one-to-one"


def _is_optional(prop: Any) -> bool:
    if prop.direction.name != "MANYTOONE":
        return True
    return any(column.nullable for column in prop.local_columns)
