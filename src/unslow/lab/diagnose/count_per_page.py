"""count-per-page: all rows of a large table are counted for each page that is shown of it."""

from collections.abc import Iterator

from unslow.lab.diagnose._paging import counted_table, is_page
from unslow.lab.diagnose._planned import Planned, finding, nodes, planned, read
from unslow.model import Finding, PlanEvidence, Trace

MIN_COUNTED = 50_000  # rows of one count; PostgreSQL counts as many in some three milliseconds
MIN_SHARE = 0.2  # of the requests' time in their database


def find(trace: Trace) -> Iterator[Finding]:
    """One finding per count whose request also reads a page of the table."""
    for one in planned(trace):
        table = counted_table(one.plan.sql)
        rows = max((read(node) for node in nodes(one.plan.root) if node.table), default=0)
        if table and rows >= MIN_COUNTED and _is_for_pages(one, table):
            yield _finding(trace, one, table, rows)


def _is_for_pages(one: Planned, table: str) -> bool:
    """Whether every request that counts reads a page too, and counting is a good part of it."""
    requests = {request.id: request for request, _ in one.runs}.values()
    pages = all(any(is_page(query.sql, table) for query in each.queries) for each in requests)
    spent = sum(query.duration_ms for each in requests for query in each.queries)
    return pages and sum(query.duration_ms for _, query in one.runs) >= MIN_SHARE * spent


def _finding(trace: Trace, one: Planned, table: str, rows: int) -> Finding:
    evidence = PlanEvidence(
        shape=one.runs[0][1].shape,
        table=table,
        reason="PostgreSQL keeps no count of a table's rows: each count reads them or an index",
        advice="Show pages without a total (a next page, if one row more was found), count up to "
        "some thousand, keep the count for a minute, or take the estimate where there is no "
        "condition",
        reference=f"SELECT reltuples::bigint FROM pg_class WHERE oid = '{table}'::regclass",
        rows_read=rows,
        rows_used=1,
        example_sql=one.plan.sql,
    )
    title = f"counts {rows} rows of {table}"
    return finding(trace, "count-per-page", one, title, evidence, at_call=True)
