"""What a statement asks of each table that it reads, with every name looked up in the catalogue."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from pglast import ast, enums
from pglast.stream import RawStream

from unslow.lab.indexing.catalogue import Catalogue, Table

MIRRORED = {"=": "=", "<": ">", ">": "<", "<=": ">=", ">=": "<="}
EXTREMES = frozenset({"min", "max"})


@dataclass(frozen=True)
class Order:
    column: str
    descending: bool = False


@dataclass
class Want:
    """What is asked of one table under one alias.

    `equal` and `listed` columns are compared with one value and with several, `ranges` by < or >.
    `joins` are the columns that another table's rows are compared with, by that table's alias.
    `always` are conditions without a value of their own, as SQL, by their columns.
    """

    table: Table
    equal: dict[str, str] = field(default_factory=dict)
    listed: list[str] = field(default_factory=list)
    ranges: list[str] = field(default_factory=list)
    joins: dict[str, list[str]] = field(default_factory=dict)
    always: dict[tuple[str, ...], str] = field(default_factory=dict)
    group: tuple[str, ...] = ()
    order: tuple[Order, ...] = ()
    used: dict[str, int] = field(default_factory=dict)  # how often each column is mentioned
    whole: bool = False  # by `*`: all columns are read

    @cached_property
    def leading(self) -> frozenset[str]:
        """The columns with which an index may begin; read once the statement is."""
        joined = (name for names in self.joins.values() for name in names)
        tested = (name for names in self.always for name in names)
        ordered = (one.column for one in self.order)
        return frozenset(
            (*self.equal, *self.listed, *self.ranges, *joined, *tested, *self.group, *ordered)
        )


@dataclass(frozen=True)
class Compared:
    """A parameter of the statement and what it is compared with."""

    table: Table
    column: str
    operator: str


@dataclass
class Asked:
    """All that a statement asks. `limits` are the parameters of LIMIT and OFFSET."""

    wants: list[Want] = field(default_factory=list)
    parameters: dict[int, Compared] = field(default_factory=dict)
    limits: dict[int, str] = field(default_factory=dict)


Scope = dict[str, Want | None]  # None: a name that is no table, as a subquery's


def asked(statement: ast.Node, catalogue: Catalogue) -> Asked:
    """Read a SELECT, UPDATE or DELETE; names that are not in the catalogue are passed over."""
    reader = _Reader(catalogue)
    if isinstance(statement, ast.SelectStmt):
        reader.select(statement, ())
    elif isinstance(statement, ast.UpdateStmt | ast.DeleteStmt):
        reader.change(statement)
    return reader.found


class _Reader:
    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.found = Asked()

    def select(self, select: ast.SelectStmt, outer: tuple[Scope, ...]) -> None:
        names: Scope = {}
        for one in (select.withClause.ctes if select.withClause else None) or ():
            names[str(one.ctename)] = None
            if isinstance(one.ctequery, ast.SelectStmt):
                self.select(one.ctequery, (names, *outer))
        if select.op != enums.SetOperation.SETOP_NONE:
            for side in (select.larg, select.rarg):
                if side is not None:
                    self.select(side, (names, *outer))
            return
        local: Scope = {}
        for item in select.fromClause or ():
            self._source(item, local, (names, *outer))
        scopes = (local, names, *outer)
        lists = (select.targetList, select.fromClause, select.groupClause, select.sortClause)
        for part in (*lists, select.whereClause, select.havingClause):
            self._use(part, scopes)
        quals = [qual for item in select.fromClause or () for qual in _join_quals(item)]
        for qual in (select.whereClause, *quals):
            for conjunct in _conjuncts(qual):
                self._condition(conjunct, scopes)
        self._arrange(select, scopes)
        for name, node in (("limit", select.limitCount), ("offset", select.limitOffset)):
            if number := _number(node):
                self.found.limits[number] = name

    def change(self, statement: ast.UpdateStmt | ast.DeleteStmt) -> None:
        local: Scope = {}
        others = statement.fromClause if isinstance(statement, ast.UpdateStmt) else None
        if isinstance(statement, ast.DeleteStmt):
            others = statement.usingClause
        for item in (statement.relation, *(others or ())):
            self._source(item, local, ())
        for want in local.values():
            if want is not None:
                want.whole = True
        self._use(statement.whereClause, (local,))
        for conjunct in _conjuncts(statement.whereClause):
            self._condition(conjunct, (local,))

    def _source(self, item: ast.Node | None, local: Scope, outer: tuple[Scope, ...]) -> None:
        if isinstance(item, ast.RangeVar):
            alias = str(item.alias.aliasname if item.alias else item.relname)
            schema, relation = str(item.schemaname or ""), str(item.relname)
            hidden = not schema and any(relation in scope for scope in outer)
            table = None if hidden else self.catalogue.table(relation, schema)
            want = Want(table) if table is not None else None
            local[alias] = want
            if want is not None:
                self.found.wants.append(want)
        elif isinstance(item, ast.JoinExpr):
            self._source(item.larg, local, outer)
            self._source(item.rarg, local, outer)
        elif isinstance(item, ast.RangeSubselect):
            if item.alias is not None:
                local[str(item.alias.aliasname)] = None
            if isinstance(item.subquery, ast.SelectStmt):
                self.select(item.subquery, (local, *outer) if item.lateral else outer)
        elif isinstance(item, ast.RangeFunction) and item.alias is not None:
            local[str(item.alias.aliasname)] = None

    def _use(self, node: object, scopes: tuple[Scope, ...]) -> None:
        """Note every column that is mentioned here, and read the statements within."""
        if isinstance(node, ast.SelectStmt):
            self.select(node, scopes)
        elif isinstance(node, ast.RangeSubselect):
            return
        elif isinstance(node, ast.ColumnRef):
            self._mention(node, scopes)
        elif isinstance(node, ast.Node):
            for name in node:
                self._use(getattr(node, name), scopes)
        elif isinstance(node, tuple | list):
            for one in node:
                self._use(one, scopes)

    def _mention(self, node: ast.ColumnRef, scopes: tuple[Scope, ...]) -> None:
        parts = node.fields or ()
        if isinstance(parts[-1], ast.A_Star):
            alias = str(getattr(parts[-2], "sval", "")) if len(parts) > 1 else ""
            for name, want in scopes[0].items():
                if want is not None and alias in ("", name):
                    want.whole = True
        elif found := self._column(node, scopes):
            found[0].used[found[1]] = found[0].used.get(found[1], 0) + 1
        elif len(parts) == 1 and (want := scopes[0].get(_last(parts))) is not None:
            want.whole = True  # the row itself, as in count(orders)

    def _column(self, node: object, scopes: tuple[Scope, ...]) -> tuple[Want, str] | None:
        """The table and column of a reference that stands alone, a cast around it aside."""
        node = _bare(node)
        if not isinstance(node, ast.ColumnRef):
            return None
        parts = node.fields or ()
        name = _last(parts)
        if len(parts) > 1:
            alias = str(getattr(parts[-2], "sval", ""))
            want = next((scope[alias] for scope in scopes if alias in scope), None)
            return (want, name) if want is not None and name in want.table.columns else None
        for scope in scopes:
            for want in scope.values():
                if want is not None and name in want.table.columns:
                    return want, name
        return None

    def _condition(self, node: ast.Node, scopes: tuple[Scope, ...]) -> None:
        if isinstance(node, ast.A_Expr):
            self._comparison(node, scopes)
        elif isinstance(node, ast.NullTest):
            self._always(node.arg, node, scopes)
        elif isinstance(node, ast.ColumnRef):
            self._always(node, node, scopes)
        elif isinstance(node, ast.BoolExpr) and node.boolop == enums.BoolExprType.NOT_EXPR:
            self._always(next(iter(node.args or ()), None), node, scopes)
        elif isinstance(node, ast.BoolExpr):
            self._either(node, scopes)
        elif (
            isinstance(node, ast.SubLink)
            and node.subLinkType == enums.SubLinkType.ANY_SUBLINK
            and (found := self._column(node.testexpr, scopes))
        ):
            found[0].joins.setdefault("", []).append(found[1])
            self._join_inside(node)

    def _join_inside(self, node: ast.SubLink) -> None:
        """`x IN (SELECT y FROM t)` joins t on y."""
        inner = node.subselect
        if not isinstance(inner, ast.SelectStmt) or len(inner.targetList or ()) != 1:
            return
        target = next(iter(inner.targetList or ()))
        local: Scope = {}
        for item in inner.fromClause or ():
            for one in _range_vars(item):
                alias = str(one.alias.aliasname if one.alias else one.relname)
                table = self.catalogue.table(str(one.relname), str(one.schemaname or ""))
                known = [w for w in self.found.wants if table is not None and w.table == table]
                local[alias] = known[-1] if known else None
        if found := self._column(target.val, (local,)):
            found[0].joins.setdefault("", []).append(found[1])

    def _either(self, node: ast.BoolExpr, scopes: tuple[Scope, ...]) -> None:
        """What all sides of an OR ask of the same column may be looked up as well."""
        sides = [_Reader(self.catalogue) for _ in node.args or ()]
        shadows: list[dict[int, Want]] = []
        for reader, side in zip(sides, node.args or (), strict=True):
            shadow = {id(w): Want(w.table) for s in scopes for w in s.values() if w is not None}
            shadows.append(shadow)
            copied = tuple(
                {name: shadow[id(w)] if w is not None else None for name, w in s.items()}
                for s in scopes
            )
            for conjunct in _conjuncts(side):
                if not _has_select(conjunct):
                    reader._condition(conjunct, copied)
            self.found.parameters.update(reader.found.parameters)
        for scope in scopes[:1]:
            for want in scope.values():
                if want is not None and shadows:
                    _common(want, [shadow[id(want)] for shadow in shadows])

    def _comparison(self, node: ast.A_Expr, scopes: tuple[Scope, ...]) -> None:
        operator = _last(node.name or ())
        left, right = node.lexpr, node.rexpr
        if node.kind in (enums.A_Expr_Kind.AEXPR_IN, enums.A_Expr_Kind.AEXPR_OP_ANY):
            if operator == "=" and (found := self._column(left, scopes)):
                self._parameter(right, found, "any" if not isinstance(right, tuple) else "=")
                found[0].listed.append(found[1])
        elif node.kind == enums.A_Expr_Kind.AEXPR_BETWEEN:
            if found := self._column(left, scopes):
                for side, bound in zip(_sides(right), (">=", "<="), strict=False):
                    self._parameter(side, found, f"between {bound}")
                found[0].ranges.append(found[1])
        elif node.kind == enums.A_Expr_Kind.AEXPR_LIKE:
            value = _value(right)
            if (found := self._column(left, scopes)) and value and value[1:2] not in "%_'":
                found[0].ranges.append(found[1])
        elif node.kind == enums.A_Expr_Kind.AEXPR_OP and operator in MIRRORED:
            self._operand(left, right, operator, scopes)
            self._operand(right, left, MIRRORED[operator], scopes)

    def _operand(
        self, side: object, other: object, operator: str, scopes: tuple[Scope, ...]
    ) -> None:
        found = self._column(side, scopes)
        if found is None:
            return
        want, name = found
        partner = self._column(other, scopes)
        if partner is not None and partner[0] is want:
            columns = tuple(sorted({name, partner[1]}))
            if operator in ("<", ">", "<=", ">=") and columns not in want.always:
                text = f"{quoted(name)} {operator} {quoted(partner[1])}"
                want.always[columns] = text
        elif partner is not None:
            if operator == "=":
                want.joins.setdefault(_key(partner[0], scopes), []).append(name)
        elif operator == "=":
            if _has_select(other):
                want.joins.setdefault("", []).append(name)
            else:
                want.equal.setdefault(name, _value(other))
        else:
            want.ranges.append(name)
        self._parameter(other, found, operator)

    def _parameter(self, node: object, found: tuple[Want, str], operator: str) -> None:
        for one in node if isinstance(node, tuple) else (node,):
            if number := _number(one):
                self.found.parameters[number] = Compared(found[0].table, found[1], operator)

    def _always(self, side: object, node: ast.Node, scopes: tuple[Scope, ...]) -> None:
        found = self._column(side, scopes)
        if found is None:
            return
        want, name = found
        if isinstance(node, ast.NullTest):
            negated = node.nulltesttype == enums.NullTestType.IS_NOT_NULL
            text = f"{quoted(name)} IS {'NOT ' * negated}NULL"
        else:
            text = f"NOT {quoted(name)}" if isinstance(node, ast.BoolExpr) else quoted(name)
        want.always.setdefault((name,), text)

    def _arrange(self, select: ast.SelectStmt, scopes: tuple[Scope, ...]) -> None:
        """Grouping and order, when they are by columns of one table."""
        outputs = {one.name: one.val for one in select.targetList or () if one.name}
        group = [self._column(_target(one, select, outputs), scopes) for one in _grouped(select)]
        if group and all(group):
            wants = {id(one[0]) for one in group if one}
            if len(wants) == 1 and group[0]:
                group[0][0].group = tuple(dict.fromkeys(one[1] for one in group if one))
        if select.groupClause is not None:
            return
        order = [
            (self._column(_target(one.node, select, outputs), scopes), one)
            for one in select.sortClause or ()
        ]
        if order and all(
            found and one.sortby_nulls == enums.SortByNulls.SORTBY_NULLS_DEFAULT
            for found, one in order
        ):
            wants = {id(found[0]) for found, _ in order if found}
            if len(wants) == 1 and order[0][0]:
                order[0][0][0].order = tuple(
                    Order(found[1], one.sortby_dir == enums.SortByDir.SORTBY_DESC)
                    for found, one in order
                    if found
                )
        targets = [one.val for one in select.targetList or ()]
        call = targets[0] if len(targets) == 1 else None
        if isinstance(call, ast.FuncCall) and _last(call.funcname or ()) in EXTREMES:
            argument = next(iter(call.args or ()), None)
            if found := self._column(argument, scopes):
                found[0].order = (Order(found[1]),)


def _common(want: Want, sides: list[Want]) -> None:
    def columns(side: Want) -> dict[str, str]:
        found = dict.fromkeys(side.ranges, "range")
        found |= dict.fromkeys([*side.equal, *side.listed], "listed")
        return found

    first = columns(sides[0])
    for name, role in first.items():
        others = [columns(side) for side in sides[1:]]
        if all(name in other for other in others):
            is_range = role == "range" or any(other[name] == "range" for other in others)
            (want.ranges if is_range else want.listed).append(name)
    for name in _joined(sides[0]):
        if all(name in _joined(side) for side in sides[1:]):
            want.joins.setdefault("", []).append(name)


def _joined(want: Want) -> list[str]:
    return [name for names in want.joins.values() for name in names]


def _key(want: Want, scopes: tuple[Scope, ...]) -> str:
    return next(
        (name for scope in scopes for name, one in scope.items() if one is want), str(id(want))
    )


def _target(node: object, select: ast.SelectStmt, outputs: Mapping[str, ast.Node]) -> object:
    if isinstance(node, ast.A_Const) and isinstance(node.val, ast.Integer):
        position = (node.val.ival or 0) - 1
        targets = select.targetList or ()
        return targets[position].val if 0 <= position < len(targets) else node
    if isinstance(node, ast.ColumnRef) and node.fields and len(node.fields) == 1:
        return outputs.get(_last(node.fields), node)
    return node


def _grouped(select: ast.SelectStmt) -> list[object]:
    if select.groupClause:
        return list(select.groupClause)
    if select.distinctClause:
        return [one.val for one in select.targetList or ()]
    return []


def _range_vars(item: ast.Node | None) -> Iterator[ast.RangeVar]:
    if isinstance(item, ast.RangeVar):
        yield item
    elif isinstance(item, ast.JoinExpr):
        yield from _range_vars(item.larg)
        yield from _range_vars(item.rarg)


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


def _has_select(node: object) -> bool:
    if isinstance(node, ast.Node):
        return isinstance(node, ast.SelectStmt) or any(
            _has_select(getattr(node, name)) for name in node
        )
    return isinstance(node, tuple | list) and any(map(_has_select, node))


def _bare(node: object) -> object:
    while isinstance(node, ast.TypeCast):
        node = node.arg
    return node


def _number(node: object) -> int:
    """The number of a parameter, 0 for anything else."""
    bare = _bare(node)
    return int(bare.number or 0) if isinstance(bare, ast.ParamRef) else 0


def _sides(node: object) -> tuple[object, ...]:
    return tuple(node) if isinstance(node, tuple | list) else ()


def _value(node: object) -> str:
    """The text of a literal, "" for anything else."""
    bare = _bare(node)
    return str(RawStream()(bare)) if isinstance(bare, ast.A_Const) else ""


def _last(parts: tuple[object, ...]) -> str:
    return str(getattr(parts[-1], "sval", "")) if parts else ""


@lru_cache(maxsize=4096)
def quoted(name: str) -> str:
    """The name as SQL writes it, in quotes only where it needs them."""
    return str(RawStream()(ast.ColumnRef(fields=(ast.String(sval=name),))))
