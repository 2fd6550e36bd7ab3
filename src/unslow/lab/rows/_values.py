"""Arithmetic on the columns of a row, written for the database."""

import ast
from collections.abc import Callable
from dataclasses import dataclass

from unslow.lab.rows._columns import SUMMED, Kind, attribute, field_of, kind
from unslow.model import Field, Model

OPERATORS: dict[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*"}

Write = Callable[[Field], str]


@dataclass(frozen=True)
class Value:
    """`text` gives the database the value; `fields` are its columns, `kind` what they add up to."""

    text: str
    fields: tuple[Field, ...]
    kind: Kind

    @property
    def plain(self) -> bool:
        """Whether it is one column as it is."""
        return len(self.fields) == 1 and not any(sign in self.text for sign in "+-* ")


def arithmetic(node: ast.expr, row: str, model: Model, write: Write) -> Value | None:
    """None for what the database may compute in another way, or not at all."""
    found = _value(node, row, model, write)
    return found if found is not None and found.fields else None


def names_read(node: ast.AST, row: str) -> set[str]:
    """The attributes of the row that `node` reads."""
    return {
        name
        for one in ast.walk(node)
        if isinstance(one, ast.Attribute) and (name := attribute(one, row))
    }


def mentions(node: ast.AST, name: str) -> bool:
    return any(isinstance(one, ast.Name) and one.id == name for one in ast.walk(node))


def _value(node: ast.expr, row: str, model: Model, write: Write) -> Value | None:
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return Value(str(node.value), (), "integer")
    if isinstance(node, ast.BinOp):
        return _combined(node, row, model, write)
    field = field_of(node, row, model)
    if field is None or kind(field) not in SUMMED:
        return None
    return Value(write(field), (field,), kind(field))


def _combined(node: ast.BinOp, row: str, model: Model, write: Write) -> Value | None:
    sign = OPERATORS.get(type(node.op))
    left, right = (_value(side, row, model, write) for side in (node.left, node.right))
    if sign is None or left is None or right is None:
        return None
    texts = [
        f"({side.text})" if isinstance(part, ast.BinOp) else side.text
        for part, side in ((node.left, left), (node.right, right))
    ]
    decimal = "decimal" in (left.kind, right.kind)
    return Value(
        f"{texts[0]} {sign} {texts[1]}",
        left.fields + right.fields,
        "decimal" if decimal else "integer",
    )
