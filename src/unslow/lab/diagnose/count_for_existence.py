"""count-for-existence: rows are read or counted only to know if there are any."""

from collections.abc import Callable, Iterator

from unslow.lab.diagnose._row_readings import Reading, counted, finding, readings
from unslow.lab.rows._existence import asked_of_count, asked_of_rows, is_count
from unslow.model import Finding, PlanNode, Site, Trace

MIN_ROWS = 20  # read per request; fewer cost no more than the statement
MIN_COUNTED = 500  # rows that a count goes through; a third of a millisecond for PostgreSQL
MIN_COUNT_MS = 1.0  # where no plan says how many


def find_in_source(trace: Trace, read: Callable[[str], bytes]) -> Iterator[Finding]:
    """One finding per test of a result, or of a count, that nothing else uses."""
    for reading in readings(trace, read, ("select", "reverse")):
        found = asked_of_rows(reading.rows)
        if found is not None and reading.rows_per_request >= MIN_ROWS:
            yield _finding(trace, reading, "reads {rows} rows", found.file.site(found.test))
    for reading in counted(trace, read):
        node = reading.rows.query
        found = asked_of_count(reading.file, node) if is_count(node) else None
        if found is not None and _is_long(trace, reading):
            yield _finding(trace, reading, "counts rows", found.file.site(found.test))


def _finding(trace: Trace, reading: Reading, what: str, test: Site) -> Finding:
    title = f"{{endpoint}} {what} to know if there are any"
    return finding(trace, reading, "count-for-existence", test, title, use=test)


def _is_long(trace: Trace, reading: Reading) -> bool:
    """Whether the count goes through many rows."""
    query = reading.query
    plan = next((one for one in trace.plans if one.fingerprint == query.fingerprint), None)
    if plan is None:
        return query.duration_ms >= MIN_COUNT_MS
    return _scanned(plan.root) >= MIN_COUNTED


def _scanned(node: PlanNode) -> int:
    own = node.rows + node.rows_removed if node.table else 0
    return own + sum(_scanned(below) for below in node.children)
