"""python-filter: rows are read, and then picked, sorted or cut in Python, where SQL can."""

from collections.abc import Callable, Iterator

from unslow.lab.diagnose._row_readings import Reading, finding, readings
from unslow.lab.rows import _django as django
from unslow.lab.rows._aggregate import totalled
from unslow.lab.rows._filtering import Filtering, filtering
from unslow.lab.rows._groups import grouped
from unslow.lab.rows._select import selected
from unslow.model import Finding, Trace

MIN_ROWS = 50  # read per request; of fewer there is little to spare
WORDS = {"pick": "pick some", "sort": "sort them and take the first", "cut": "take the first"}
FIXED = frozenset({"distinct", "limit", "offset", "__getitem__"})  # what comes before a condition


def find_in_source(trace: Trace, read: Callable[[str], bytes]) -> Iterator[Finding]:
    """One finding per result that is picked from, or sorted and cut, and not used otherwise."""
    for reading in readings(trace, read, ("select", "reverse")):
        if reading.rows_per_request < MIN_ROWS or not _is_plain(reading):
            continue
        found = filtering(reading.rows, reading.model)
        if found is None or totalled(reading.rows, reading.model, trace.database) is not None:
            continue
        if grouped(reading.rows, reading.model, trace.database, reading.query.sql) is not None:
            continue
        if found.work == "cut" and reading.model.orm == "django" and not reading.rows.listed:
            continue  # a slice of a queryset is SQL's
        yield _finding(trace, reading, found)


def _is_plain(reading: Reading) -> bool:
    """Whether the source shows a query of whole rows that takes more conditions."""
    if reading.model.orm == "django":
        known = django.point(reading.rows) is not None
        return (
            known
            and django.is_queryset(reading.rows)
            and not FIXED & set(django.steps(reading.rows))
        )
    statement = selected(reading.rows)
    return statement is not None and not FIXED & statement.names


def _finding(trace: Trace, reading: Reading, found: Filtering) -> Finding:
    place = reading.file.site(found.place)
    title = f"{{endpoint}} reads {{rows}} rows to {WORDS[found.work]} in Python"
    return finding(trace, reading, "python-filter", place, title, use=place, confidence="likely")
