"""growing-cost: queries or rows read grow faster than the rows that are returned."""

from collections import Counter
from collections.abc import Iterator

from unslow.lab.diagnose import _views as views
from unslow.lab.diagnose._grown import RANKS, Grown, finding, grown
from unslow.model import Finding, Fit, GrowthEvidence, PlanNode, Trace
from unslow.model.growth import GrowthCounter

LARGE_READ = 5000  # rows per request at the largest size: other detectors look at such scans
MIN_QUERIES = 5  # at the largest size, of one statement; fewer are no loop
MIN_ROWS_READ = 1000  # at the largest size: below, PostgreSQL reads whole tables anyway
MIN_AT_100 = 25_000  # rows read; PostgreSQL reads as many in some two milliseconds
SELECTIVE = 0.2  # rows used of rows read; above it nearly all that is read is needed

ADVICE: dict[GrowthCounter, tuple[str, str]] = {
    "queries": (
        "Ask once for all rows instead of once for each, or bound how often it is asked",
        "the statements of the loop are not of one form that an edit could gather",
    ),
    "rows_read": (
        "Give the condition or the order an index, or say it so that an index serves it; compare "
        "with the last row that was seen instead of skipping rows",
        "at the sizes seen it is too quick to measure what a change gains",
    ),
}


def find(trace: Trace) -> Iterator[Finding]:
    """One finding per statement that is asked, or reads, more and more for the same result.

    Silent on what other detectors see at the largest size: repeated queries and large scans.
    """
    plans = {plan.fingerprint: plan.root for plan in trace.plans}
    for one in grown(trace):
        plan = plans.get(one.statement.fingerprint)
        if _asks_more(one):
            yield _finding(trace, one, "queries", one.statement.executions)
        elif plan is not None and _reads_more(one, plan):
            yield _finding(trace, one, "rows_read", one.each(one.statement.read))


def _asks_more(one: Grown) -> bool:
    executions = one.statement.executions
    asked = one.fitted(executions)
    if executions[-1] < MIN_QUERIES or not _is_worse(asked, one.fitted(one.statement.returned)):
        return False
    return not _is_known(one)


def _is_known(one: Grown) -> bool:
    """Whether others say so already, or it is right: repeats, batches of keys, pages, locks."""
    sql = one.query.sql
    is_batch = views.IN_LIST.search(sql) or views.PAGED.search(sql) or views.LOCKING.search(sql)
    if views.is_eager(one.query) or is_batch:
        return True
    values = Counter((request.id, *views.statement(query)) for request, query in one.runs)
    if max(values.values()) > 1:
        return True
    requests = {request.id: request for request, _ in one.runs}.values()
    name = one.statement.fingerprint
    return any(
        views.is_repeated(group)
        for request in requests
        for group in views.groups(request)
        if group.queries[0].fingerprint == name
    )


def _reads_more(one: Grown, plan: PlanNode) -> bool:
    rows = one.each(one.statement.read)
    reading = one.fitted(rows)
    if not _is_worse(reading, one.fitted(one.each(one.statement.returned))):
        return False
    per_request = one.statement.read[-1]
    is_large = per_request >= LARGE_READ and reading.growth != "quadratic"
    if rows[-1] < MIN_ROWS_READ or reading.at_100 < MIN_AT_100 or is_large:
        return False
    return _is_wasted(plan)


def _is_wasted(plan: PlanNode) -> bool:
    """Whether most rows are read in vain: thrown away by a condition, or cut off by a limit."""
    scans = [node for node in _nodes(plan) if node.table]
    used = sum(node.rows for node in scans)
    if used <= SELECTIVE * (used + sum(node.rows_removed for node in scans)):
        return True
    return plan.node == "Limit" and any(
        plan.rows <= SELECTIVE * child.rows for node in _nodes(plan) for child in node.children
    )


def _nodes(plan: PlanNode) -> Iterator[PlanNode]:
    yield plan
    for child in plan.children:
        yield from _nodes(child)


def _is_worse(cost: Fit, result: Fit) -> bool:
    return RANKS[cost.growth] > max(RANKS[result.growth], RANKS["logarithmic"])


def _finding(
    trace: Trace, one: Grown, counter: GrowthCounter, values: tuple[float, ...]
) -> Finding:
    fitted = one.fitted(values)
    advice, reason = ADVICE[counter]
    evidence = GrowthEvidence(
        counter=counter,
        growth=fitted.growth,
        sizes=one.sizes,
        values=values,
        at_10=fitted.at_10,
        at_100=fitted.at_100,
        reason=reason,
        advice=advice,
        shape=one.query.shape,
        example_sql=one.query.sql,
    )
    what = "queries" if counter == "queries" else "rows read"
    title = (
        f"grows {fitted.growth} in {what}, {values[0]:.0f} → {values[-1]:.0f}, while its result "
        f"stays {one.fitted(one.statement.returned).growth}"
    )
    return finding(trace, "growing-cost", one, title, evidence, "likely")
