"""slow-query: a statement reads far more than it returns, and no index would change that."""

from collections.abc import Iterator

from pglast import ast

from unslow.lab.diagnose import _statements as statements
from unslow.lab.diagnose._paging import counted_table
from unslow.lab.diagnose._planned import (
    MIN_READ,
    MIN_SHARE,
    Planned,
    finding,
    nodes,
    planned,
    read,
)
from unslow.model import Finding, PlanEvidence, PlanNode, Trace

SELECTIVE = 0.2  # rows used of rows read; above it PostgreSQL prefers to read everything
MIN_SUMMED = 1_000_000  # rows of one execution; PostgreSQL reads as many in some 60 milliseconds
MOST_RETURNED = 0.01  # of the rows that are read; more is a long list, not a summary
DAYS = frozenset({"date_trunc", "date_part", "extract", "date", "to_char"})


def find(trace: Trace) -> Iterator[Finding]:
    """One finding per statement of which the plan tells why it is slow."""
    for one in planned(trace):
        scans = [node for node in nodes(one.plan.root) if node.table and read(node) >= MIN_READ]
        scan = max(scans, key=lambda node: node.self_ms, default=None)
        if scan is None or counted_table(one.plan.sql):
            continue
        if evidence := _hidden(one, scan) or _summed(one, scan):
            title = f"reads {read(scan)} rows of {scan.table} to use {evidence.rows_used}"
            yield finding(trace, "slow-query", one, title, evidence, confidence="likely")


def _hidden(one: Planned, scan: PlanNode) -> PlanEvidence | None:
    """A condition on the day of a time, alone: no index may hold that."""
    column = _truncated(scan.filter)
    selective = scan.rows <= read(scan) * SELECTIVE
    if not column or not selective or scan.self_ms < MIN_SHARE * one.plan.total_ms:
        return None
    return PlanEvidence(
        shape=one.runs[0][1].shape,
        table=scan.table,
        reason=f"the condition is on a part of {column}, which no index of {column} leads to; "
        "with a time zone it is not constant, so that no index may hold it either",
        advice=f"Compare {column} itself with the beginning and the end of the time that is meant, "
        "and index it",
        reference=f"WHERE {column} >= :start AND {column} < :end",
        rows_read=read(scan),
        rows_used=scan.rows,
        example_sql=one.plan.sql,
    )


def _truncated(condition: str) -> str:
    """The column, where all that a filter compares is a part of one time."""
    tree = statements.parse(f"SELECT WHERE {condition}") if condition else None
    where = tree.whereClause if isinstance(tree, ast.SelectStmt) else None
    if not isinstance(where, ast.A_Expr) or isinstance(where.rexpr, ast.ColumnRef):
        return ""
    node: object = where.lexpr
    is_part = False
    while not isinstance(node, ast.ColumnRef):
        if isinstance(node, ast.TypeCast):
            names = node.typeName.names if node.typeName else ()
            is_part = is_part or getattr((names or (None,))[-1], "sval", "") == "date"
            node = node.arg
        elif isinstance(node, ast.FuncCall) and node.args:
            name = getattr((node.funcname or (None,))[-1], "sval", "")
            if name not in DAYS and name != "timezone":
                return ""
            is_part = is_part or name in DAYS
            node = next((one for one in node.args if not _is_literal(one)), None)
        else:
            return ""
    return str(getattr((node.fields or (None,))[-1], "sval", "")) if is_part else ""


def _is_literal(node: object) -> bool:
    while isinstance(node, ast.TypeCast):
        node = node.arg
    return isinstance(node, ast.A_Const)


def _summed(one: Planned, scan: PlanNode) -> PlanEvidence | None:
    """Very many rows, all of which the few that are returned need."""
    if read(scan) < MIN_SUMMED or scan.rows <= read(scan) * SELECTIVE:
        return None
    if one.plan.root.rows > read(scan) * MOST_RETURNED or one.plan.root.node == "Limit":
        return None
    return PlanEvidence(
        shape=one.runs[0][1].shape,
        table=scan.table,
        reason=f"the result needs {scan.rows} of the {read(scan)} rows, and leaves out few",
        advice="Keep the summary: a materialized view that is refreshed, a table of totals that "
        "writes add to, or a cache with the age that the page may have",
        rows_read=read(scan),
        rows_used=scan.rows,
        example_sql=one.plan.sql,
    )
