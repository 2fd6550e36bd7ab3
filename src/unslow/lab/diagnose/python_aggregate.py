"""python-aggregate: rows are read to be added up, counted or compared, which SQL does in place."""

from collections.abc import Callable, Iterator

from unslow.lab.diagnose._row_readings import Reading, finding, readings
from unslow.lab.rows._aggregate import totalled
from unslow.lab.rows._groups import grouped
from unslow.lab.rows._reductions import Reduction
from unslow.lab.rows._searched import searched
from unslow.model import Finding, Trace

MIN_ROWS = 20  # per request; fewer are as cheap to read as to add up in SQL
WORDS = {"sum": "add them up", "count": "count them", "max": "find the largest"}
SOUGHT = {"average": "average them", "row": "find one of them"}


def find_in_source(trace: Trace, read: Callable[[str], bytes]) -> Iterator[Finding]:
    """One finding per result whose rows serve nothing but totals, of all or of groups."""
    for reading in readings(trace, read, ("select", "reverse")):
        if reading.rows_per_request < MIN_ROWS:
            continue
        totals = totalled(reading.rows, reading.model, trace.database)
        if totals is not None and not _asks_existence(totals.reductions):
            yield _finding(trace, reading, totals.reductions)
        elif totals is None:
            yield from _others(trace, reading)


def _asks_existence(found: tuple[Reduction, ...]) -> bool:
    """Only whether there are rows: another finding."""
    return all(one.function == "count" and one.tested for one in found)


def _finding(trace: Trace, reading: Reading, found: tuple[Reduction, ...]) -> Finding:
    file, first = reading.file, next((r for r in found if not r.tested), found[0])
    cause = file.site(first.expression)
    what = WORDS.get(first.function, "find the smallest")
    title = f"{{endpoint}} reads {{rows}} rows to {what} in Python"
    return finding(trace, reading, "python-aggregate", cause, title, use=cause)


def _others(trace: Trace, reading: Reading) -> Iterator[Finding]:
    found = grouped(reading.rows, reading.model, trace.database, reading.query.sql)
    sought = searched(reading.rows, reading.model) if found is None else None
    place = found.expression if found is not None else sought.place if sought else None
    if place is not None:
        what = "add them up by groups" if sought is None else SOUGHT[sought.what]
        cause, title = (
            reading.file.site(place),
            f"{{endpoint}} reads {{rows}} rows to {what} in Python",
        )
        yield finding(trace, reading, "python-aggregate", cause, title, use=cause)
