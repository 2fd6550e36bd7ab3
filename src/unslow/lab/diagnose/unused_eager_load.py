"""unused-eager-load: related rows are joined or prefetched, and nothing reads them."""

from collections.abc import Callable, Iterator

from unslow.lab.diagnose._row_readings import Reading, finding, readings
from unslow.lab.rows._eager import Eager, unused_eager
from unslow.model import Finding, Trace

MIN_ROWS = 20  # per request; below it a join costs next to nothing
SHARE = 0.5  # of the query's cost: a joined row is about as dear as its own


def find_in_source(trace: Trace, read: Callable[[str], bytes]) -> Iterator[Finding]:
    """One finding per result that loads relations which the function never reads."""
    for reading in readings(trace, read, ("select",)):
        found = unused_eager(reading.rows, reading.model)
        if found and reading.rows.uses and reading.rows_per_request >= MIN_ROWS:
            yield _finding(trace, reading, found)


def _finding(trace: Trace, reading: Reading, found: tuple[Eager, ...]) -> Finding:
    names = ", ".join(one.relation for one in found)
    title = f"{{endpoint}} loads {names} with {{rows}} rows of {reading.model.name}, never read"
    return finding(
        trace,
        reading,
        "unused-eager-load",
        reading.file.site(found[0].step),
        title,
        share=SHARE,
        relation=names,
    )
