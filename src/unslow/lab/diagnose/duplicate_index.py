"""duplicate-index: an index that another one replaces is kept up to date by every write."""

from collections.abc import Iterator

from unslow.lab.diagnose._upkeep import finding, is_own, written
from unslow.lab.redundancy import how, redundant
from unslow.model import Finding, Trace


def find(trace: Trace) -> Iterator[Finding]:
    """One finding per index that is the same as another one of its table, or its beginning."""
    for table, writes in written(trace):
        if is_own(trace, table):
            for one, home in redundant(table.indexes):
                reason = how(one, home)
                yield finding(trace, "duplicate-index", table, one, writes, reason, "certain")
