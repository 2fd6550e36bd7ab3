"""Arithmetic of a row that the database does exactly as Python and the ORM do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Literal

import libcst as cst

from unslow.lab.prescribe import _chains as chains
from unslow.lab.prescribe._locals import assigned
from unslow.lab.prescribe._module import Module
from unslow.model import Field

Kind = Literal["integer", "decimal", "float"]

KINDS: dict[str, Kind] = {
    "DecimalField": "decimal",
    "Numeric": "decimal",
    "NUMERIC": "decimal",
    "FloatField": "float",
    "Float": "float",
    "Double": "float",
}
SIGNS = {cst.Add: "+", cst.Subtract: "-", cst.Multiply: "*"}
AUGMENTED = {cst.AddAssign: "+", cst.SubtractAssign: "-", cst.MultiplyAssign: "*"}

INEXACT = "the database rounds the result in another way than Python does"
UNKNOWN = "what the value is made of is not plain to see"


@dataclass(frozen=True)
class Term:
    """A value: its text for the database, its kind, how many decimal places it has.

    `constant` is its number where it is a literal.
    """

    text: str
    kind: Kind
    scale: int = 0
    constant: Decimal | None = None
    compound: bool = False


@dataclass(frozen=True)
class Arithmetic:
    """Renders expressions of `row`; `column` writes one of its fields for the database.

    `half_even`: the ORM rounds a decimal half to even where the database rounds half away from
    zero. `casts_literals`: it gives a number the type of the column beside it, places included.
    """

    module: Module
    row: str
    find: Callable[[str], Field | None]
    column: Callable[[Field], str]
    half_even: bool
    exact_decimals: bool
    casts_literals: bool = False

    def value(self, node: cst.BaseExpression, field: Field) -> str:
        """The text of the field's new value. Raises `Inexact` where it may be another one."""
        return self.stored(self.term(node), field)

    def stored(self, term: Term, field: Field) -> str:
        kind = kind_of(field)
        if kind is None or (kind == "integer" and term.kind != "integer"):
            raise Inexact(UNKNOWN)
        if kind == "float" and term.kind == "decimal":
            raise Inexact(UNKNOWN)
        if kind == "decimal":
            if term.kind == "float":
                raise Inexact(UNKNOWN)
            if not self.exact_decimals or field.scale is None:
                raise Inexact(INEXACT)
            if self.half_even and term.scale > field.scale and not _never_half(term, field.scale):
                raise Inexact(INEXACT)
        return term.text

    def term(self, node: cst.BaseExpression, depth: int = 0) -> Term:
        number = _number(node)
        if number is not None:
            return number
        if isinstance(node, cst.BinaryOperation):
            sign = SIGNS.get(type(node.operator), "")
            return self.combined(self.term(node.left, depth), sign, self.term(node.right, depth))
        if isinstance(node, cst.Attribute) and chains.dotted(node.value) == self.row:
            field = self.find(node.attr.value)
            kind = kind_of(field) if field is not None else None
            if field is None or kind is None:
                raise Inexact(UNKNOWN)
            return Term(self.column(field), kind, field.scale or 0)
        if isinstance(node, cst.Name) and depth < 3:
            return self._named(node, depth)
        raise Inexact(UNKNOWN)

    def combined(self, left: Term, sign: str, right: Term) -> Term:
        if not sign or {left.kind, right.kind} == {"decimal", "float"}:
            raise Inexact(UNKNOWN)
        kinds = {left.kind, right.kind}
        kind: Kind = "float" if "float" in kinds else "decimal" if "decimal" in kinds else "integer"
        scale = left.scale + right.scale if sign == "*" else max(left.scale, right.scale)
        if self.casts_literals and _is_finer(left, right):
            raise Inexact(INEXACT)
        text = f"{_inner(left, sign)} {sign} {_inner(right, sign, last=True)}"
        factor = _factor(left, right) if sign == "*" else None
        return Term(text, kind, scale, factor, compound=True)

    def _named(self, node: cst.Name, depth: int) -> Term:
        """A local name or parameter that holds a number of a known kind."""
        value = assigned(self.module, node)
        if value is not None:
            known = self.term(value, depth + 1)
            if known.constant is None or known.compound:
                raise Inexact(UNKNOWN)
            return Term(node.value, known.kind, known.scale, known.constant)
        if _annotation(self.module, node) == "int":
            return Term(node.value, "integer")
        raise Inexact(UNKNOWN)


class Inexact(Exception):
    """The value cannot be computed by the database, or not to the same digits."""


def kind_of(field: Field) -> Kind | None:
    if "Integer" in field.type or field.type.endswith("AutoField"):
        return "integer"
    return KINDS.get(field.type)


def _number(node: cst.BaseExpression) -> Term | None:
    """A literal: `2`, `1.5`, `Decimal("0.96")`."""
    if isinstance(node, cst.Integer):
        return Term(node.value, "integer", 0, Decimal(node.evaluated_value))
    if isinstance(node, cst.Float):
        return Term(node.value, "float")
    if isinstance(node, cst.Call) and chains.function(node) == "Decimal" and len(node.args) == 1:
        text = chains.string(node.args[0].value)
        whole = node.args[0].value
        if text is None and isinstance(whole, cst.Integer):
            text = whole.value
        try:
            number = Decimal(text or "")
        except InvalidOperation:
            return None
        exponent = number.as_tuple().exponent
        if isinstance(exponent, int):
            return Term(
                f'{chains.dotted(node.func)}("{text}")', "decimal", max(0, -exponent), number
            )
    return None


def _factor(left: Term, right: Term) -> Decimal | None:
    """The constant by which a column is multiplied."""
    constants = [term.constant for term in (left, right) if term.constant is not None]
    columns = [term for term in (left, right) if term.constant is None and not term.compound]
    return constants[0] if len(constants) == 1 and len(columns) == 1 else None


def _is_finer(left: Term, right: Term) -> bool:
    """Whether a number has more places than the column beside it keeps."""
    pairs = ((left, right), (right, left))
    return any(one.constant is not None and one.scale > other.scale for one, other in pairs)


def _never_half(term: Term, scale: int) -> bool:
    """Whether no product of the factor with a number of `scale` places lies on a half.

    With the factor f / 10**k a half needs f * n to end in 5 and k - 1 zeros, so that 2**k may not
    divide f.
    """
    if term.constant is None:
        return False
    exponent = term.constant.as_tuple().exponent
    places = max(0, -exponent) if isinstance(exponent, int) else 0
    whole = int(term.constant.scaleb(places))
    return term.scale == scale + places and whole % 2**places == 0


def _inner(term: Term, sign: str, *, last: bool = False) -> str:
    """The operand with the parentheses that it needs."""
    if not term.compound:
        return term.text
    return f"({term.text})" if sign == "*" or last else term.text


def _annotation(module: Module, name: cst.Name) -> str:
    function = module.enclosing(name, cst.FunctionDef)
    if function is None:
        return ""
    params = function.params
    for param in (*params.posonly_params, *params.params, *params.kwonly_params):
        if param.name.value == name.value and param.annotation is not None:
            rebound = any(
                isinstance(target, cst.AssignTarget) and chains.dotted(target.target) == name.value
                for target in module.nodes(cst.AssignTarget)
            )
            return "" if rebound else chains.dotted(param.annotation.annotation)
    return ""
