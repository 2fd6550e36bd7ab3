"""deep-offset: rows are read only to be skipped, as the page is found by counting them."""

from collections.abc import Iterator

from pglast import ast

from unslow.lab.diagnose import _statements as statements
from unslow.lab.diagnose._planned import MIN_READ, MIN_SHARE, Planned, finding, planned
from unslow.lab.diagnose._statements import Order
from unslow.model import Finding, PlanEvidence, PlanNode, Trace

MIN_RATIO = 10  # rows skipped for each one that is returned


def find(trace: Trace) -> Iterator[Finding]:
    """One finding per statement that was seen to skip far."""
    for one in planned(trace):
        tree = statements.parse(one.plan.sql)
        limit = one.plan.root
        if not isinstance(tree, ast.SelectStmt) or tree.limitOffset is None:
            continue
        if limit.node == "Limit" and len(limit.children) == 1 and _is_deep(one, limit):
            yield _finding(trace, one, limit)


def _is_deep(one: Planned, limit: PlanNode) -> bool:
    skipped = _skipped(limit)
    return (
        skipped >= max(MIN_READ, MIN_RATIO * limit.rows)
        and limit.rows > 0
        and _share(one, limit) >= MIN_SHARE
    )


def _skipped(limit: PlanNode) -> int:
    return limit.children[0].rows - limit.rows


def _share(one: Planned, limit: PlanNode) -> float:
    """The part of the statement's time in which rows are made that are skipped."""
    below = limit.children[0]
    spent = below.ms * _skipped(limit) / max(below.rows, 1)
    return min(1.0, spent / one.plan.total_ms) if one.plan.total_ms else 0.0


def _finding(trace: Trace, one: Planned, limit: PlanNode) -> Finding:
    skipped = _skipped(limit)
    table, order = _order(one.plan.sql)
    evidence = PlanEvidence(
        shape=one.runs[0][1].shape,
        table=table,
        reason="a page that is found by OFFSET needs every row before it",
        advice="Let the page begin after the last row of the page before: give its order's values "
        "to the client, and compare with them instead of counting rows",
        reference=_keyset(order),
        rows_read=skipped + limit.rows,
        rows_used=limit.rows,
        example_sql=one.plan.sql,
    )
    title = f"skips {skipped} rows to return {limit.rows}"
    share = _share(one, limit)
    return finding(trace, "deep-offset", one, title, evidence, share=share)


def _order(sql: str) -> tuple[str, tuple[Order, ...]]:
    found = [one for one in statements.accesses(sql).values() if one.order]
    return (found[0].table, found[0].order) if len(found) == 1 else ("", ())


def _keyset(order: tuple[Order, ...]) -> str:
    """The condition in place of the offset, where the order goes one way; "" elsewhere."""
    if len({one.descending for one in order}) != 1:
        return ""
    names = ", ".join(one.column for one in order)
    values = ", ".join(f":last_{one.column}" for one in order)
    sign, way = ("<", " DESC") if order[0].descending else (">", "")
    left, right = (f"({names})", f"({values})") if len(order) > 1 else (names, values)
    ordered = ", ".join(f"{one.column}{way}" for one in order)
    return f"WHERE {left} {sign} {right} ORDER BY {ordered} LIMIT …"
