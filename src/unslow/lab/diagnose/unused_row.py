"""unused-row: many rows are read, and the first ones alone are used."""

from collections.abc import Callable, Iterator

from unslow.lab.diagnose._row_readings import Reading, finding, readings
from unslow.lab.rows import _django as django
from unslow.lab.rows._first import first_rows
from unslow.lab.rows._select import selected
from unslow.model import Finding, Trace

MIN_ROWS = 20  # per request; of fewer there is little to spare
CUT = frozenset({"limit", "offset", "distinct", "__getitem__"})


def find_in_source(trace: Trace, read: Callable[[str], bytes]) -> Iterator[Finding]:
    """One finding per result whose other rows the source shows to be of no use."""
    for reading in readings(trace, read, ("select", "reverse")):
        found = first_rows(reading.rows)
        if found is None or not _is_open(reading):
            continue
        if reading.rows_per_request >= max(MIN_ROWS, 2 * found.limit):
            what = "the first" if found.limit == 1 else f"the first {found.limit}"
            place = reading.file.site(reading.rows.value)
            title = f"{{endpoint}} reads {{rows}} rows and uses {what}"
            yield finding(trace, reading, "unused-row", place, title, use=place)


def _is_open(reading: Reading) -> bool:
    """Whether the query of whole rows takes a limit."""
    if reading.model.orm == "django":
        steps = set(django.steps(reading.rows))
        known = django.point(reading.rows) is not None
        return known and django.is_queryset(reading.rows) and not steps & (CUT | django.ENDS)
    statement = selected(reading.rows)
    return statement is not None and not statement.names & CUT
