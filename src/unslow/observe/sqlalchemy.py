"""SQLAlchemy: every statement with the relationship and the select() that it was run for."""

from __future__ import annotations

import sys
from types import FrameType, ModuleType
from typing import Any

from unslow.observe import (
    _record,
    _sqlalchemy_loads,
    _sqlalchemy_models,
    _sqlalchemy_sql,
    _sqlalchemy_statements,
    _through,
    _transactions,
    _wire,
)

MODULES = ("sqlalchemy", "sqlalchemy.orm", "fastapi.routing")


def install(module: ModuleType) -> None:
    """Hook what the level of detail needs of the package that was just imported."""
    if _record.level() == "off":
        return
    if module.__name__ == "sqlalchemy":
        _install_core(module)
    elif _record.level() != "full":
        return
    elif module.__name__ == "sqlalchemy.orm":
        _install_orm(module)
    else:
        _through.register(module.ModelField.validate.__code__, response_models)


@_wire.safely
def response_models(frames: list[FrameType]) -> list[str]:
    """`response_model list[OrderOut]`: FastAPI reads attributes while it makes the response."""
    infos = [getattr(frame.f_locals.get("self"), "field_info", None) for frame in frames]
    models = [getattr(info, "annotation", None) for info in infos]
    return [f"response_model {_name(model)}" for model in models if model is not None]


def _name(model: Any) -> str:
    return model.__name__ if isinstance(model, type) else str(model)


def describe() -> dict[str, Any] | None:
    """The mapped classes and the database; None where SQLAlchemy is not in use."""
    if "sqlalchemy" not in sys.modules:
        return None
    return {"database": _sqlalchemy_sql.database(), "models": _sqlalchemy_models.models()}


def _install_core(package: Any) -> None:
    _sqlalchemy_sql.install(package.engine, package.engine.cursor, package.pool, package.event)
    if _record.level() == "full":
        _transactions.install(package.engine, package.event)
        _sqlalchemy_statements.install(package.sql.base, package.sql.selectable)


def _install_orm(orm: Any) -> None:
    event = sys.modules["sqlalchemy"].event
    _sqlalchemy_loads.install(orm.session, orm.loading, event)
    _sqlalchemy_loads.install_dynamic(orm.dynamic)
    _sqlalchemy_statements.install_query(orm.query)
