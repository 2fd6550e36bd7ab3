"""Rows that a function reads only to add them up by the value of a column."""

import ast
from dataclasses import dataclass

from unslow.lab.rows import _django as django
from unslow.lab.rows._aggregate import EXACT
from unslow.lab.rows._columns import Kind, attribute, field_of, kind
from unslow.lab.rows._conditions import Condition, conditions
from unslow.lab.rows._flow import Rows, function
from unslow.lab.rows._select import Selected, selected
from unslow.lab.rows._values import Value, arithmetic
from unslow.model import Field, Model

KEYS: frozenset[Kind] = frozenset({"integer", "text", "truth", "key", "moment"})
OTHER_ROWS = ("GROUP BY", "DISTINCT", "LIMIT ", "OFFSET ")  # of the statement that gives the rows
CHANGING = frozenset({"annotate", "alias", "iterator", "distinct", "extra"})


@dataclass(frozen=True)
class Line:
    """One statement of the loop: `before`, the key, `middle`, and the value if it adds one."""

    into: str
    form: str  # "add": `d[k] += v`, "get": `d[k] = d.get(k, 0) + v`, "first": `if k not in d: …`
    value: Value | None = None
    start: str = "0"


@dataclass(frozen=True)
class Groups:
    """`for row in rows: totals[row.key] += row.value`, or `Counter(row.key for row in rows)`.

    `attribute` is how the row's key is read. A line without a value counts.
    """

    rows: Rows
    place: ast.For | ast.Call
    attribute: str
    key: Field
    lines: tuple[Line, ...]
    conditions: tuple[Condition, ...]
    statement: Selected | None = None

    @property
    def expression(self) -> ast.expr:
        return self.place.iter if isinstance(self.place, ast.For) else self.place


def grouped(rows: Rows, model: Model, database: str, sql: str) -> Groups | None:
    """None where rows are needed, or where SQL might give other totals than Python.

    `sql` is the statement that gave the rows.
    """
    statement = selected(rows) if model.orm == "sqlalchemy" else None
    if len(rows.uses) != 1 or not _is_plain(rows, model, statement, sql):
        return None
    use = rows.uses[0]
    if use.kind == "loop" and isinstance(use.holder, ast.For):
        return _loop(rows, use.holder, model, database, statement)
    if use.kind == "comprehension":
        return _counter(rows, use.holder, model, statement)
    return None


def _is_plain(rows: Rows, model: Model, statement: Selected | None, sql: str) -> bool:
    if any(word in sql.upper() for word in OTHER_ROWS):
        return False
    if model.orm == "django":
        steps = set(django.steps(rows))
        return django.is_queryset(rows) and not steps & (CHANGING | {"__getitem__"})
    if statement is None or statement.names & {"limit", "offset", "distinct", "params"}:
        return False
    return statement.name.rpartition(".")[2] == model.name


def _counter(rows: Rows, inner: ast.AST, model: Model, statement: Selected | None) -> Groups | None:
    call = rows.file.parents[inner]
    if not isinstance(inner, ast.GeneratorExp | ast.ListComp) or not isinstance(call, ast.Call):
        return None
    generator = inner.generators[0]
    if function(call) != "Counter" or call.args != [inner] or call.keywords:
        return None
    if not isinstance(generator.target, ast.Name):
        return None
    row = generator.target.id
    field = field_of(inner.elt, row, model)
    tests = generator.ifs
    test = tests[0] if len(tests) == 1 else ast.BoolOp(ast.And(), tests) if tests else None
    asked = conditions(test, row, model) if test is not None else ()
    if field is None or kind(field) not in KEYS or asked is None:
        return None
    name = attribute(inner.elt, row)
    return Groups(rows, call, name, field, (Line("", "add"),), asked, statement)


def _loop(
    rows: Rows, loop: ast.For, model: Model, database: str, statement: Selected | None
) -> Groups | None:
    if loop.orelse or not isinstance(loop.target, ast.Name):
        return None
    row, body = loop.target.id, loop.body
    asked: tuple[Condition, ...] = ()
    first = body[0]
    if len(body) == 1 and isinstance(first, ast.If) and not first.orelse:
        found = conditions(first.test, row, model)
        if found is None:
            return None
        body, asked = first.body, found
    key = next((key for line in body if (key := _key(line)) is not None), None)
    field = field_of(key, row, model) if key is not None else None
    if key is None or field is None or kind(field) not in KEYS:
        return None

    def write(one: Field) -> str:
        return f"{statement.name}.{one.name}" if statement else f'F("{one.name}")'

    lines: list[Line] = []
    for statement_ in body:
        made = _line(statement_, key)
        if made is None or made[0].into == row:
            return None
        line, added = made
        if added is not None and not _is_one(added):
            value = arithmetic(added, row, model, write)
            if value is None or (value.kind == "decimal" and not database.startswith(EXACT)):
                return None
            line = Line(line.into, line.form, value, line.start)
        lines.append(line)
    is_read_after = any(
        isinstance(node, ast.Name) and node.id == row and not _is_within(rows, node, loop)
        for node in ast.walk(rows.file.scope(loop))
    )
    adding = [one.into for one in lines if one.form != "first"]
    if is_read_after or not adding or len(set(adding)) < len(adding):
        return None
    name = attribute(key, row)
    return Groups(rows, loop, name, field, tuple(lines), asked, statement)


def _is_within(rows: Rows, node: ast.AST, loop: ast.For) -> bool:
    return node is loop.target or any(around is loop for around in rows.file.around(node))


def _key(line: ast.stmt) -> ast.expr | None:
    """The subscript of what the statement changes."""
    target: ast.expr | None = line.target if isinstance(line, ast.AugAssign) else None
    if isinstance(line, ast.Assign) and len(line.targets) == 1:
        target = line.targets[0]
    return target.slice if isinstance(target, ast.Subscript) else None


def _line(line: ast.stmt, key: ast.expr) -> tuple[Line, ast.expr | None] | None:
    """The form of a statement, and what it adds."""
    if isinstance(line, ast.AugAssign):
        into = _into(line.target, key)
        return (Line(into, "add"), line.value) if into and isinstance(line.op, ast.Add) else None
    if isinstance(line, ast.If):
        return _first(line, key)
    if not isinstance(line, ast.Assign) or len(line.targets) != 1:
        return None
    into, value = _into(line.targets[0], key), line.value
    if not into or not isinstance(value, ast.BinOp) or not isinstance(value.op, ast.Add):
        return None
    got = value.left
    plain = (
        isinstance(got, ast.Call)
        and isinstance(got.func, ast.Attribute)
        and got.func.attr == "get"
        and isinstance(got.func.value, ast.Name)
        and got.func.value.id == into
        and len(got.args) == 2
        and not got.keywords
        and _same(got.args[0], key)
        and _is_start(got.args[1])
    )
    if not plain or not isinstance(got, ast.Call):
        return None
    return Line(into, "get", None, ast.unparse(got.args[1])), value.right


def _first(line: ast.If, key: ast.expr) -> tuple[Line, None] | None:
    """`if key not in totals: totals[key] = 0`."""
    test, body = line.test, line.body
    if line.orelse or len(body) != 1 or not isinstance(body[0], ast.Assign):
        return None
    into = _into(body[0].targets[0], key) if len(body[0].targets) == 1 else ""
    plain = (
        isinstance(test, ast.Compare)
        and len(test.ops) == 1
        and isinstance(test.ops[0], ast.NotIn)
        and _same(test.left, key)
        and isinstance(test.comparators[0], ast.Name)
        and test.comparators[0].id == into
    )
    if not into or not plain or not _is_start(body[0].value):
        return None
    return Line(into, "first", None, ast.unparse(body[0].value)), None


def _into(target: ast.expr, key: ast.expr) -> str:
    if not isinstance(target, ast.Subscript) or not isinstance(target.value, ast.Name):
        return ""
    return target.value.id if _same(target.slice, key) else ""


def _same(one: ast.expr, other: ast.expr) -> bool:
    return ast.dump(one) == ast.dump(other)


def _is_one(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) is int and node.value == 1


def _is_start(node: ast.expr) -> bool:
    """`0`, `Decimal(0)`, `Decimal("0.00")`."""
    if isinstance(node, ast.Call):
        plain = function(node) == "Decimal" and len(node.args) <= 1 and not node.keywords
        return plain and all(isinstance(one, ast.Constant) for one in node.args)
    return isinstance(node, ast.Constant) and type(node.value) is int
