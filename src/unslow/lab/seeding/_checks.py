"""Reads from check constraints what single columns may hold, as far as they say it plainly."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from pglast import ast, enums, parse_sql
from pglast.parser import ParseError
from pglast.stream import RawStream
from pglast.visitors import Visitor

from unslow.lab.seeding.schema import Bound, Facts, Order

NOW = "now"  # stands for the moment of the check
MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "<>": "<>"}
LENGTHS = {"length", "char_length", "character_length", "octet_length", "cardinality"}
MOMENTS = {"now", "statement_timestamp", "transaction_timestamp"}
NULL_COUNTS = {"num_nonnulls", "num_nulls"}
FOLDS = {"lower", "upper"}
KIND = enums.A_Expr_Kind


@dataclass
class Reading:
    """What a condition says: by column, between columns, and which column it computes."""

    facts: defaultdict[str, Facts] = field(default_factory=lambda: defaultdict(Facts))
    orders: list[Order] = field(default_factory=list)
    computed: dict[str, str] = field(default_factory=dict)

    def add(self, column: str, facts: Facts) -> None:
        self.facts[column] &= facts


def read(condition: str) -> Reading:
    """The plain part of a condition in PostgreSQL's grammar; nothing of one that is not."""
    reading = Reading()
    try:
        select: Any = parse_sql(f"SELECT 1 WHERE {condition}")[0].stmt
    except ParseError:
        return reading
    for node in _conjuncts(select.whereClause):
        _read(node, reading)
    return reading


def _conjuncts(node: Any) -> Iterator[Any]:
    if isinstance(node, ast.BoolExpr) and node.boolop == enums.BoolExprType.AND_EXPR:
        for argument in node.args or ():
            yield from _conjuncts(argument)
    else:
        yield node


def _read(node: Any, reading: Reading) -> None:
    match node:
        case ast.ColumnRef():
            reading.add(_column(node), Facts(values=("true",)))
        case ast.BoolExpr(args=(inner,)) if _column(inner):
            reading.add(_column(inner), Facts(values=("false",)))
        case ast.BoolExpr() if node.boolop == enums.BoolExprType.OR_EXPR:
            _read_alternatives(node, reading)
        case ast.NullTest() if _column(node.arg):
            wanted = node.nulltesttype == enums.NullTestType.IS_NOT_NULL
            reading.add(_column(node.arg), Facts(not_null=wanted, torn=not wanted))
        case ast.A_Expr():
            _read_operator(node, reading)
        case ast.FuncCall(args=(inner,)) if _function(node) == "json_valid" and _column(inner):
            reading.add(_column(inner), Facts(json=True))
        case _:
            _hint(node, reading)


def _read_alternatives(node: Any, reading: Reading) -> None:
    """`a IS NULL OR …` says what follows; `a = 1 OR a = 2` is a list."""
    rest = [one for one in node.args if not _is_null_test(one)]
    nulls = [one for one in node.args if _is_null_test(one)]
    read = [_alone(one) for one in rest]
    names = {name for one in read for name in one.facts} | {_column(one.arg) for one in nulls}
    if len(names) != 1 or any(one.orders or one.computed for one in read):
        _hint(node, reading)
        return
    name = names.pop()
    facts = [one.facts[name] for one in read]
    if len(facts) == 1:
        reading.add(name, facts[0])
    elif facts and all(one.values is not None for one in facts):
        reading.add(name, Facts(values=tuple(v for one in facts for v in one.values or ())))
    else:
        _hint(node, reading)


def _alone(node: Any) -> Reading:
    reading = Reading()
    for one in _conjuncts(node):
        _read(one, reading)
    return reading


def _is_null_test(node: Any) -> bool:
    return (
        isinstance(node, ast.NullTest)
        and node.nulltesttype == enums.NullTestType.IS_NULL
        and bool(_column(node.arg))
    )


def _read_operator(node: Any, reading: Reading) -> None:
    name = node.name[-1].sval if node.name else ""
    column = _column(node.lexpr)
    match node.kind:
        case KIND.AEXPR_IN | KIND.AEXPR_OP_ANY | KIND.AEXPR_OP_ALL if column:
            values = _list(node.rexpr)
            if values is None:
                _hint(node, reading)
            elif name == "=" and node.kind != KIND.AEXPR_OP_ALL:
                reading.add(column, Facts(values=values))
            elif name == "<>" and node.kind != KIND.AEXPR_OP_ANY:
                reading.add(column, Facts(excluded=values))
        case KIND.AEXPR_BETWEEN if column:
            low, high = (_literal(one) for one in node.rexpr)
            if low is not None:
                reading.add(column, Facts(lows=(Bound(low),)))
            if high is not None:
                reading.add(column, Facts(highs=(Bound(high),)))
        case KIND.AEXPR_LIKE if column:
            pattern = _literal(node.rexpr)
            if pattern is not None:
                reading.add(column, _compared(name, pattern))
        case KIND.AEXPR_OP:
            _read_comparison(name, node, reading)
        case _:
            _hint(node, reading)


def _read_comparison(name: str, node: Any, reading: Reading) -> None:
    left, right = node.lexpr, node.rexpr
    if _literal(left) is not None and name in MIRRORED:
        name, left, right = MIRRORED[name], right, left
    literal, column = _literal(right), _column(left)
    if literal is None:
        _read_columns(name, left, right, reading)
    elif column:
        reading.add(column, _compared(name, literal))
    elif (measured := _measured(left)) and literal.lstrip("-").isdigit():
        reading.add(measured, _length(name, int(literal)))
    else:
        _hint(node, reading)


def _compared(name: str, literal: str) -> Facts:
    match name:
        case "=":
            return Facts(values=(literal,))
        case "<>":
            return Facts(excluded=(literal,))
        case ">" | ">=":
            return Facts(lows=(Bound(literal, strict=name == ">"),))
        case "<" | "<=":
            return Facts(highs=(Bound(literal, strict=name == "<"),))
        case "~":
            return Facts(patterns=(literal,))
        case "~~":
            return Facts(patterns=(_regex_of_like(literal),))
        case "!~":
            return Facts(unlike=(literal,))
        case "!~~":
            return Facts(unlike=(_regex_of_like(literal),))
        case "~*":
            return Facts(patterns=(f"(?i:{literal})",))
    return Facts()


def _length(name: str, number: int) -> Facts:
    match name:
        case "=":
            return Facts(shortest=number, longest=number)
        case ">" | ">=":
            return Facts(shortest=number + (name == ">"))
        case "<" | "<=":
            return Facts(longest=number - (name == "<"))
    return Facts()


def _read_columns(name: str, left: Any, right: Any, reading: Reading) -> None:
    """A comparison with no constant: an order of two columns, a fold, or a computed column."""
    one, other = _column(left), _column(right)
    for side, column in ((left, other), (right, one)):
        if name == "=" and column and _folded(side) == column:
            function = _function(_bare(side))
            reading.add(column, Facts(fold="lower" if function == "lower" else "upper"))
            return
    if one and other and name in ("<", "<=", ">", ">="):
        low, high = (one, other) if name[0] == "<" else (other, one)
        reading.orders.append(Order(low, high, strict=len(name) == 1))
    elif name == "=" and one:
        reading.computed[one] = RawStream()(right)
    elif name == "=" and other:
        reading.computed[other] = RawStream()(left)
    else:
        for node in (left, right):
            _hint(node, reading)


def _hint(node: Any, reading: Reading) -> None:
    """Constants that a column is compared with somewhere inside, and tests of being null."""
    finder = _Hints()
    finder(node)
    for column, facts in finder.found:
        reading.add(column, facts)


class _Hints(Visitor):
    def __init__(self) -> None:
        self.found: list[tuple[str, Facts]] = []

    def visit_A_Expr(self, ancestors: object, node: Any) -> None:
        column = _column(node.lexpr) if node.lexpr else ""
        if not column or not node.name or node.name[-1].sval != "=":
            return
        if node.kind == KIND.AEXPR_OP:
            literal = _literal(node.rexpr)
            values: Sequence[str] | None = None if literal is None else (literal,)
        else:
            values = _list(node.rexpr)
        if values:
            self.found.append((column, Facts(hints=tuple(values))))

    def visit_NullTest(self, ancestors: object, node: Any) -> None:
        if column := _column(node.arg):
            self.found.append((column, Facts(torn=True)))

    def visit_FuncCall(self, ancestors: object, node: Any) -> None:
        if _function(node) in NULL_COUNTS:
            names = (_column(one) for one in node.args)
            self.found += [(name, Facts(torn=True)) for name in names if name]


def _bare(node: Any) -> Any:
    while isinstance(node, ast.TypeCast):
        node = node.arg
    return node


def _column(node: Any) -> str:
    """The column that an expression is, casts aside; "" if it is none."""
    match _bare(node):
        case ast.ColumnRef(fields=(*_, ast.String(sval=name))):
            return str(name)
    return ""


def _literal(node: Any) -> str | None:
    bare = _bare(node)
    match bare:
        case ast.A_Const(isnull=False):
            return _constant(bare.val)
        case ast.A_Expr(lexpr=None) if bare.name and bare.name[-1].sval == "-":
            inner = _literal(bare.rexpr)
            return None if inner is None else f"-{inner}"
        case ast.FuncCall() if _function(bare) in MOMENTS:
            return NOW
        case ast.SQLValueFunction(op=enums.SQLValueFunctionOp() as which):
            is_moment = "CURRENT_TIME" in which.name or "LOCALTIME" in which.name
            return NOW if is_moment or which.name.endswith("CURRENT_DATE") else None
    return None


def _constant(value: Any) -> str | None:
    match value:
        case ast.Integer():
            return str(value.ival)
        case ast.Float():
            return str(value.fval)
        case ast.String():
            return str(value.sval)
        case ast.Boolean():
            return "true" if value.boolval else "false"
    return None


def _list(node: Any) -> tuple[str, ...] | None:
    """The constants of `IN (…)` or `= ANY (ARRAY[…])` or of `'{a,b}'`."""
    bare = _bare(node) if isinstance(node, ast.Node) else node
    if isinstance(bare, ast.A_ArrayExpr):
        bare = bare.elements
    if isinstance(bare, ast.A_Const):
        text = _literal(bare) or ""
        inner = text[1:-1] if text[:1] == "{" and text[-1:] == "}" and '"' not in text else ""
        return tuple(inner.split(",")) if inner else None
    if not isinstance(bare, tuple):
        return None
    values = [_literal(one) for one in bare]
    return None if None in values else tuple(one for one in values if one is not None)


def _measured(node: Any) -> str:
    """The column whose length an expression is."""
    bare = _bare(node)
    if not isinstance(bare, ast.FuncCall) or not bare.args:
        return ""
    name = _function(bare)
    first, *rest = bare.args
    if name in LENGTHS and not rest:
        return _column(first)
    return _column(first) if name == "array_length" and _literal(rest[0]) == "1" else ""


def _folded(node: Any) -> str:
    bare: Any = _bare(node)
    is_fold = isinstance(bare, ast.FuncCall) and _function(bare) in FOLDS
    return _column(bare.args[0]) if is_fold and bare.args else ""


def _function(node: Any) -> str:
    match node:
        case ast.FuncCall(funcname=(*_, ast.String(sval=name))):
            return str(name)
    return ""


def _regex_of_like(pattern: str) -> str:
    parts = {"%": ".*", "_": "."}
    found = re.findall(r"\\.|.", pattern, re.DOTALL)
    return "^" + "".join(parts.get(one) or re.escape(one[-1]) for one in found) + "$"
