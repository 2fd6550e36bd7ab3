"""Tells counts and pages of a table by their statements."""

from functools import lru_cache

from pglast import ast

from unslow.lab.diagnose import _statements as statements


@lru_cache(maxsize=2048)
def counted_table(sql: str) -> str:
    """The table, where the statement is nothing but a count of its rows; "" elsewhere."""
    tree = statements.parse(sql)
    if not isinstance(tree, ast.SelectStmt) or not _is_count(tree):
        return ""
    source = _only_source(tree)
    if isinstance(source, ast.RangeSubselect):
        inner = source.subquery
        source = _only_source(inner) if isinstance(inner, ast.SelectStmt) else None
    return str(source.relname) if isinstance(source, ast.RangeVar) else ""


def _is_count(tree: ast.SelectStmt) -> bool:
    targets = list(tree.targetList or ())
    call = targets[0].val if len(targets) == 1 else None
    if not isinstance(call, ast.FuncCall) or call.agg_distinct or not call.funcname:
        return False
    return getattr(call.funcname[-1], "sval", "") == "count"


def _only_source(tree: ast.SelectStmt) -> ast.Node | None:
    """The one table of a statement that neither groups nor limits."""
    sources = list(tree.fromClause or ())
    plain = not tree.groupClause and not tree.limitCount and not tree.distinctClause
    return sources[0] if plain and len(sources) == 1 else None


@lru_cache(maxsize=2048)
def is_page(sql: str, table: str) -> bool:
    """Whether the statement reads some of the table's rows, in an order, and no more."""
    tree = statements.parse(sql)
    if not isinstance(tree, ast.SelectStmt) or tree.limitCount is None or not tree.sortClause:
        return False
    return table in (statements.tables(sql) or ())
