"""read-modify-write: a loop reads each row's value, changes it in Python, and saves the row."""

from collections.abc import Callable, Iterator

from unslow.lab.diagnose._row_loops import Loops
from unslow.lab.diagnose._written import findings, written
from unslow.model import Finding, Trace


def find_in_source(trace: Trace, read: Callable[[str], bytes]) -> Iterator[Finding]:
    """One finding per writing expression that stores a value made of the one that was read."""
    found = [
        one for one in written(trace, Loops(read)) if one.loop.reads_itself and not one.loop.commits
    ]
    yield from findings(trace, "read-modify-write", found)
