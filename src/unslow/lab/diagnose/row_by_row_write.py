"""row-by-row-write: a loop inserts, updates or deletes its rows with a statement each."""

from collections.abc import Callable, Iterator

from unslow.lab.diagnose._row_loops import Loops
from unslow.lab.diagnose._written import findings, written
from unslow.model import Finding, Trace


def find_in_source(trace: Trace, read: Callable[[str], bytes]) -> Iterator[Finding]:
    """One finding per writing expression whose values are not made of the rows' own."""
    found = [
        one
        for one in written(trace, Loops(read))
        if not one.loop.reads_itself and not one.loop.commits
    ]
    yield from findings(trace, "row-by-row-write", found)
