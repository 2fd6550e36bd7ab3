"""Scans of the executed plans, joined with what the statement asked of the table."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from pglast import ast, enums, parse_sql
from pglast.parser import ParseError

from unslow.lab.diagnose import _statements as statements
from unslow.lab.diagnose._statements import Access, Condition, Order
from unslow.model import Index, Plan, PlanNode, Table, Trace

MIN_ROWS = 1000  # read per loop; a smaller scan costs less than finding its place in an index
MIN_SHARE = 0.2  # of the statement's time
SELECTIVE = 0.2  # rows used of rows read; above it PostgreSQL prefers to read everything

LITERAL = re.compile(r"'(?:[^']|'')*'")


@dataclass(frozen=True)
class Scan:
    """One scan of a table. `above` are the plan's nodes around it, innermost first."""

    plan: Plan
    node: PlanNode
    above: tuple[PlanNode, ...]
    table: Table
    access: Access

    @property
    def read(self) -> int:
        return self.node.rows + self.node.rows_removed

    @property
    def is_large(self) -> bool:
        return self.read / max(1, self.node.loops) >= MIN_ROWS

    @property
    def is_selective(self) -> bool:
        return bool(self.node.filter) and self.node.rows <= self.read * SELECTIVE

    def share(self, *others: PlanNode) -> float:
        """The part of the statement's time that this scan and `others` take."""
        spent = self.node.self_ms + sum(other.self_ms for other in others)
        return min(1.0, spent / self.plan.total_ms) if self.plan.total_ms else 0.0

    def conditions(self, text: str) -> list[Condition]:
        """The statement's conditions on this table whose column `text` of the plan mentions."""
        return [one for one in self.access.conditions if mentions(text, one.column)]


def scans(trace: Trace) -> Iterator[Scan]:
    """Every scan of a known table under an alias that the statement uses once."""
    ordered = sorted(trace.tables, key=lambda table: table.schema == "public")
    tables = {table.name: table for table in ordered}
    for plan in trace.plans:
        known = statements.accesses(plan.sql)
        for node, above in _walk(plan.root, ()):
            access = known.get(node.alias)
            table = tables.get(node.table)
            if access is not None and table is not None and access.table == node.table:
                yield Scan(plan, node, above, table, access)


def mentions(text: str, column: str) -> bool:
    """Whether a plan's condition names `column` or `alias.column`, outside of literals."""
    bare = LITERAL.sub("''", text).replace('"', "")
    return re.search(rf"(?<!\w){re.escape(column)}(?!\w)", bare) is not None


def is_served(
    table: Table, equality: tuple[str, ...], ranges: tuple[str, ...], order: tuple[Order, ...]
) -> bool:
    """Whether an index exists that starts with these columns, in either direction of the order."""
    wanted = {*equality} if equality or order else {*ranges[:1]}
    return any(
        not index.predicate
        and index.method == "btree"
        and {name for name, _ in _keys(index)[: len(wanted)]} == wanted
        and _orders(_keys(index)[len(wanted) :], order)
        for index in table.indexes
    )


def _orders(keys: tuple[tuple[str, bool], ...], order: tuple[Order, ...]) -> bool:
    wanted = tuple((one.column, one.descending) for one in order)
    backward = tuple((name, not descending) for name, descending in wanted)
    return keys[: len(order)] in (wanted, backward)


@lru_cache(maxsize=1024)
def _keys(index: Index) -> tuple[tuple[str, bool], ...]:
    """The index's columns, and whether each is descending."""
    try:
        [parsed] = parse_sql(index.definition)
    except (ParseError, ValueError):
        return tuple((name, False) for name in index.columns)
    if not isinstance(parsed.stmt, ast.IndexStmt):
        return tuple((name, False) for name in index.columns)
    params = parsed.stmt.indexParams or ()
    return tuple(
        (_key(name, param.expr), param.ordering == enums.SortByDir.SORTBY_DESC)
        for name, param in zip(index.columns, params, strict=False)
    )


def _key(name: str, expression: ast.Node | None) -> str:
    """The column, or `lower(column)`, as conditions name it."""
    folded = statements.folding(expression)
    if folded is None:
        return name
    function, column = folded
    last = (column.fields or ("",))[-1]
    return f"{function}({getattr(last, 'sval', '')})"


def _walk(
    node: PlanNode, above: tuple[PlanNode, ...]
) -> Iterator[tuple[PlanNode, tuple[PlanNode, ...]]]:
    if node.table:
        yield node, above
    for child in node.children:
        yield from _walk(child, (node, *above))
