"""What a statement asks of each table: conditions, joins and order, from its parse tree."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

from pglast import ast, enums, parse_sql
from pglast.parser import ParseError
from pglast.stream import RawStream

from unslow.observe._placeholders import numbered

Operand = ast.Node | tuple[Any, ...] | None
Role = Literal["equality", "list", "join", "range", "constant"]

FOLDING = frozenset({"lower", "upper"})  # ORMs compare so, without regard to case
MIRRORED = {"=": "=", "<": ">", ">": "<", "<=": ">=", ">=": "<="}
VOLATILE = frozenset(
    {"random", "clock_timestamp", "statement_timestamp", "timeofday", "gen_random_uuid"}
    | {"nextval", "setval", "lastval", "pg_sleep", "pg_is_in_recovery", "txid_current"}
)


@dataclass(frozen=True)
class Condition:
    """A condition that must hold for a row to count, on one column that stands alone.

    "equality" compares with a value, "join" with a column of another table, "list" with several
    values. "constant" is a test without a value (`NOT archived`, `x IS NULL`). `value` is the text
    of the operand, or `$n` for a parameter; `text` is the condition. `function` is what is applied
    to the column, where an index may hold its results.
    """

    column: str
    role: Role
    value: str
    text: str
    function: str = ""

    @property
    def key(self) -> str:
        """What an index would begin with."""
        return f"{self.function}({self.column})" if self.function else self.column


@dataclass(frozen=True)
class Order:
    column: str
    descending: bool


@dataclass
class Access:
    """What a statement asks of one table under one alias."""

    table: str
    conditions: list[Condition] = field(default_factory=list)
    order: tuple[Order, ...] = ()
    limited: bool = False
    used: tuple[str, ...] = ()  # columns, none where all of them may be read


@lru_cache(maxsize=2048)
def parse(sql: str) -> ast.Node | None:
    """The statement's tree with numbered parameters; None when PostgreSQL would not parse it."""
    try:
        parsed = parse_sql(numbered(sql))
    except ParseError:
        return None
    return parsed[0].stmt if len(parsed) == 1 else None


@lru_cache(maxsize=2048)
def tables(sql: str) -> frozenset[str] | None:
    """The names of all tables that the statement mentions; None when it cannot be parsed."""
    tree = parse(sql)
    if tree is None:
        return None
    return frozenset(str(one.relname) for one in _walk(tree) if isinstance(one, ast.RangeVar))


@lru_cache(maxsize=2048)
def limit(sql: str) -> str:
    """The text of the statement's LIMIT (`50`, `$3`), or "" without one."""
    tree = parse(sql)
    count = tree.limitCount if isinstance(tree, ast.SelectStmt) else None
    return RawStream()(count) if count is not None else ""


@lru_cache(maxsize=2048)
def written_table(sql: str) -> str:
    """The table that an INSERT or UPDATE writes to; "" for anything else."""
    tree = parse(sql)
    if not isinstance(tree, ast.InsertStmt | ast.UpdateStmt) or tree.relation is None:
        return ""
    return str(tree.relation.relname)


@lru_cache(maxsize=2048)
def is_volatile(sql: str) -> bool:
    """Whether two executions may differ although no data changed, or lock rows."""
    tree = parse(sql)
    if tree is None:
        return False
    for node in _walk(tree):
        if isinstance(node, ast.FuncCall):
            name = _name((node.funcname or ())[-1:])
            if name in VOLATILE or "advisory" in name:
                return True
        if isinstance(node, ast.LockingClause):
            return True
    return False


@lru_cache(maxsize=2048)
def count_conjuncts(condition: str) -> int:
    """How many conditions a filter of a plan joins by AND."""
    tree = parse(f"SELECT WHERE {condition}")
    return len(list(_conjuncts(tree.whereClause))) if isinstance(tree, ast.SelectStmt) else 1


@lru_cache(maxsize=2048)
def accesses(sql: str) -> dict[str, Access]:
    """Per alias that names one table only: what the statement asks of it."""
    tree = parse(sql)
    if tree is None:
        return {}
    selects = [node for node in _walk(tree) if isinstance(node, ast.SelectStmt)]
    sources = [dict(_sources(item)) for select in selects for item in select.fromClause or ()]
    uses = Counter(alias for source in sources for alias in source)
    found = {
        alias: Access(table)
        for source in sources
        for alias, table in source.items()
        if uses[alias] == 1
    }
    for select in selects:
        _read(select, found)
    return found


def _read(select: ast.SelectStmt, found: dict[str, Access]) -> None:
    local = [alias for item in select.fromClause or () for alias, _ in _sources(item)]
    quals = [qual for item in select.fromClause or () for qual in _join_quals(item)]
    for qual in (select.whereClause, *quals):
        for conjunct in _conjuncts(qual):
            for alias, condition in _conditions(conjunct, local):
                if alias in found and condition not in found[alias].conditions:
                    found[alias].conditions.append(condition)
    for alias in local:
        if alias in found:
            found[alias].used = _used(select, alias, local)
    alias, order = _order(select, local)
    if alias in found and order:
        found[alias].order = order
        found[alias].limited = select.limitCount is not None


def _sources(item: ast.Node | None) -> Iterator[tuple[str, str]]:
    if isinstance(item, ast.RangeVar):
        name = str(item.relname)
        yield (str(item.alias.aliasname) if item.alias else name), name
    elif isinstance(item, ast.JoinExpr):
        yield from _sources(item.larg)
        yield from _sources(item.rarg)


def _join_quals(item: ast.Node | None) -> Iterator[ast.Node]:
    if isinstance(item, ast.JoinExpr):
        yield from _join_quals(item.larg)
        yield from _join_quals(item.rarg)
        if item.quals is not None:
            yield item.quals


def _conjuncts(node: ast.Node | None) -> Iterator[ast.Node]:
    if isinstance(node, ast.BoolExpr) and node.boolop == enums.BoolExprType.AND_EXPR:
        for arg in node.args or ():
            yield from _conjuncts(arg)
    elif node is not None:
        yield node


def _conditions(node: ast.Node, local: list[str]) -> Iterator[tuple[str, Condition]]:
    if isinstance(node, ast.A_Expr):
        yield from _comparison(node, local)
    elif isinstance(node, ast.NullTest):
        yield from _bare(node.arg, node, local)
    elif isinstance(node, ast.BoolExpr) and node.boolop == enums.BoolExprType.NOT_EXPR:
        yield from _bare((node.args or (None,))[0], node, local)
    elif isinstance(node, ast.ColumnRef):
        yield from _bare(node, node, local)
    elif (
        isinstance(node, ast.SubLink)
        and node.subLinkType == enums.SubLinkType.ANY_SUBLINK
        and (column := _column(node.testexpr, local))
    ):
        yield column[0], Condition(column[1], "join", "", "")


def _bare(
    operand: ast.Node | None, node: ast.Node, local: list[str]
) -> Iterator[tuple[str, Condition]]:
    if column := _column(operand, local):
        text = _unqualified(node, column[1])
        yield column[0], Condition(column[1], "constant", "", text)


def _comparison(node: ast.A_Expr, local: list[str]) -> Iterator[tuple[str, Condition]]:
    operator = _name((node.name or ())[-1:])
    kind = node.kind
    left, right = node.lexpr, node.rexpr
    if kind in (enums.A_Expr_Kind.AEXPR_IN, enums.A_Expr_Kind.AEXPR_OP_ANY) and operator == "=":
        if (column := _column(left, local)) and not _mentions_column(right):
            if isinstance(right, tuple) and len(right) == 1:
                yield column[0], Condition(column[1], "equality", _text(right[0]), "")
            else:
                yield column[0], Condition(column[1], "list", "", "")
    elif kind == enums.A_Expr_Kind.AEXPR_BETWEEN:
        if (column := _column(left, local)) and not _mentions_column(right):
            yield column[0], Condition(column[1], "range", "", "")
    elif kind == enums.A_Expr_Kind.AEXPR_OP and operator in MIRRORED:
        yield from _operand(left, right, operator, local)
        yield from _operand(right, left, MIRRORED[operator], local)


def _operand(
    side: Operand, other: Operand, operator: str, local: list[str]
) -> Iterator[tuple[str, Condition]]:
    column = _column(side, local)
    if column is None:
        folded = folding(side) if operator == "=" and not _mentions_column(other) else None
        if folded and (column := _column(folded[1], local)):
            yield column[0], Condition(column[1], "equality", "", "", folded[0])
        return
    alias, name = column
    if operator == "=" and (partner := _column(other, local)):
        if partner[0] != alias:
            yield alias, Condition(name, "join", "", "")
    elif not _mentions_column(other):
        value = _text(other)
        role: Role = "equality" if operator == "=" else "range"
        yield alias, Condition(name, role, value, "")


def _column(node: Operand, local: list[str]) -> tuple[str, str] | None:
    """Alias and name of a column that stands alone; an unqualified one needs a single table."""
    if not isinstance(node, ast.ColumnRef):
        return None
    names = [_name((part,)) for part in node.fields or ()]
    if not names[-1]:
        return None
    if len(names) > 1:
        return names[-2], names[-1]
    return (local[0], names[0]) if len(local) == 1 else None


def folding(node: object) -> tuple[str, ast.ColumnRef] | None:
    """The function and the column of `lower(email)` or `upper(email::text)`."""
    if not isinstance(node, ast.FuncCall) or len(node.args or ()) != 1:
        return None
    name, argument = _name(node.funcname or ()), (node.args or (None,))[0]
    while isinstance(argument, ast.TypeCast):
        argument = argument.arg
    if name not in FOLDING or not isinstance(argument, ast.ColumnRef):
        return None
    return name, argument


def _used(select: ast.SelectStmt, alias: str, local: list[str]) -> tuple[str, ...]:
    """The columns of a table that the statement mentions, none where it has a `*`."""
    names: dict[str, None] = {}
    for node in _walk(select):
        if isinstance(node, ast.A_Star | ast.LockingClause):
            return ()
        if isinstance(node, ast.ColumnRef):
            column = _column(node, local)
            if column is None or (len(node.fields or ()) == 1 and column[1] in local):
                return ()
            if column[0] == alias:
                names[column[1]] = None
    return tuple(names)


def _order(select: ast.SelectStmt, local: list[str]) -> tuple[str, tuple[Order, ...]]:
    """The alias whose columns order the rows, when they are of one table and nulls as usual."""
    if select.groupClause or select.distinctClause or not select.sortClause:
        return "", ()
    outputs = {target.name: target.val for target in select.targetList or () if target.name}
    aliases, order = set(), []
    for sort in select.sortClause:
        column = _column(_sort_target(sort.node, select, outputs), local)
        if column is None or sort.sortby_nulls != enums.SortByNulls.SORTBY_NULLS_DEFAULT:
            return "", ()
        aliases.add(column[0])
        descending = sort.sortby_dir == enums.SortByDir.SORTBY_DESC
        order.append(Order(column[1], descending))
    return (aliases.pop(), tuple(order)) if len(aliases) == 1 else ("", ())


def _sort_target(node: ast.Node, select: ast.SelectStmt, outputs: dict[str, ast.Node]) -> ast.Node:
    if isinstance(node, ast.A_Const) and isinstance(node.val, ast.Integer):
        position = (node.val.ival or 0) - 1
        targets = select.targetList or ()
        return targets[position].val if 0 <= position < len(targets) else node
    if isinstance(node, ast.ColumnRef) and node.fields and len(node.fields) == 1:
        return outputs.get(_name(node.fields), node)
    return node


def _name(parts: Sequence[object]) -> str:
    """The last part of a qualified name, "" for `*`."""
    return str(getattr(parts[-1], "sval", "")) if parts else ""


def _mentions_column(node: object) -> bool:
    return any(isinstance(one, ast.ColumnRef | ast.SubLink) for one in _walk(node))


def _text(node: Operand) -> str:
    """`$n`, or the literal without the cast that an ORM puts around it; "" for an expression."""
    while isinstance(node, ast.TypeCast):
        node = node.arg
    if isinstance(node, ast.ParamRef):
        return f"${node.number}"
    return str(RawStream()(node)) if isinstance(node, ast.A_Const) else ""


def _unqualified(node: ast.Node, column: str) -> str:
    quoted = str(RawStream()(ast.ColumnRef(fields=(ast.String(sval=column),))))
    if isinstance(node, ast.NullTest):
        negated = node.nulltesttype == enums.NullTestType.IS_NOT_NULL
        return f"{quoted} IS {'NOT ' if negated else ''}NULL"
    return f"NOT {quoted}" if isinstance(node, ast.BoolExpr) else quoted


def _walk(node: object) -> Iterator[ast.Node]:
    if isinstance(node, ast.Node):
        yield node
        for name in node:
            yield from _walk(getattr(node, name))
    elif isinstance(node, tuple | list):
        for one in node:
            yield from _walk(one)
