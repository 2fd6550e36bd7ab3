"""Rows that are picked, sorted or cut in Python, as SQL does before they are read."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from unslow.lab.rows._columns import ORDERED, field_of, kind
from unslow.lab.rows._conditions import Condition, conditions
from unslow.lab.rows._file import File
from unslow.lab.rows._flow import Rows, Use, function, method
from unslow.model import Field, Model

Work = Literal["pick", "sort", "cut"]


@dataclass(frozen=True)
class Filtering:
    """What Python does with the rows at `place`, of which SQL can do the same.

    "pick": rows that meet the conditions, tested by `tests`, which are parts of a comprehension or
    statements of the loop `holder`. "sort": the first `limit` rows in `order` (column, descending).
    "cut": the first `limit` rows.
    """

    work: Work
    place: ast.expr
    use: Use
    conditions: tuple[Condition, ...] = ()
    tests: tuple[ast.expr | ast.If, ...] = ()
    order: tuple[tuple[Field, bool], ...] = ()
    limit: str = ""


def filtering(rows: Rows, model: Model) -> Filtering | None:
    """None where Python might pick, or sort, other rows than SQL."""
    if len(rows.uses) != 1:
        return None
    (use,) = rows.uses
    file = rows.file
    if use.kind == "comprehension":
        return _comprehension(use, model)
    if use.kind == "loop" and isinstance(use.holder, ast.For):
        return _loop(file, use, use.holder, model)
    if use.kind == "call" and function(use.holder) == "sorted" and isinstance(use.holder, ast.Call):
        return _sorted(file, use, use.holder, model)
    if use.kind == "slice" and isinstance(use.holder, ast.Subscript):
        limit = _limit(file, use.holder)
        return Filtering("cut", use.holder, use, limit=limit) if limit else None
    return None


def _comprehension(use: Use, model: Model) -> Filtering | None:
    generators = getattr(use.holder, "generators", [])
    target = generators[0].target if generators else None
    if not isinstance(target, ast.Name) or not isinstance(use.holder, ast.expr):
        return None
    asked: list[Condition] = []
    tests: list[ast.expr | ast.If] = []
    for test in generators[0].ifs:
        found = conditions(test, target.id, model)
        if found is not None:
            asked += found
            tests.append(test)
    if not tests:
        return None
    return Filtering("pick", use.holder, use, tuple(asked), tuple(tests))


def _loop(file: File, use: Use, loop: ast.For, model: Model) -> Filtering | None:
    """`if not row.active: continue` before anything else, or an `if` around everything."""
    first = loop.body[0]
    if not isinstance(first, ast.If) or first.orelse or not isinstance(loop.target, ast.Name):
        return None
    skips = [type(line) for line in first.body] == [ast.Continue]
    if (len(loop.body) == 1) == skips or loop.orelse:
        return None
    found = conditions(first.test, loop.target.id, model, wanted=not skips)
    if found is None or _names(first.test) & _bound(loop) or (not skips and _is_long(file, first)):
        return None
    return Filtering("pick", use.node, use, found, (first,))


def _names(test: ast.expr) -> set[str]:
    return {node.id for node in ast.walk(test) if isinstance(node, ast.Name)}


def _bound(loop: ast.For) -> set[str]:
    """Every name that the loop's body gives a value."""
    return {
        node.id
        for line in loop.body
        for node in ast.walk(line)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }


def _is_long(file: File, block: ast.If) -> bool:
    """Whether a text of several lines keeps the block from being moved to the left."""
    return any(
        isinstance(node, ast.Constant | ast.JoinedStr)
        and (node.end_lineno or node.lineno) > node.lineno
        for node in ast.walk(block)
    ) or any(node.lineno == block.lineno for node in block.body)


def _sorted(file: File, use: Use, call: ast.Call, model: Model) -> Filtering | None:
    cut = file.parents[call]
    words = {word.arg: word.value for word in call.keywords}
    if not isinstance(cut, ast.Subscript) or cut.value is not call or set(words) - _SORTING:
        return None
    limit = _limit(file, cut)
    order = _order(words.get("key"), words.get("reverse"), model)
    return Filtering("sort", cut, use, order=order, limit=limit) if limit and order else None


_SORTING = {"key", "reverse"}


def _order(
    key: ast.expr | None, backwards: ast.expr | None, model: Model
) -> tuple[tuple[Field, bool], ...]:
    """The columns of a key, () where the database may sort otherwise."""
    reverse = False
    if backwards is not None:
        if not isinstance(backwards, ast.Constant):
            return ()
        reverse = bool(backwards.value)
    found = tuple(_keys(key, model))
    if not found or any(
        field is None or field.null or kind(field) not in ORDERED for field, _ in found
    ):
        return ()
    return tuple((field, down != reverse) for field, down in found if field is not None)


def _keys(key: ast.expr | None, model: Model) -> Iterator[tuple[Field | None, bool]]:
    if isinstance(key, ast.Lambda) and len(key.args.args) == 1:
        row = key.args.args[0].arg
        parts = key.body.elts if isinstance(key.body, ast.Tuple) else [key.body]
        for part in parts:
            down = isinstance(part, ast.UnaryOp) and isinstance(part.op, ast.USub)
            node = part.operand if isinstance(part, ast.UnaryOp) and down else part
            field = field_of(node, row, model)
            yield (field if field and not (down and kind(field) == "moment") else None), down
    elif "attrgetter" in (function(key) if key else "", method(key) if key else ""):
        assert isinstance(key, ast.Call)
        for name in key.args:
            read = ast.Attribute(ast.Name("row"), getattr(name, "value", ""))
            yield field_of(read, "row", model), False


def _limit(file: File, cut: ast.Subscript) -> str:
    """`n` of `[:n]`; a negative number counts from the end."""
    part = cut.slice
    if not isinstance(part, ast.Slice) or part.lower or part.step or part.upper is None:
        return ""
    upper = part.upper
    if isinstance(upper, ast.Constant):
        return str(upper.value) if type(upper.value) is int else ""
    return upper.id if isinstance(upper, ast.Name) else ""
