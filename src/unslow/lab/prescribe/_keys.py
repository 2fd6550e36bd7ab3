"""What a key leads to in SQLAlchemy: whose column it is, one row or many, surely there or not."""

import libcst as cst

from unslow.lab.prescribe import _chains as chains
from unslow.lab.prescribe._reads import Selected
from unslow.lab.prescribe._source import Source
from unslow.model import Model


def model_in(name: str, source: Source) -> Model | None:
    """The model of `Order`, `models.Order` or `Order.id`."""
    parts = set(name.split("."))
    models = [m for m in source.models if m.orm == "sqlalchemy" and m.name in parts]
    return models[0] if len(models) == 1 else None


def is_unique(column: str, model: Model) -> bool:
    name = column.rpartition(".")[2]
    primary = [field for field in model.fields if field.primary_key]
    alone = len(primary) == 1 and primary[0].name == name
    return alone or any(field.name == name and field.unique for field in model.fields)


def is_certain(
    parts: Selected | None, key: cst.BaseExpression, model: Model, source: Source
) -> bool:
    """Whether each key has its row: it is a foreign key that is never NULL, and nothing narrows."""
    if parts is not None:
        conditions = [
            a for s in parts.steps if chains.function(s) in ("where", "filter") for a in s.args
        ]
        if len(conditions) != 1:
            return False
    name = key.attr.value if isinstance(key, cst.Attribute) else chains.dotted(key)
    relations = [
        relation
        for owner in source.models
        if owner.orm == "sqlalchemy"
        for relation in owner.relations
        if relation.kind in ("forward", "one-to-one") and relation.column == name
    ]
    return bool(relations) and all(r.model == model.label and not r.null for r in relations)
