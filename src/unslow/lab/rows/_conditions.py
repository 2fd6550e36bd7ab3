"""Conditions on a row that the database decides as Python does."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from unslow.lab.rows._columns import Kind, field_of, kind
from unslow.lab.rows._values import mentions
from unslow.model import Field, Model

Test = Literal["equal", "unequal", "below", "up-to", "above", "from", "in", "null", "not-null"]

COMPARISONS: dict[type[ast.cmpop], Test] = {
    ast.Eq: "equal",
    ast.NotEq: "unequal",
    ast.Lt: "below",
    ast.LtE: "up-to",
    ast.Gt: "above",
    ast.GtE: "from",
    ast.In: "in",
}
MIRRORED: dict[Test, Test] = {
    "below": "above",
    "up-to": "from",
    "above": "below",
    "from": "up-to",
    "equal": "equal",
    "unequal": "unequal",
}
CONTRARY: dict[Test, Test] = {
    "equal": "unequal",
    "unequal": "equal",
    "below": "from",
    "from": "below",
    "above": "up-to",
    "up-to": "above",
    "null": "not-null",
    "not-null": "null",
}
LOOKUPS: dict[Test, str] = {"below": "__lt", "up-to": "__lte", "above": "__gt", "from": "__gte"}
SIGNS: dict[Test, str] = {
    "equal": "==",
    "unequal": "!=",
    "below": "<",
    "up-to": "<=",
    "above": ">",
    "from": ">=",
}
CONSTANTS: dict[Kind, tuple[type, ...]] = {
    "text": (str,),
    "integer": (int,),
    "decimal": (int,),
    "float": (int, float),
    "truth": (bool,),
}


@dataclass(frozen=True)
class Condition:
    """A test of one column; `value` is the source text that it is compared with."""

    field: Field
    test: Test
    value: str = ""

    @property
    def django(self) -> tuple[str, str]:
        """The method and its argument: `("filter", 'status="paid"')`."""
        name = self.field.name
        if self.test in ("null", "not-null"):
            return "filter", f"{name}__isnull={self.test == 'null'}"
        if self.test == "unequal":
            return "exclude", f"{name}={self.value}"
        if self.test == "in":
            return "filter", f"{name}__in={self.value}"
        return "filter", f"{name}{LOOKUPS.get(self.test, '')}={self.value}"

    def sqlalchemy(self, entity: str) -> str:
        """The expression: `Order.status == "paid"`."""
        column = f"{entity}.{self.field.name}"
        if self.test == "null":
            return f"{column}.is_(None)"
        if self.test == "not-null":
            return f"{column}.is_not(None)"
        if self.test == "in":
            return f"{column}.in_({self.value})"
        if self.value in ("True", "False"):
            return f"{column}.is_({self.value})"
        return f"{column} {SIGNS[self.test]} {self.value}"


def conditions(
    test: ast.expr, row: str, model: Model, *, wanted: bool = True
) -> tuple[Condition, ...] | None:
    """What all of `test` asks of the row, or what its contrary asks where it is not `wanted`.

    None when the database might decide otherwise.
    """
    found = [_condition(part, row, model, true) for part, true in _conjuncts(test, wanted)]
    known = tuple(one for one in found if one is not None)
    return known if len(known) == len(found) else None


def _conjuncts(test: ast.expr, wanted: bool) -> Iterator[tuple[ast.expr, bool]]:
    """The parts that must all be true, or false, for `test` to be as wanted."""
    joined = ast.And if wanted else ast.Or
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        yield from _conjuncts(test.operand, not wanted)
    elif isinstance(test, ast.BoolOp) and isinstance(test.op, joined):
        for part in test.values:
            yield from _conjuncts(part, wanted)
    else:
        yield test, wanted


def _condition(test: ast.expr, row: str, model: Model, wanted: bool) -> Condition | None:
    if not isinstance(test, ast.Compare):
        return _truth(test, row, model, wanted=wanted)
    found = _comparison(test, row, model) if len(test.ops) == 1 else None
    return found if wanted or found is None else _contrary(found)


def _contrary(one: Condition) -> Condition | None:
    """NULL is neither equal nor unequal in SQL, so such a column has no contrary."""
    test = CONTRARY.get(one.test)
    unknown = one.field.null and one.test not in ("null", "not-null")
    return None if test is None or unknown else Condition(one.field, test, one.value)


def _truth(node: ast.expr, row: str, model: Model, *, wanted: bool) -> Condition | None:
    """`row.active`; a number and a text have a false value of their own."""
    field = field_of(node, row, model)
    if field is None:
        return None
    if kind(field) == "truth" and (wanted or not field.null):
        return Condition(field, "equal", str(wanted))
    if kind(field) in ("moment", "key") and field.null and field.type not in ("Enum", "ENUM"):
        return Condition(field, "not-null" if wanted else "null")
    if kind(field) in ("text", "integer", "decimal") and not field.null:
        empty = '""' if kind(field) == "text" else "0"
        return Condition(field, "unequal" if wanted else "equal", empty)
    return None


def _comparison(node: ast.Compare, row: str, model: Model) -> Condition | None:
    left, operator, right = node.left, node.ops[0], node.comparators[0]
    if isinstance(operator, ast.Is | ast.IsNot):
        field = field_of(left, row, model)
        if field is None or not (isinstance(right, ast.Constant) and right.value is None):
            return None
        return Condition(field, "null" if isinstance(operator, ast.Is) else "not-null")
    test = COMPARISONS.get(type(operator))
    if test is None:
        return None
    field, other = field_of(left, row, model), right
    if field is None and test in MIRRORED:
        field, other, test = field_of(right, row, model), left, MIRRORED[test]
    if field is None or mentions(other, row) or not _fits(field, test, other):
        return None
    return Condition(field, test, _source(other))


def _source(node: ast.expr) -> str:
    text = ast.unparse(node)
    return text if '"' in text or "\\" in text else text.replace("'", '"')


def _fits(field: Field, test: Test, value: ast.expr) -> bool:
    """Whether the database compares the column with the value as Python does."""
    if test == "in":
        listed = isinstance(value, ast.List | ast.Tuple | ast.Set)
        return listed and all(_fits(field, "equal", one) for one in getattr(value, "elts", ()))
    if test not in ("equal", "unequal") and kind(field) not in (
        "integer",
        "decimal",
        "float",
        "moment",
    ):
        return False
    if test == "unequal" and field.null:
        return False
    if isinstance(value, ast.Constant):
        allowed = CONSTANTS.get(kind(field), ())
        return type(value.value) in allowed
    if kind(field) == "other" or (kind(field) == "float" and test in ("equal", "unequal")):
        return False
    return _is_settled(value)


def _is_settled(value: ast.expr) -> bool:
    """A name or an attribute of one, which is the same for every row."""
    if isinstance(value, ast.Attribute):
        return _is_settled(value.value)
    return isinstance(value, ast.Name)
