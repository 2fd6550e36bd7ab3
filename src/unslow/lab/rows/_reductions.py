"""Rows that are read only to be added up, counted, or searched for the largest."""

import ast
from dataclasses import dataclass
from typing import Literal

from unslow.lab.rows._file import File
from unslow.lab.rows._flow import Rows, Use, function, is_tested

Function = Literal["sum", "count", "max", "min"]

EXISTENCE: dict[tuple[type[ast.cmpop], int], bool] = {
    (ast.Gt, 0): True,
    (ast.NotEq, 0): True,
    (ast.GtE, 1): True,
    (ast.Eq, 0): False,
    (ast.Lt, 1): False,
    (ast.LtE, 0): False,
}
REDUCING: dict[str, Function] = {"sum": "sum", "max": "max", "min": "min", "len": "count"}


@dataclass(frozen=True)
class Reduction:
    """`sum(row.total for row in rows if row.paid)`: what is written instead stands at `place`.

    `value` is an expression of `row`, None where rows are only counted. `into` is the name that a
    loop adds to; the loop is the place then. `default` is the source of what no rows give.
    `tested` tells that only the truth of the count matters.
    """

    function: Function
    place: ast.expr | ast.For
    rows: ast.expr
    row: str = ""
    value: ast.expr | None = None
    test: ast.expr | None = None
    into: str = ""
    default: str = ""
    tested: bool = False

    @property
    def expression(self) -> ast.expr:
        """The expression to change: the iterable of a loop."""
        return self.place.iter if isinstance(self.place, ast.For) else self.place


def reductions(rows: Rows) -> list[Reduction] | None:
    """All uses as reductions; None when one of them needs the rows themselves."""
    found: list[Reduction] = []
    for use in rows.uses:
        made = _reduced(rows.file, use)
        if not made:
            return None
        found += made
    return found or None


def _reduced(file: File, use: Use) -> list[Reduction]:
    if use.kind == "call" and function(use.holder) == "len" and isinstance(use.holder, ast.Call):
        tested = is_existence(file, use.holder) or is_tested(file, use.holder)
        return [Reduction("count", use.holder, use.node, tested=tested)]
    if use.kind == "truth":
        return [Reduction("count", use.node, use.node, tested=True)]
    if use.kind == "comprehension" and (made := _comprehension(file, use)):
        return [made]
    if use.kind == "loop" and isinstance(use.holder, ast.For):
        return _loop(use, use.holder)
    return []


def _comprehension(file: File, use: Use) -> Reduction | None:
    inner = use.holder
    call = file.parents[inner]
    if not isinstance(inner, ast.GeneratorExp | ast.ListComp) or not isinstance(call, ast.Call):
        return None
    reducing = REDUCING.get(function(call))
    generator = inner.generators[0]
    if reducing is None or call.args != [inner] or not isinstance(generator.target, ast.Name):
        return None
    row, test = generator.target.id, _all(generator.ifs)
    if reducing == "count":
        return Reduction("count", call, use.node, row, None, test)
    if reducing == "sum":
        if call.keywords:
            return None
        if isinstance(inner.elt, ast.Constant) and inner.elt.value == 1:
            return Reduction("count", call, use.node, row, None, test)
        return Reduction("sum", call, use.node, row, inner.elt, test)
    default = {one.arg: ast.unparse(one.value) for one in call.keywords}
    if set(default) - {"default"}:
        return None
    return Reduction(
        reducing, call, use.node, row, inner.elt, test, default=default.get("default", "")
    )


def _loop(use: Use, loop: ast.For) -> list[Reduction]:
    """A loop that does nothing but add to names."""
    body, test = loop.body, None
    if len(body) == 1 and isinstance(body[0], ast.If) and not body[0].orelse:
        test, body = body[0].test, body[0].body
    if loop.orelse or not isinstance(loop.target, ast.Name):
        return []
    row = loop.target.id
    found = []
    for line in body:
        if not isinstance(line, ast.AugAssign) or not isinstance(line.op, ast.Add):
            return []
        if not isinstance(line.target, ast.Name) or line.target.id == row:
            return []
        into = line.target.id
        if isinstance(line.value, ast.Constant) and line.value.value == 1:
            found.append(Reduction("count", loop, use.node, row, None, test, into))
        else:
            found.append(Reduction("sum", loop, use.node, row, line.value, test, into))
    names = {one.into for one in found}
    own = len(names) == len(found) and not any(
        isinstance(node, ast.Name) and node.id in names
        for one in found
        for node in (*ast.walk(one.value or loop.target), *ast.walk(test or loop.target))
    )
    return found if own else []


def _all(tests: list[ast.expr]) -> ast.expr | None:
    if not tests:
        return None
    return tests[0] if len(tests) == 1 else ast.BoolOp(ast.And(), tests)


def is_existence(file: File, count: ast.expr) -> bool:
    """Whether the count is only compared so as to know if there is any: `> 0`, `== 0`, `>= 1`."""
    return existence(file, count) is not None


def existence(file: File, count: ast.expr) -> bool | None:
    """Whether the comparison around `count` is true for any rows or for none; else None."""
    around = file.parents[count]
    if not isinstance(around, ast.Compare) or around.left is not count or len(around.ops) != 1:
        return None
    other = around.comparators[0]
    if not isinstance(other, ast.Constant) or type(other.value) is not int:
        return None
    return EXISTENCE.get((type(around.ops[0]), other.value))
