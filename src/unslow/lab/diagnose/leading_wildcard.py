"""leading-wildcard: a text is searched for anywhere in a column, row by row."""

from collections.abc import Iterator

from pglast import ast, enums

from unslow.lab.diagnose import _statements as statements
from unslow.lab.diagnose._planned import MIN_READ, MIN_SHARE, Planned, finding, nodes, planned, read
from unslow.model import Finding, PlanEvidence, PlanNode, Trace

LIKE = frozenset({"~~", "~~*"})
SELECTIVE = 0.2  # rows used of rows read; above it PostgreSQL prefers to read everything
MIN_LETTERS = 3  # of a pattern, to be found by its trigrams


def find(trace: Trace) -> Iterator[Finding]:
    """One finding per statement that scans a table for patterns that begin with a wildcard."""
    for one in planned(trace):
        for node in nodes(one.plan.root):
            found = _searched(node.filter) if node.table else []
            if found and _is_slow(one, node):
                yield _finding(trace, one, node, found)
                break


def _is_slow(one: Planned, node: PlanNode) -> bool:
    runs = len(one.runs) / one.requests
    return (node.node == "Seq Scan" or node.node.startswith("Index")) and (
        read(node) * runs >= MIN_READ
        and node.rows <= read(node) * SELECTIVE
        and node.self_ms >= MIN_SHARE * one.plan.total_ms
    )


def _searched(condition: str) -> list[str]:
    """The columns, as an index would hold them, where only patterns with a leading wildcard
    decide; none where another condition does too."""
    tree = statements.parse(f"SELECT WHERE {condition}") if condition else None
    where = tree.whereClause if isinstance(tree, ast.SelectStmt) else None
    sides = [where]
    if isinstance(where, ast.BoolExpr) and where.boolop == enums.BoolExprType.OR_EXPR:
        sides = list(where.args or ())
    found = [_pattern(side) for side in sides]
    return list(dict.fromkeys(one for one in found if one)) if all(found) else []


def _pattern(node: ast.Node | None) -> str:
    """`upper(title)` of `upper((title)::text) ~~ '%FOO%'::text`, "" for anything else."""
    if not isinstance(node, ast.A_Expr) or not node.name:
        return ""
    operator = str(getattr(node.name[-1], "sval", ""))
    value = _bare(node.rexpr)
    text = str(getattr(getattr(value, "val", None), "sval", "") or "")
    if operator not in LIKE or text[:1] not in ("%", "_") or _letters(text) < MIN_LETTERS:
        return ""
    folded = statements.folding(node.lexpr)
    column = folded[1] if folded else _bare(node.lexpr)
    if not isinstance(column, ast.ColumnRef):
        return ""
    name = str(getattr((column.fields or (None,))[-1], "sval", ""))
    return f"{folded[0]}({name})" if folded else name


def _letters(pattern: str) -> int:
    """The longest run without a wildcard."""
    return max(len(part) for part in pattern.replace("_", "%").split("%"))


def _bare(node: object) -> object:
    while isinstance(node, ast.TypeCast):
        node = node.arg
    return node


def _finding(trace: Trace, one: Planned, node: PlanNode, keys: list[str]) -> Finding:
    has_trigrams = "pg_trgm" in trace.extensions
    missing = "" if has_trigrams else "; this server does not have the extension"
    indexed = ", ".join(f"{key} gin_trgm_ops" for key in keys)
    evidence = PlanEvidence(
        shape=one.runs[0][1].shape,
        table=node.table,
        reason="an ordinary index is searched from a text's beginning, and the pattern has none",
        advice=f"Index the text's trigrams with pg_trgm{missing}; patterns of fewer than three "
        "letters still read everything",
        reference="CREATE EXTENSION IF NOT EXISTS pg_trgm; "
        f"CREATE INDEX CONCURRENTLY ON {node.table} USING gin ({indexed})",
        rows_read=read(node),
        rows_used=node.rows,
        example_sql=one.plan.sql,
    )
    title = f"searches {read(node)} rows of {node.table} for a text anywhere in {', '.join(keys)}"
    share = min(1.0, node.self_ms / one.plan.total_ms) if one.plan.total_ms else 0.0
    return finding(trace, "leading-wildcard", one, title, evidence, share=share)
