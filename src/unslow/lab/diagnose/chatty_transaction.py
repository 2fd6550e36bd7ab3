"""chatty-transaction: a loop commits the row of each round in a transaction of its own."""

from collections.abc import Callable, Iterator

from msgspec.structs import replace

from unslow.lab.diagnose._row_loops import Loops
from unslow.lab.diagnose._written import findings, written
from unslow.model import Finding, Trace


def find_in_source(trace: Trace, read: Callable[[str], bytes]) -> Iterator[Finding]:
    """One finding per `commit()` that a loop runs for each of its rows."""
    found = [one for one in written(trace, Loops(read)) if one.loop.commits]
    for finding in findings(trace, "chatty-transaction", found):
        title = finding.title.replace(" rows one by one", " rows, each in a transaction of its own")
        yield replace(finding, title=title)
