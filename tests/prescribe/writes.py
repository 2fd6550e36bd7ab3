"""Findings about rows that are written one by one, and what a fixer makes of them."""

from types import ModuleType
from typing import Any

from msgspec.structs import replace

from unslow.lab.prescribe import Source
from unslow.model import (
    Cost,
    Field,
    Finding,
    Model,
    Patch,
    Recommendation,
    Relation,
    Trace,
    WriteEvidence,
)

MODELS = (
    Model(
        label="shop.Order",
        orm="django",
        module="shop.models",
        name="Order",
        table="shop_order",
        fields=(
            Field("id", "id", "BigAutoField", primary_key=True),
            Field("number", "number", "CharField"),
            Field("status", "status", "CharField"),
            Field("quantity", "quantity", "IntegerField"),
            Field("total", "total", "DecimalField", scale=2),
            Field("weight", "weight", "FloatField"),
            Field("customer", "customer_id", "ForeignKey"),
        ),
        relations=(
            Relation("customer", "customer", "forward", "shop.Customer", column="customer_id"),
        ),
        app_label="shop",
    ),
    Model(
        label="shop.Customer",
        orm="django",
        module="shop.models",
        name="Customer",
        table="shop_customer",
        fields=(Field("id", "id", "BigAutoField", primary_key=True), Field("name", "name", "Char")),
        relations=(
            Relation("orders", "order", "reverse", "shop.Order", remote_column="customer_id"),
        ),
        app_label="shop",
    ),
)


def changed(**values: Any) -> tuple[Model, ...]:
    """The models, the first of them with other values."""
    return (replace(MODELS[0], **values), *MODELS[1:])


def with_field(*fields: Field) -> tuple[Model, ...]:
    return changed(fields=(*MODELS[0].fields, *fields))


def alchemy() -> tuple[Model, ...]:
    """The models as SQLAlchemy describes them."""
    types = {"IntegerField": "Integer", "DecimalField": "Numeric", "CharField": "String"}
    types |= {"FloatField": "Float", "BigAutoField": "Integer", "ForeignKey": "Integer"}
    return tuple(
        replace(
            model,
            orm="sqlalchemy",
            label=f"shop.models.{model.name}",
            app_label="",
            fields=tuple(
                replace(f, name=f.column, type=types.get(f.type, f.type)) for f in model.fields
            ),
            relations=(),
        )
        for model in MODELS
    )


def advice(
    bench: Any,
    fixer: ModuleType,
    operation: str,
    *,
    detector: str = "row-by-row-write",
    database: str = "postgresql 18.1",
    models: tuple[Model, ...] = MODELS,
    **evidence: Any,
) -> list[Patch | Recommendation]:
    """What the fixer says where the marked expression writes orders."""
    orm = models[0].orm
    found = WriteEvidence(
        operation,  # type: ignore[arg-type]
        orm,
        evidence.pop("model", models[0].label),
        50.0,
        **{"stack": tuple(bench.sites), **evidence},
    )
    cost = Cost(49.0, 10.0, 0.5)
    cause = bench.sites[0]
    finding = Finding(detector, "", "high", "certain", ("POST o/",), cause, cause, found, cost)
    trace = Trace(1, "0", "django", "", database, (str(bench.root),), models=models)
    bench.models = models
    return list(fixer.fix(finding, Source([bench.root], models, trace)))


def fixed(bench: Any, fixer: ModuleType, operation: str, **options: Any) -> str:
    """The file after the fixer's one patch."""
    (patch,) = advice(bench, fixer, operation, **options)
    assert isinstance(patch, Patch), patch
    return str(bench.apply(patch)[bench.sites[0].path])


def refused(bench: Any, fixer: ModuleType, operation: str, **options: Any) -> str:
    """The reason of the one recommendation."""
    (only,) = advice(bench, fixer, operation, **options)
    assert isinstance(only, Recommendation), bench.apply(only)
    return only.reason
