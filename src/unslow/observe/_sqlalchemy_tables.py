"""Finds the mapped class of a SQLAlchemy table or statement."""

from __future__ import annotations

import sys
from typing import Any
from weakref import WeakKeyDictionary

_labels: WeakKeyDictionary[Any, str] = WeakKeyDictionary()


def label_of(entity: Any) -> str:
    """`module.Class`, as in `model.Model.label`."""
    cls = getattr(entity, "class_", entity)
    return f"{cls.__module__}.{cls.__qualname__}" if isinstance(cls, type) else ""


def label_of_table(table: Any) -> str:
    """The class that is mapped to a table, "" for a table of Core."""
    if table is None:
        return ""
    if table not in _labels:
        _labels[table] = next(
            (label_of(mapper) for mapper in mappers() if mapper.local_table is table), ""
        )
    return _labels[table]


def label_in(statement: Any) -> str:
    """The first mapped class that a statement reads, "" if none."""
    visitors: Any = sys.modules.get("sqlalchemy.sql.visitors")
    for part in visitors.iterate(statement) if visitors is not None else ():
        table = getattr(part, "table", None)
        if table is not None and (label := label_of_table(table)):
            return label
    return ""


def mappers() -> list[Any]:
    """All mappers of all registries, by class name."""
    module: Any = sys.modules.get("sqlalchemy.orm.mapper")
    if module is None:
        return []
    found = [mapper for registry in module._all_registries() for mapper in registry.mappers]
    return sorted(found, key=label_of)
