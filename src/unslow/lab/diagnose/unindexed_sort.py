"""unindexed-sort: all rows of a table are sorted for the first few of them."""

from collections.abc import Iterator
from itertools import takewhile

from unslow.lab.diagnose._needs import Need, equalities, findings
from unslow.lab.diagnose._scans import MIN_ROWS, MIN_SHARE, SELECTIVE, Scan, is_served, scans
from unslow.model import Finding, PlanNode, Trace
from unslow.model.finding import Confidence

STREAMING = frozenset({"Gather Merge", "Gather", "Subquery Scan", "Result", "Memoize"})


def find(trace: Trace) -> Iterator[Finding]:
    """One finding per index that would give the rows in order."""
    needs = (need for scan in scans(trace) if (need := _need(scan)) is not None)
    return findings(trace, "unindexed-sort", needs, _title)


def _need(scan: Scan) -> Need | None:
    sort, limit = _sort(scan)
    order = scan.access.order
    if sort is None or limit is None or not order or not scan.access.limited:
        return None
    arriving = max(child.rows for child in sort.children)
    if arriving < MIN_ROWS or limit.rows > arriving * SELECTIVE or scan.is_selective:
        return None
    conditions = scan.conditions(f"{scan.node.filter} {scan.node.condition}")
    single = (one for one in conditions if one.role in ("equality", "constant"))
    equality = equalities(scan.table, single)
    names = tuple(one.key for one in equality)
    share = min(1.0, sort.ms / scan.plan.total_ms)  # what is below the sort runs for few rows then
    if share < MIN_SHARE or is_served(scan.table, names, (), order):
        return None
    confidence: Confidence = "certain" if scan.above[0] is sort else "likely"
    return Need(scan, equality, (), order, share, limit.rows, confidence)


def _sort(scan: Scan) -> tuple[PlanNode | None, PlanNode | None]:
    """The sort above the scan, and the limit above the sort."""
    position = next((n for n, node in enumerate(scan.above) if node.node == "Sort"), None)
    if position is None:
        return None, None
    outer = scan.above[position + 1 :]
    skipped = list(takewhile(lambda node: node.node in STREAMING, outer))
    limit = next(iter(outer[len(skipped) :]), None)
    is_limit = limit is not None and limit.node == "Limit"
    return scan.above[position], limit if is_limit else None


def _title(endpoint: str, need: Need) -> str:
    sorts = f"sorts {need.scan.node.rows} rows of {need.scan.table.name}"
    return f"{endpoint} {sorts} to return {need.used}"
