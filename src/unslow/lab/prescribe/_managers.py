"""Which manager leads to all rows of a model, as its related managers do."""

import libcst as cst

from unslow.lab.prescribe._chains import dotted, function
from unslow.lab.prescribe._source import Source
from unslow.model import Model


def default_manager(model: Model, source: Source) -> str:
    """The name of the model's first manager; `objects` where the class declares none."""
    declared = managers(model, source)
    return declared[0] if declared else "objects"


def has_plain_manager(model: Model, source: Source) -> bool:
    """Whether the model declares no manager of its own, which might hide rows."""
    return not managers(model, source)


def managers(model: Model, source: Source) -> list[str]:
    """The managers that the class declares, in order."""
    module = source.module(model.site.path) if model.site else None
    if module is None:
        return []
    for node in module.nodes(cst.ClassDef):
        if node.name.value == model.name and module.enclosing(node, cst.ClassDef) is None:
            return [name for statement in node.body.body for name in _declared(statement)]
    return []


def _declared(statement: cst.CSTNode) -> list[str]:
    """The names that a class-level statement binds to a manager."""
    if not isinstance(statement, cst.SimpleStatementLine):
        return []
    return [
        dotted(target.target)
        for small in statement.body
        if isinstance(small, cst.Assign) and _makes_manager(small.value)
        for target in small.targets
    ]


def _makes_manager(value: cst.BaseExpression) -> bool:
    if not isinstance(value, cst.Call):
        return False
    name = function(value)
    return (
        name.endswith("Manager")
        or name in ("as_manager", "from_queryset")
        or _makes_manager(value.func)
    )
