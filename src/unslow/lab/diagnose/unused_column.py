"""unused-column: wide rows are loaded, and few of their columns are read."""

import ast
from collections.abc import Callable, Iterator

from unslow.lab.diagnose._row_readings import Reading, finding, readings
from unslow.lab.rows._aggregate import totalled
from unslow.lab.rows._groups import grouped
from unslow.lab.rows._narrowing import Narrowing, narrowing
from unslow.model import Finding, Query, Trace

MIN_ROWS = 100  # per request; below it the columns cost less than the statement
MIN_WIDE_ROWS = 20  # where a row of the table is long
WIDE_BYTES = 1000  # of a row on average; PostgreSQL stores what is over 2000 elsewhere
UNREAD_SHARE = 0.6  # of the columns; an instance costs more than a column or two


def find_in_source(trace: Trace, read: Callable[[str], bytes]) -> Iterator[Finding]:
    """One finding per result of whose rows most columns, or a heavy one, are never read."""
    for reading in readings(trace, read, ("select",)):
        found = narrowing(reading.rows, reading.model)
        if found is None or not _pays(trace, reading, found) or _asks_per_row(reading, found):
            continue
        if totalled(reading.rows, reading.model, trace.database) is not None:
            continue  # no row is wanted at all
        if grouped(reading.rows, reading.model, trace.database, reading.query.sql) is not None:
            continue
        yield _finding(trace, reading, found)


def _pays(trace: Trace, reading: Reading, found: Narrowing) -> bool:
    rows, columns = reading.rows_per_request, len(reading.model.fields)
    if found.heavy and _row_bytes(trace, reading) >= WIDE_BYTES:
        return rows >= MIN_WIDE_ROWS
    few = len(found.unused) >= UNREAD_SHARE * columns
    return rows >= MIN_ROWS and (found.heavy or few or found.reads.flat is not None)


def _row_bytes(trace: Trace, reading: Reading) -> float:
    """The size of a row on average, 0 when nobody knows."""
    names = (reading.model.table, reading.model.table.rpartition(".")[2])
    table = next((one for one in trace.tables if one.name in names), None)
    return table.bytes / table.rows if table is not None and table.rows else 0.0


def _asks_per_row(reading: Reading, found: Narrowing) -> bool:
    """Whether the loop runs queries: what cures them may need whole instances."""
    return any(
        _is_within(query, reading.file.path, loop)
        for group in reading.groups
        for query in group.request.queries
        if query not in group.queries
        for loop in found.reads.loops
    )


def _is_within(query: Query, path: str, loop: ast.AST) -> bool:
    first, last = getattr(loop, "lineno", 0), getattr(loop, "end_lineno", 0)
    return any(site.path == path and first <= site.line <= last for site in query.stack)


def _finding(trace: Trace, reading: Reading, found: Narrowing) -> Finding:
    columns = len(reading.model.fields)
    read = len(found.reads.fields)
    what = f"{read} of {columns} columns" if read else f"none of {columns} columns"
    return finding(
        trace,
        reading,
        "unused-column",
        reading.file.site(found.point),
        f"{{endpoint}} reads {what} of {{rows}} rows of {reading.model.name}",
        share=len(found.unused) / columns,
        fields=[field.name for field in found.reads.fields],
        unused=[field.name for field in found.unused],
    )
