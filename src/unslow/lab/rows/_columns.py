"""What kind of values a model's columns hold, and the column that an attribute of a row reads."""

import ast
from typing import Literal

from unslow.model import Field, Model

Kind = Literal["integer", "decimal", "float", "text", "moment", "truth", "key", "other"]

KINDS: dict[Kind, frozenset[str]] = {
    "integer": frozenset(
        """
        AutoField BigAutoField SmallAutoField IntegerField BigIntegerField SmallIntegerField
        PositiveIntegerField PositiveBigIntegerField PositiveSmallIntegerField
        Integer BigInteger SmallInteger INTEGER BIGINT SMALLINT
        """.split()  # noqa: SIM905
    ),
    "decimal": frozenset({"DecimalField", "Numeric", "NUMERIC", "DECIMAL"}),
    "float": frozenset({"FloatField", "Float", "FLOAT", "REAL", "Double", "DOUBLE_PRECISION"}),
    "text": frozenset(
        """
        CharField TextField SlugField EmailField URLField String Text Unicode UnicodeText
        VARCHAR TEXT AutoString
        """.split()  # noqa: SIM905
    ),
    "moment": frozenset({"DateField", "DateTimeField", "Date", "DateTime", "DATE", "TIMESTAMP"}),
    "truth": frozenset({"BooleanField", "Boolean", "BOOLEAN"}),
    "key": frozenset({"ForeignKey", "OneToOneField", "UUIDField", "Uuid", "UUID", "Enum", "ENUM"}),
}
HEAVY = frozenset(  # types whose values may be as long as they like
    {"TextField", "BinaryField", "JSONField", "ArrayField", "HStoreField", "GeometryField"}
    | {"Text", "UnicodeText", "LargeBinary", "JSON", "JSONB", "ARRAY", "TEXT", "BYTEA"}
    | {"TSVECTOR", "SearchVectorField", "PickleType"}
)
SUMMED = frozenset({"integer", "decimal"})  # floats add up to other last digits in another order
ORDERED = frozenset({"integer", "decimal", "float", "moment"})  # sort alike in Python and SQL


def kind(field: Field) -> Kind:
    return next((name for name, types in KINDS.items() if field.type in types), "other")


def attribute(node: ast.expr, row: str) -> str:
    """`total` of `order.total` where `row` is `order`, else ""."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return node.attr if node.value.id == row else ""
    return ""


def field_of(node: ast.expr, row: str, model: Model) -> Field | None:
    """The column that an attribute of the row reads; `customer_id` for a foreign key."""
    return field_named(attribute(node, row), model)


def field_named(name: str, model: Model) -> Field | None:
    if not name:
        return None
    for field in model.fields:
        is_key = model.orm == "django" and field.type in ("ForeignKey", "OneToOneField")
        if name == (f"{field.name}_id" if is_key else field.name):
            return field
    if name == "pk" and model.orm == "django":
        return next((field for field in model.fields if field.primary_key), None)
    return None
